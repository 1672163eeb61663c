"""Every page of the built site, as a reader meets it: in a browser, light and dark, and on a phone.

Each page is opened once. What it asks for, what it complains about and what it weighs are recorded
on the way; the looks at it (`tests.site.look`) follow in the same tab. The second half plants a
fault of each kind and sees it found.
"""

import functools
import re
from dataclasses import dataclass

import pytest

from tests.site import look

TEXT_PAGE, WIDGET_PAGE = 350_000, 600_000  # bytes over the line, everything counted
# A slider for β carries a whole family of trained decoders.
FAMILY_PAGE = {"book/information/rate-distortion.html": 900_000}
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass
class Visit:
    """One page, seen on a desk in light and in dark, then on a phone."""

    record: look.Record
    weight: int
    heaviest: str
    widgets: bool
    pictures: list[str]
    findings: dict[str, list[str]]
    wide: list[str]
    small: list[str]
    theme: str


def see(browser, site: str, name: str) -> Visit:
    page = browser.new_page(viewport=DESK, color_scheme="light", reduced_motion="reduce")
    record = look.Record(site)
    record.watch(page)
    page.goto(f"{site}/{name}")
    look.settle(page)
    weight, heaviest = record.weight(), record.heaviest()
    widgets = page.locator("script[type='application/vnd.jupyter.widget-view+json']").count() > 0
    findings = {"light": look.accessibility(page)}
    pictures = look.pictures_without_text(page)
    page.emulate_media(color_scheme="dark")
    look.settle(page)
    theme = page.locator("html").get_attribute("data-theme")
    findings["dark"] = look.accessibility(page)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    look.settle(page)
    page.wait_for_timeout(350)  # the theme marks what scrolls 0.3 s after the window changed
    findings["phone"] = look.accessibility(page)
    wide, small = look.sideways(page), look.small_targets(page)
    page.close()
    return Visit(record, weight, heaviest, widgets, pictures, findings, wide, small, theme)


@pytest.fixture(scope="session")
def visit(browser, site):
    """visit(name) -> Visit, each page opened once."""
    return functools.cache(functools.partial(see, browser, site))


def test_no_request_to_anybody_else(visit, page_name):
    assert visit(page_name).record.elsewhere() == []


def test_no_error_in_the_console(visit, page_name):
    assert visit(page_name).record.complaints == []


def test_weight(visit, page_name):
    seen = visit(page_name)
    limit = FAMILY_PAGE.get(page_name, WIDGET_PAGE) if seen.widgets else TEXT_PAGE
    assert 50_000 < seen.weight <= limit, seen.heaviest


@pytest.mark.parametrize("condition", ["light", "dark", "phone"])
def test_axe_finds_nothing_serious(visit, page_name, condition):
    assert visit(page_name).findings[condition] == []


def test_dark_is_dark(visit, page_name):
    assert visit(page_name).theme == "dark", "the colour scheme of the system is followed"


def test_no_sideways_scrolling_on_a_phone(visit, page_name):
    assert visit(page_name).wide == []


def test_a_finger_hits_every_control(visit, page_name):
    assert visit(page_name).small == []


def test_pictures_say_what_they_show(visit, page_name):
    assert visit(page_name).pictures == []


def test_links_and_anchors_resolve(site_folder):
    assert look.broken_links(site_folder) == []


def test_search_finds_a_page_and_asks_nobody(browser, site):
    page = browser.new_page(viewport=DESK)
    record = look.Record(site)
    record.watch(page)
    page.goto(f"{site}/book/index.html")
    look.settle(page)
    assert not any("searchindex" in url for url in record.requests)  # no page pays for it
    page.keyboard.press("Control+k")
    page.keyboard.type("log-variance")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=log-variance*")
    page.get_by_text("Search finished").wait_for()
    page.wait_for_load_state("networkidle")  # it reads the pages that it found
    page.locator("#search-results .search a").first.click()
    page.wait_for_url("**/book/**")
    assert "log" in page.locator("article").inner_text()
    assert (record.elsewhere(), record.complaints) == ([], [])
    page.close()


