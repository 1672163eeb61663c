"""What all tests share: the browser, the served site, and a table of what each layer took."""

from collections import Counter

import pytest

pytest_plugins = ["tests.devices", "tests.statistics"]

LAYERS = {
    "site": "site",
    "notebooks": "notebooks",
    "derivations": "derivations and exercises",
    "exercises": "derivations and exercises",
    "tools": "tools",
    "widgets": "widgets",
}
LEFT_OUT: list[str] = []  # files whose browser tests were left out on request


def pytest_addoption(parser):
    parser.addoption(
        "--no-browser", action="store_true", help="leave out the tests that need Chromium"
    )


@pytest.fixture(scope="session")
def browser():
    """Chromium, one for all tests of a worker."""
    from playwright.sync_api import sync_playwright

    from tools.browser import ARGUMENTS, MISSING, chromium

    path = chromium()
    assert path, MISSING
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def site():
    """The address of the built site, served on this machine: http://127.0.0.1:port."""
    from tools.serve import SITE, serving

    assert (SITE / "index.html").is_file(), f"there is no {SITE}: run `make book` first"
    with serving(SITE) as address:
        yield address


def pytest_collection_modifyitems(config, items):
    if config.getoption("--no-browser"):
        leave = [item for item in items if "browser" in item.fixturenames]
        items[:] = [item for item in items if item not in leave]
        config.hook.pytest_deselected(items=leave)
        LEFT_OUT.extend(sorted({item.nodeid.split("::")[0] for item in leave}))


# With pytest-xdist, collecting is done by the workers and the summary by their controller.


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = LEFT_OUT


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    LEFT_OUT[:] = getattr(node, "workeroutput", {}).get("left_out", [])


def pytest_terminal_summary(terminalreporter):
    seconds, tests = Counter(), Counter()
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            parts = report.nodeid.split("/")
            layer = LAYERS.get(parts[1], "package") if len(parts) > 2 else "package"
            seconds[layer] += getattr(report, "duration", 0)  # a failed collection has none
            tests[layer] += report.when == "call"
    terminalreporter.section("time of each layer (seconds of work; tests run side by side)")
    for layer in ("package", "derivations and exercises", "widgets", "tools", "notebooks", "site"):
        terminalreporter.line(f"{layer:27}{tests[layer]:5} tests {seconds[layer]:8.1f} s")
    if LEFT_OUT:
        terminalreporter.line("Left out, because they need Chromium: " + ", ".join(LEFT_OUT))
