"""New alerts as the database announces them, for all who follow them: one connection in a thread.

Whoever adds notices sends ``NOTIFY alerts`` with their numbers. The thread runs while somebody
follows. This runs in the Python of DaCHS.
"""

import collections
import select
import threading
import time

import psycopg2
from gavo import base
from gavo.base import sqlsupport
from twisted.internet import reactor

from .. import keeping
from .addresses import address_of
from .names import readable_name

_CHANNEL = "alerts"
_KEPT = 200
_PATIENCE = 15.0
"""How often, in s, the thread looks whether anybody still follows, or tries to connect again."""
_QUERY = """
    SELECT notice_id, alert_id, event_name, stream, event_mjd, notice_mjd, retracted
    FROM alerts.latest WHERE notice_id > %(last)s ORDER BY notice_id DESC LIMIT %(most)s"""


class Arrivals:
    """The newest alerts in order of receipt.

    All methods are called in the main thread of the server.

    Attributes
    ----------
    kept : collections.deque of dict
        The newest alerts, those received last at the end.
    """

    def __init__(self):
        self.kept = collections.deque(maxlen=_KEPT)
        self._followers = set()
        self._thread = None
        self._lock = threading.Lock()

    def follow(self, call):
        """Have `call` called whenever there are new alerts in :attr:`kept`."""
        with self._lock:
            self._followers.add(call)
            if self._thread is None:
                self.kept.clear()
                self._thread = threading.Thread(target=self._listen, name="alerts", daemon=True)
                self._thread.start()

    def leave(self, call):
        """Do not call any more."""
        self._followers.discard(call)

    def _add(self, alerts):
        self.kept.extend(alerts)
        keeping.kept.generation += 1  # pages that are asked for now have these alerts
        for call in list(self._followers):
            call()

    def _listen(self):
        """Listen until nobody follows; this runs in the thread."""
        last = 0
        while not self._is_done():
            try:
                connection = sqlsupport.getDBConnection("untrustedquery", autocommitted=True)
                try:
                    self._listen_with(connection, last)
                finally:
                    connection.close()
                return
            except (psycopg2.Error, base.Error, OSError, ValueError):
                # the database restarts, or has no alerts
                time.sleep(_PATIENCE)

    def _listen_with(self, connection, last):
        connection.cursor().execute(f"LISTEN {_CHANNEL}")
        while True:
            found = _read(connection, last)
            if found:
                last = found[-1]["id"]
                reactor.callFromThread(self._add, found)
            while not select.select([connection], [], [], _PATIENCE)[0]:
                if self._is_done():
                    return
            connection.poll()
            connection.notifies.clear()

    def _is_done(self):
        """Return whether the thread has to end; another one begins with the next follower."""
        with self._lock:
            if self._followers:
                return False
            self._thread = None
            return True


def _read(connection, last):
    rows = connection.queryToDicts(_QUERY, {"last": last, "most": _KEPT})
    return [
        {
            "id": row["notice_id"],
            "alert": row["alert_id"],
            "name": readable_name(row),
            "address": address_of(row["alert_id"]),
            "retracted": bool(row["retracted"]),
        }
        for row in reversed(list(rows))
    ]


arrivals = Arrivals()
"""Those that all readers share."""
