"""Patches of DaCHS' web pages: files that must exist before the server starts.

Each function says for which version of DaCHS it is written and describes the problem as it could
be reported to DaCHS' developers. Patches of the running DaCHS are in
``site/dachs/patches``.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

from ingest.core.files import atomic_write, read_regular
from ingest.instance.account import Account
from ingest.instance.site import SITE_FILES

JAVASCRIPT = Path("/usr/share/javascript")
TEMPLATES = Path("/usr/lib/python3/dist-packages/gavo/resources/templates")
"""DaCHS' templates of pages."""
_OWN = SITE_FILES.parent / "web" / "dachs"
"""Ours, which replace DaCHS'."""
_STRUCTURED = (
    '<n:invisible n:render="ifmeta _structured_data">'
    '<n:invisible n:render="structured_data"/></n:invisible>\n  '
)
"""Inserts the structured data that ``rd/km3net/common.rd`` provides for a service."""
_STYLE = re.compile(r"<style type=.text/css.>.*?</style>", re.DOTALL)
"""Styles in a template, which ours replace."""
_SCROLL = '<div class="scroll" tabindex="0" role="region" aria-label="Columns">'
_TABLE = '<table n:render="sequence" class="shorttable">'
_TABLE_OF_FIELDS = '<table n:data="fields" n:render="sequence" class="shorttable">'
_END = "</table>"
_USE_SERVICE = """<img src="/static/img/usesvcbutton.png" class="silentlink"
						alt="[Use this service from your browser]"/>"""
_MANAGE = '<a>\n\t\t\t<n:attr name="href" n:render="rootlink" n:data="clientRdId">'
_NAME_OF_TABLE = """'<n:invisible n:render="string" n:data="tableName"/>'"""
"""Would make a script of each page another one, and policies name those that may run."""
_POLLING = """connector.onHubAvailability(function(hubPresent) {
				sampButton[0].disabled = !hubPresent;
			}, 2000);"""
"""Asks this computer for a SAMP hub every two seconds, and fails where there is no button."""
_OFF = ' disabled="True"'
"""Disables the button for SAMP until that has found a hub."""
_CHANGES = {
    "serviceinfo.html": (
        ("</head>", f"{_STRUCTURED}</head>"),
        (_TABLE, _SCROLL + _TABLE),
        (_END, f"{_END}</div>"),
        (_USE_SERVICE, "Use this service here"),
        (' style="background-color: #FF9988"', ""),
        ('<img src="coverage"', '<img src="coverage" alt="Coverage of the sky"'),
        ("VOResource XML</a> (that's something exclusively for VO nerds)", "Registry record</a>"),
        ("(with some renderers, some of these fields may be unavailable)", ""),
    ),
    "tableinfo.html": (
        (_TABLE_OF_FIELDS, _SCROLL + _TABLE_OF_FIELDS),
        (_END, f"{_END}</div>"),
        (">VOResource</h2>", ">Registry record</h2>"),
        ("VO nerds may sometimes need", "For programs:"),
        ("VOResource XML for this table", "the registry record of this table"),
        ("Copyright and such:", "Licence:"),
        (
            """<n:invisible n:render="metahtml">note</n:invisible>""",
            """<div class="notes" n:render="metahtml">note</div>""",
        ),
    ),
    "rdinfo.html": (
        ("Services defined within this resource descriptor", "Services"),
        ("Tables defined within this resource descriptor", "Tables"),
        (f"<p>{_MANAGE}", f'<p n:render="ifadmin">{_MANAGE}'),
    ),
    "examples.html": (),
    "defaultresponse.html": ((_NAME_OF_TABLE, "document.title"), (_POLLING, ""), (_OFF, "")),
}
"""What is replaced in DaCHS' templates."""
_NOT_IN_ALL = {
    *(' style="background-color: #FF9988"', "Copyright and such:"),
    *(_NAME_OF_TABLE, _POLLING, _OFF),
}
"""What some versions of DaCHS do not have, and need not have."""
logger = logging.getLogger(__name__)
_PARTS = ("jquery/jquery.min.js", "jquery-ui/jquery-ui.min.js")


def write_scripts(dachs_root: Path, account: Account) -> bool:
    """Put ``jquery-gavo.js`` where DaCHS looks first; return whether it is new.

    For DaCHS 2.7 as packaged in Debian 12.

    DaCHS builds this file from individual files of jQuery UI, one of which Debian 12's package of
    jQuery UI no longer contains. The file is then not delivered, and the tabs and collapsible
    sections of the web pages do not work. We suggest using the complete ``jquery-ui.min.js`` of
    the same package instead, as here.

    Parameters
    ----------
    dachs_root : pathlib.Path
        DaCHS' root directory.
    account : Account
        The owner of the file.
    """
    parts = [JAVASCRIPT / part for part in _PARTS]
    if not all(part.exists() for part in parts):
        return False  # another release of Debian: leave this to DaCHS
    text = "\n".join(part.read_text() for part in parts)
    folder = dachs_root
    for name in ("web", "nv_static", "js"):
        folder = account.create_directory(folder / name)
    target = folder / "jquery-gavo.js"
    if target.is_file() and read_regular(target) == text.encode():
        return False
    with atomic_write(target) as stream:
        stream.write(text.encode())
    target.chmod(0o600)
    account.chown(target)
    return True


def templates() -> dict[str, str]:
    """Return the templates of DaCHS' pages that differ from DaCHS' own, by their names.

    For DaCHS 2.7 and later.

    Search engines find data sets by JSON-LD in the head of a page, which DaCHS' service page
    offers no way to add. We suggest an optional element in the head of ``serviceinfo.html``, such
    as the one here, which a service can fill. Links to pages for the administrator are on pages
    for everybody; we suggest to render them with ``ifadmin``. Wide tables cannot be scrolled; we
    suggest an element around each, which can.

    A template below DaCHS' root directory takes precedence over DaCHS' own of the same name.
    All but the sidebar, which is ours, are made from DaCHS' own by small changes, so that they
    follow DaCHS' changes. One that is not where it is expected is left out, and a text that is
    not there is not changed; a warning says so.
    """
    made = {path.name: path.read_text("utf-8") for path in _OWN.glob("*.html")}
    for name, changes in _CHANGES.items():
        path = TEMPLATES / name
        if path.exists():
            text = path.read_text("utf-8")
            text = _STYLE.sub("", text)
            for old, new in changes:
                text = _replaced(path, text, old, new)
            made[name] = text
    return made


def _replaced(path: Path, text: str, old: str, new: str) -> str:
    if old not in text and old not in _NOT_IN_ALL:
        logger.warning("DaCHS' %s is not changed: it does not contain %r", path.name, old)
    return text.replace(old, new)
