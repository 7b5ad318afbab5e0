"""Watches over the database role of visitors' queries."""

import threading

from gavo import base
from gavo.base import cron

_INTERVAL = 10  # s


def restore_the_role_of_visitors():
    """Let DaCHS' server undo what a session of visitors changed about their role.

    For DaCHS 2.7 and 2.11.

    PostgreSQL lets a role change its own password and settings, and a session its timeouts. Our
    function ``km3vo_roles.restore`` in the database undoes that and ends what runs for too long;
    ``roles.py`` in ``ingest`` explains it. The server calls it every ten seconds, in a thread of
    its own, since all others may be busy. We suggest that DaCHS documents which rights its
    untrusted role needs, and revokes the others from PUBLIC.
    """
    cron.runEvery(_INTERVAL, "role of visitors", _start)


_thread = None


def _start():
    """Check the role in a thread, unless the last one is not done yet."""
    global _thread
    if _thread is None or not _thread.is_alive():
        _thread = threading.Thread(target=_restore, name="role of visitors", daemon=True)
        _thread.start()


def _restore():
    try:
        with base.getWritableAdminConn() as connection:
            connection.execute("SELECT km3vo_roles.restore()")
    except Exception as problem:
        base.ui.notifyWarning(f"The role of visitors could not be checked: {problem}")
