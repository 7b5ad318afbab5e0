"""Files that DaCHS' web pages need and Debian's package of it does not bring along."""

from __future__ import annotations

from pathlib import Path

from ingest.instance.account import Account

JAVASCRIPT = Path("/usr/share/javascript")
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
