"""What the course adds to every page: directives, buttons, footer, icons, fonts and a 404 page.

One setting says where the course lives, `repository: url:` in `_config.yml`; the links to Colab, to
the repository and to the form for mistakes are built from it. They are links: no page fetches them.
"""

import shutil
import subprocess
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlencode, urlsplit

import course_claims
import course_directives
import course_facts
import course_landing
import course_reproductions
from course_icons import icon
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.osutil import relative_uri

NOTEBOOK_BRANCH = "notebooks"  # where publishing pushes the resolved copies

FONTS = ("latin-400-normal", "latin-400-italic", "latin-600-normal", "greek-400-normal")


def repository(app: Sphinx) -> str:
    """The repository's address without a final slash, or "" if none is set."""
    return (app.config.html_theme_options or {}).get("repository_url", "").rstrip("/")


def edition(app: Sphinx) -> str:
    """The version in pyproject.toml, which is what the package calls `__version__`."""
    for line in (Path(app.confdir) / "pyproject.toml").read_text(encoding="utf-8").splitlines():
        if line.startswith("version"):
            return line.split('"')[1]
    raise ValueError("pyproject.toml has no line that begins with version")


def commit(app: Sphinx) -> str:
    """The commit that the site is built from, or "" outside a checkout."""
    command = ["git", "-C", str(app.confdir), "rev-parse", "--short=10", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def report_url(app: Sphinx, pagename: str, title: str) -> str:
    """The form for mistakes with page and edition filled in; the quote is left to the reader."""
    fields = {
        "template": "mistake.yml",
        "title": f"Mistake: {title}",
        "page": f"{title} ({pagename}.html)",
        "edition": " ".join(filter(None, (edition(app), commit(app)))),
    }
    return f"{repository(app)}/issues/new?{urlencode(fields, quote_via=quote)}"


def colab_url(app: Sphinx, docname: str) -> str:
    """Colab opens the resolved copy on the branch `notebooks` of the repository."""
    owner_and_name = urlsplit(repository(app)).path.strip("/")
    name = f"{PurePosixPath(docname).name}.ipynb"
    return (
        f"https://colab.research.google.com/github/{owner_and_name}/blob/{NOTEBOOK_BRANCH}/{name}"
    )


def is_chapter(app: Sphinx, docname: str) -> bool:
    return docname in app.env.found_docs and app.env.doc2path(docname).endswith(".ipynb")


def chapter_buttons(app: Sphinx, docname: str, title: str) -> str:
    """Open in Colab, download the notebook, report a mistake."""
    name = f"{PurePosixPath(docname).name}.ipynb"
    here = app.builder.get_target_uri(docname)
    download = relative_uri(here, f"notebooks/{name}")
    buttons = [
        f'<a class="cp-button" href="{download}" download>{icon("download")}Download notebook</a>'
    ]
    if repository(app):
        colab, report = colab_url(app, docname), report_url(app, docname, title)
        buttons.insert(0, f'<a class="cp-button" href="{colab}">{icon("play")}Open in Colab</a>')
        buttons.append(
            f'<a class="cp-button" href="{report.replace("&", "&amp;")}">'
            f"{icon('flag')}Report a mistake</a>"
        )
    return f'<div class="cp-buttons d-print-none">{"".join(buttons)}</div>'


def add_buttons(app: Sphinx, document: nodes.document, docname: str) -> None:
    """Put the row of buttons under a chapter's title."""
    if app.builder.format != "html" or not is_chapter(app, docname):
        return
    for title in document.findall(nodes.title):
        html = chapter_buttons(app, docname, title.astext())
        title.parent.insert(title.parent.index(title) + 1, course_directives.raw(html))
        return


def page_context(app: Sphinx, pagename, templatename, context, doctree) -> None:
    """What the templates need to know."""
    title = nodes.unescape(context.get("title") or pagename)
    address = app.config.html_baseurl or ""
    if "body" in context:  # docutils gives lists of references roles that do not fit together
        context["body"] = context["body"].replace('role="list" class="citation-list"', "")
        context["body"] = context["body"].replace(' role="doc-biblioentry"', "")
        # MyST-NB names the summary of folded code otherwise than it reads (axe: name mismatch).
        context["body"] = context["body"].replace(' aria-label="Toggle hidden content"', "")
    base = (urlsplit(address).path.rstrip("/") or "") + "/"
    if pagename == "404":  # it is sent for any address, so its links start from the site's root
        context["metatags"] = f'<base href="{base}">' + context.get("metatags", "")
    context.update(
        icon=icon,
        theme_back_to_top_button=False,  # it covers text on a phone
        course_edition=edition(app),
        course_commit=commit(app),
        course_repository=repository(app),
        course_report_url=report_url(app, pagename, title) if repository(app) else "",
        course_address=address.rstrip("/"),
    )


def static_fonts(app: Sphinx, config) -> None:
    """The text face, from the npm package that package.json pins, into the site's static files."""
    source = Path(app.confdir) / "node_modules" / "@fontsource" / "source-serif-4" / "files"
    if not source.is_dir():
        raise ExtensionError("Fonts are not installed: run `make install` or `python -m tools.npm`")
    target = Path(app.doctreedir) / "course_fonts"
    (target / "fonts").mkdir(parents=True, exist_ok=True)
    for name in FONTS:
        shutil.copy(source / f"source-serif-4-{name}.woff2", target / "fonts")
    config.html_static_path.append(str(target))


def extra_pages(app: Sphinx):
    """The page that a server sends for an address that does not exist."""
    yield "404", {"title": "Page not found"}, "404.html"


def setup(app: Sphinx) -> dict:
    course_directives.register(app)
    course_landing.register(app)
    course_claims.register(app)
    course_reproductions.register(app)
    app.connect("config-inited", static_fonts)
    app.connect("doctree-read", course_facts.fill_in)
    app.connect("doctree-resolved", add_buttons)
    app.connect("html-page-context", page_context)
    app.connect("html-collect-pages", extra_pages)
    app.add_css_file("course.css", priority=900)
    app.add_js_file("course.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