def test_a_wrong_address_gets_a_page_that_helps(browser, site):
    page = browser.new_page(viewport=DESK)
    answer = page.goto(f"{site}/book/vae/no/such/page.html")
    look.settle(page)
    assert answer.status == 404
    assert page.locator("article h1").inner_text() == "There is nothing at this address"
    assert "Source Serif 4" in page.evaluate("getComputedStyle(document.body).fontFamily")
    page.get_by_role("main").get_by_role("link", name="The first page").click()
    page.wait_for_url("**/book/index.html")
    page.close()


def test_colour_mode_goes_round(browser, site):
    page = browser.new_page(viewport=DESK, color_scheme="light")
    page.goto(f"{site}/book/index.html")
    look.settle(page)
    modes = []
    for _ in range(3):
        page.get_by_role("button", name=re.compile("Colour mode")).click()
        modes.append(page.locator("html").get_attribute("data-mode"))
    assert sorted(modes) == ["auto", "dark", "light"]
    page.close()


# --- faults, planted to see the checks fail -----------------------------------------------------


@pytest.fixture
def opened(browser, site):
    """open(html) -> (page, record): the first page of the site with `html` put into it."""
    pages = []

    def open_page(html: str, viewport=DESK):
        page = browser.new_page(viewport=viewport)
        pages.append(page)
        record = look.Record(site)
        record.watch(page)

        def planted(route):
            body = route.fetch().text()
            route.fulfill(body=body.replace("</article>", f"{html}</article>"))

        page.route("**/book/index.html", planted)
        page.goto(f"{site}/book/index.html")
        look.settle(page)
        return page, record

    yield open_page
    for page in pages:
        page.close()


def test_planted_request_is_noticed(opened, site):
    elsewhere = site.replace("127.0.0.1", "localhost")
    _, record = opened(f'<img src="{elsewhere}/_static/favicon.svg" alt="elsewhere">')
    assert record.elsewhere() == [f"{elsewhere}/_static/favicon.svg"]


@pytest.mark.parametrize(
    "html",
    [
        "<script>console.error('planted')</script>",
        "<script>throw new Error('planted')</script>",
        "<script src='planted.js'></script>",
    ],
)
def test_planted_error_is_noticed(opened, html):
    _, record = opened(html)
    assert "planted" in " ".join(record.complaints)


def test_planted_weight_is_noticed(opened):
    light = opened("")[1].weight()
    heavy = opened("<p hidden>" + "".join(map(str, range(100_000))) + "</p>")[1].weight()
    assert heavy - light > 100_000


@pytest.mark.parametrize(
    "html",
    [
        "<button></button>",
        '<p style="color: #aaa; background: #fff">pale words</p>',
        "<input type='range'>",
    ],
)
def test_planted_barrier_is_noticed(opened, html):
    page, _ = opened(html)
    assert look.accessibility(page) != []


def test_planted_width_is_noticed(opened):
    page, _ = opened('<div style="width: 600px">wide</div>', PHONE)
    assert "600px" in " ".join(look.sideways(page))


def test_planted_small_target_is_noticed(opened):
    page, _ = opened('<button style="width: 60px; height: 16px; padding: 0">x</button>', PHONE)
    assert "60x16" in " ".join(look.small_targets(page))


@pytest.mark.parametrize(
    "html",
    [
        '<img src="../_static/favicon.svg">',
        '<svg width="9" height="9"></svg>',
        "<canvas></canvas>",
        "<figure>only words</figure>",
    ],
)
def test_planted_picture_without_text_is_noticed(opened, html):
    page, _ = opened(html)
    assert len(look.pictures_without_text(page)) == 1


@pytest.mark.parametrize("target", ["nowhere.html", "#nowhere", "b.html#nowhere", "../c.html"])
def test_planted_link_is_noticed(tmp_path, target):
    (tmp_path / "b.html").write_text('<p id="here">', encoding="utf8")
    page = tmp_path / "a.html"
    page.write_text('<a id="x" href="b.html#here"></a><a href="#x"></a>', encoding="utf8")
    assert look.broken_links(tmp_path) == []
    page.write_text(f'<a href="{target}"></a>', encoding="utf8")
    assert len(look.broken_links(tmp_path)) == 1
