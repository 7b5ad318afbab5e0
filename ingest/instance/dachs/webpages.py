"""Patches of DaCHS' web pages: files that must exist before the server starts.

Each function says for which version of DaCHS it is written and describes the problem as it could
be reported to DaCHS' developers. Patches of the running DaCHS are in
``site/dachs/patches``.
"""

from __future__ import annotations

from pathlib import Path

from ingest.core.errors import InstanceError
from ingest.core.files import atomic_write, read_regular
from ingest.instance.account import Account

JAVASCRIPT = Path("/usr/share/javascript")
TEMPLATE = Path("/usr/lib/python3/dist-packages/gavo/resources/templates/serviceinfo.html")
"""DaCHS' page about a service."""
_STRUCTURED = (
    '<n:invisible n:render="ifmeta _structured_data">'
    '<n:invisible n:render="structured_data"/></n:invisible>\n  '
)
"""Inserts the structured data that ``rd/km3net/common.rd`` provides for a service."""
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


def service_page() -> str | None:
    """Return DaCHS' service page with an additional element for structured data.

    For DaCHS 2.7.

    Search engines find data sets by JSON-LD in the head of a page, which DaCHS' service page
    offers no way to add. We suggest an optional element in the head of ``serviceinfo.html``, such
    as the one here, which a service can fill.

    A template below DaCHS' root directory takes precedence over DaCHS' own of the same name.
    This one is made from DaCHS' own template by adding one line, so that it follows DaCHS'
    changes. The result is None if the template is not where it is expected; the pages then stay
    as they are.

    Raises
    ------
    InstanceError
        If DaCHS' template has no closing tag of the head.
    """
    if not TEMPLATE.exists():
        return None
    before, end, after = TEMPLATE.read_text("utf-8").partition("</head>")
    if not end:
        raise InstanceError(
            "this version of DaCHS has another page about services",
            where=str(TEMPLATE),
            expected="a head to put the description for search engines into",
            remedy="please report it, with the version of DaCHS",
        )
    return before + _STRUCTURED + end + after
