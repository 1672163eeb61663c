"""How the site is put together: notebooks executed, math drawn at build time, the theme trimmed.

- Before pages are read, stale notebooks are executed (tools/execute.py); a page is read again when
  its notebook was executed again.
- Math is rendered to HTML and MathML by KaTeX when the site is built. A formula that KaTeX cannot
  read is a warning with its place, and a warning fails the build.
- FontAwesome, source maps and everything else that no page needs is taken out of the theme.
"""

import re
import shutil
import sys
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinxcontrib import katex

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))  # for `tools`, when the build is started by the jupyter-book command

from tools import execute, npm, repository  # noqa: E402

logger = logging.getLogger(__name__)

# Notation of the whole course. book/reference/notation shows it.
MACROS = {
    r"\E": r"\mathbb{E}",
    r"\R": r"\mathbb{R}",
    r"\N": r"\mathcal{N}",
    r"\KL": r"\mathrm{KL}\left(#1\,\middle\|\,#2\right)",
    r"\ELBO": r"\mathcal{L}",
    r"\diag": r"\operatorname{diag}",
    r"\tr": r"\operatorname{tr}",
    r"\Var": r"\operatorname{Var}",
    r"\Cov": r"\operatorname{Cov}",
    r"\argmax": r"\operatorname*{arg\,max}",
    r"\argmin": r"\operatorname*{arg\,min}",
}


# --- math ---------------------------------------------------------------------------------------


def located(visit):
    """A formula that KaTeX refuses becomes a warning that names the page and the line."""

    def visit_and_report(self, node):
        try:
            visit(self, node)
        except katex.KaTeXError as error:
            logger.warning(
                "KaTeX cannot render this: %s (%s)",
                node.astext(),
                error,
                location=node,
                type="katex",
            )
            raise nodes.SkipNode from error

    return visit_and_report


def set_up_math(app):
    katex.NODEJS_BINARY = str(npm.node())
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0  # a busy machine is slow, not broken
    # Pre-rendering ignores the configuration's katex_options: its defaults are the place.
    katex.KATEX_DEFAULT_OPTIONS.update(
        throwOnError=True, strict="error", output="htmlAndMathml", macros=MACROS
    )
    app.add_html_math_renderer(
        "course_katex",
        inline_renderers=(located(katex.html_visit_math), None),
        block_renderers=(located(katex.html_visit_displaymath), None),
    )


def static_katex(app) -> Path:
    """KaTeX's style sheet with its fonts (woff2 only), from node_modules."""
    source = ROOT / "node_modules" / "katex" / "dist"
    if not source.is_dir():
        raise ExtensionError("KaTeX is not installed: run `make install` or `python -m tools.npm`")
    static = Path(app.doctreedir) / "course_static"
    target = static / "katex"
    shutil.rmtree(static, ignore_errors=True)
    (target / "fonts").mkdir(parents=True)
    for font in source.glob("fonts/*.woff2"):
        shutil.copy(font, target / "fonts")
    css = (source / "katex.min.css").read_text(encoding="utf8")
    css = re.sub(r',url\([^)]*\.(woff|ttf)\) format\("(woff|truetype)"\)', "", css)
    (target / "katex.min.css").write_text(css, encoding="utf8")
    return static


# --- configuration ------------------------------------------------------------------------------


def configure(app, config):
    # Set here because `html_theme_options` in _config.yml would replace the whole dictionary.
    config.html_theme_options.update(
        navbar_persistent=[],  # the search field is in the side bar already
        repository_url=repository.repository_url(),
    )
    config.katex_prerender = True
    config.katex_css_path = "katex/katex.min.css"
    config.html_static_path.append(str(static_katex(app)))
    config.templates_path.insert(0, str(Path(__file__).parent / "build_templates"))


def execute_notebooks(app):
    failed = execute.execute_stale(Path(app.srcdir), Path(app.outdir).parent)
    if failed:
        raise ExtensionError("notebooks failed: " + ", ".join(failed))


def depend_on_execution(app, docname, source):
    """Executing a notebook again makes Sphinx read its page again."""
    app.env.note_dependency(str(execute.record_path(Path(app.outdir).parent, docname)))


# --- theme --------------------------------------------------------------------------------------


def trim_theme(app, exception):
    """Takes out of the built site what no page loads. Icons are inline SVG, so FontAwesome goes."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    shutil.rmtree(static / "vendor" / "fontawesome", ignore_errors=True)
    for file in [*static.rglob("*.map"), *static.glob("scripts/fontawesome.js*")]:
        file.unlink(missing_ok=True)
    sheet = static / "styles" / "pydata-sphinx-theme.css"
    css = sheet.read_text(encoding="utf8")
    css = re.sub(r"@font-face\{[^{}]*Awesome[^{}]*\}", "", css)
    css = re.sub(r"(?<=})\.fa[a-z0-9-]*[^{}]*\{[^{}]*\}", "", css)
    css = re.sub(r"/\*# sourceMappingURL=.*?\*/", "", css)
    sheet.write_text(css, encoding="utf8")


def setup(app):
    app.setup_extension("sphinxcontrib.katex")
    # Jupyter Book sets it for an extension that we leave out.
    app.add_config_value("comments_config", {}, "html")
    set_up_math(app)
    app.connect("config-inited", configure)
    app.connect("builder-inited", execute_notebooks)
    app.connect("source-read", depend_on_execution)
    app.connect("build-finished", trim_theme)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
