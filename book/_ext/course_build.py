"""How the site is put together: notebooks executed, math drawn at build time, the theme trimmed.

- Before pages are read, stale notebooks are executed (tools/execute.py); a page is read again when
  its notebook was executed again.
- Math is rendered to HTML and MathML by KaTeX when the site is built. A formula that KaTeX cannot
  read is a warning with its place, and a warning fails the build.
- FontAwesome, source maps and everything else that no page needs is taken out of the theme.
"""

import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pydata_sphinx_theme
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
            formula = " ".join(node.astext().split())
            reason = f"KaTeX cannot render this: {formula} ({error})"
            logger.warning(reason, location=node, type="katex")
            raise nodes.SkipNode from error

    return visit_and_report


def start_katex(rundir: Path, timeout: float):
    """Start the process that renders. sphinxcontrib-katex connects once, as soon as the socket's
    file is there; on a busy machine nobody listens yet: the build fails and the process stays."""
    address = rundir / "katex.sock"
    command = katex.KaTeXServer.build_command(socket=address)
    process = subprocess.Popen(command, cwd=rundir, stdin=subprocess.PIPE)
    deadline = time.monotonic() + timeout
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(address))
            return process, connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise
            time.sleep(0.01)


def set_up_math(app):
    katex.NODEJS_BINARY = str(npm.node())
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0  # a busy machine is slow, not broken
    katex.KaTeXServer.start_server_process = staticmethod(start_katex)
    # Pre-rendering ignores the configuration's katex_options: its defaults are the place.
    katex.KATEX_DEFAULT_OPTIONS.update(
        throwOnError=True, strict="error", output="htmlAndMathml", macros=MACROS
    )
    app.add_html_math_renderer(
        "course_katex",
        inline_renderers=(located(katex.html_visit_math), None),
        block_renderers=(located(katex.html_visit_displaymath), None),
    )


def static_katex(target: Path) -> None:
    """KaTeX's style sheet with its fonts (woff2 only), from node_modules."""
    source = ROOT / "node_modules" / "katex" / "dist"
    if not source.is_dir():
        raise ExtensionError("KaTeX is not installed: run `make install` or `python -m tools.npm`")
    (target / "fonts").mkdir(parents=True)
    for font in source.glob("fonts/*.woff2"):
        shutil.copy(font, target / "fonts")
    css = (source / "katex.min.css").read_text(encoding="utf8")
    css = re.sub(r',url\([^)]*\.(woff|ttf)\) format\("(woff|truetype)"\)', "", css)
    (target / "katex.min.css").write_text(css, encoding="utf8")


# --- theme --------------------------------------------------------------------------------------


def static_theme(target: Path) -> None:
    """The theme's style sheet without FontAwesome: the course's icons are inline SVG."""
    source = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
    css = (source / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf8")
    css = re.sub(r"@font-face\{[^{}]*Awesome[^{}]*\}", "", css)
    css = re.sub(r"(?<=[}/])\.fa[a-z0-9-]*[^{}]*\{[^{}]*\}", "", css)
    css = re.sub(r"/\*# sourceMappingURL=.*?\*/", "", css)
    target.mkdir(parents=True)
    (target / "theme-trimmed.css").write_text(css, encoding="utf8")


def trim_theme(app, exception):
    """Takes out of the built site what no page loads."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    shutil.rmtree(static / "vendor", ignore_errors=True)
    unused = ["scripts/fontawesome.js*", "styles/pydata-sphinx-theme.css", "images/logo_*"]
    for file in [*static.rglob("*.map"), *(file for name in unused for file in static.glob(name))]:
        file.unlink(missing_ok=True)
    shutil.rmtree(static / "locales", ignore_errors=True)


# --- configuration ------------------------------------------------------------------------------


def configure(app, config):
    wait_for_other_builds(app)
    # Set here because `html_theme_options` in _config.yml would replace the whole dictionary.
    config.html_theme_options.update(
        navbar_persistent=[],  # the search field is in the side bar already
        repository_url=repository.repository_url(),
    )
    # Only a published site knows its address; a 404 page made for it does not work elsewhere.
    config.html_baseurl = os.environ.get("VAE_COURSE_SITE", "").rstrip("/")
    config.katex_prerender = True
    config.katex_css_path = "katex/katex.min.css"
    static = Path(app.doctreedir) / "course_static"
    shutil.rmtree(static, ignore_errors=True)
    static_katex(static / "katex")
    static_theme(static / "styles")
    config.html_static_path.append(str(static))
    config.templates_path.insert(0, str(Path(__file__).parent / "build_templates"))


def execute_notebooks(app):
    failed = execute.execute_stale(Path(app.srcdir), Path(app.outdir).parent)
    if failed:
        raise ExtensionError("notebooks failed: " + ", ".join(failed))


def depend_on_execution(app, docname, source):
    """Executing a notebook again makes Sphinx read its page again."""
    record = execute.record_path(Path(app.outdir).parent, docname)
    if record.is_file():
        app.env.note_dependency(str(record))


def wait_for_other_builds(app):
    """Two builds in one folder would overwrite each other's pages and cache."""
    try:
        import fcntl
    except ImportError:  # Windows: one build at a time is the reader's own care
        return
    app.course_lock = open(Path(app.outdir).parent / "lock", "w")  # held until the process ends
    try:
        fcntl.flock(app.course_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("Waiting for another build in this folder to end", flush=True)
        fcntl.flock(app.course_lock, fcntl.LOCK_EX)


def extension_hash() -> str:
    """Changes when an extension of ours changes: every page is then written again."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()


def forget_failed_build(app, exception):
    """Sphinx would find pages with warnings up to date and pass the next time."""
    if exception or app._warncount:
        (Path(app.doctreedir) / "environment.pickle").unlink(missing_ok=True)


def setup(app):
    app.setup_extension("sphinxcontrib.katex")
    # Jupyter Book sets it for an extension that we leave out.
    app.add_config_value("comments_config", {}, "html")
    set_up_math(app)
    app.add_config_value("course_extensions", extension_hash(), "env")
    app.connect("config-inited", configure)
    app.connect("builder-inited", execute_notebooks)
    app.connect("source-read", depend_on_execution)
    app.connect("build-finished", trim_theme)
    app.connect("build-finished", forget_failed_build)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
