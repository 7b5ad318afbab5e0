"""Files that DaCHS' web pages need and Debian's package of it does not bring along."""

from __future__ import annotations

from pathlib import Path

from ingest.core.errors import InstanceError
from ingest.instance.account import Account

JAVASCRIPT = Path("/usr/share/javascript")
TEMPLATE = Path("/usr/lib/python3/dist-packages/gavo/resources/templates/serviceinfo.html")
"""DaCHS' page about a service."""
_STRUCTURED = (
    '<n:invisible n:render="ifmeta _structured_data">'
    '<n:invisible n:render="structured_data"/></n:invisible>\n  '
)
"""Puts in what ``rd/km3net/common.rd`` renders for services that have it."""
_PARTS = ("jquery/jquery.min.js", "jquery-ui/jquery-ui.min.js")


def write_scripts(dachs_root: Path, account: Account) -> bool:
    """Put ``jquery-gavo.js`` where DaCHS looks first; say whether it is new.

    DaCHS 2.7 builds this file from single files of jQuery UI and names one that Debian 12's
    jQuery UI no longer has: the file is not delivered, and tabs and folding sections of the web
    pages do not work. The complete jQuery UI of the same package does.

    Parameters
    ----------
    dachs_root : pathlib.Path
        DaCHS' root directory.
    account : Account
        Who owns the file.
    """
    parts = [JAVASCRIPT / part for part in _PARTS]
    if not all(part.exists() for part in parts):
        return False  # a Debian that has them elsewhere; DaCHS does what it does
    text = "\n".join(part.read_text() for part in parts)
    folder = dachs_root
    for name in ("web", "nv_static", "js"):
        folder = account.make_directory(folder / name)
    target = folder / "jquery-gavo.js"
    if target.exists() and target.read_text() == text:
        return False
    target.write_text(text)
    target.chmod(0o600)
    account.own(target)
    return True


def service_page() -> str | None:
    """Return DaCHS' page about a service with a place for what search engines read.

    DaCHS prefers a template below its root directory to its own of the same name. This one is
    DaCHS' own with one line more, so that it changes with DaCHS; None where a DaCHS has it
    elsewhere, whose pages then stay as they are.

    Raises
    ------
    InstanceError
        If DaCHS' template has no end of its head.
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
