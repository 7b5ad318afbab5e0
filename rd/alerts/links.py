"""The DataLink rows of an alert notice.

Runs inside DaCHS, under Debian's Python.
"""

import os
import re
from urllib.parse import quote, urlencode

from gavo import base, utils
from gavo.protocols import datalink
from gavo.protocols.soda import DatalinkFault

kept, _ = utils.loadPythonModule(os.path.join(os.path.dirname(os.path.abspath(__file__)), "kept"))
_MOST = 20
"""How many citing packets are listed."""
# In the order by which the newest one is told, too; see ingest/alerts/tables/grouping.py.
NEIGHBOURS = """
    SELECT previous, next FROM (
        SELECT notice_id, lag(notice_id) OVER w AS previous, lead(notice_id) OVER w AS next
        FROM (
            SELECT notice_id, received, coalesce(notice_mjd, received) AS written,
                CASE WHEN bool_and(revision IS NOT NULL) OVER () THEN revision END AS revision
            FROM alerts.notices WHERE alert_id = %(alert_id)s) AS members
        WINDOW w AS (ORDER BY revision, written, notice_id)) AS q
    WHERE notice_id = %(notice_id)s"""
CITED = """
    SELECT c.cite, c.cited_ivorn, max(n.notice_id) AS notice_id
    FROM alerts.citations AS c JOIN alerts.notices AS n ON n.ivorn = c.cited_ivorn
    WHERE c.notice_id = %(notice_id)s AND n.alert_id != %(alert_id)s
    GROUP BY c.cite, c.cited_ivorn ORDER BY notice_id"""
CITING = """
    SELECT c.cite, n.ivorn, n.notice_id
    FROM alerts.citations AS c JOIN alerts.notices AS n USING (notice_id)
    WHERE c.cited_ivorn = %(ivorn)s AND n.alert_id != %(alert_id)s
    ORDER BY n.notice_id LIMIT %(most)s"""
PUBLISHED = """
    SELECT event_id FROM km3net.events WHERE event_id IN (
        SELECT event_id FROM alerts.events WHERE notice_id = %(notice_id)s
        UNION SELECT event_name FROM alerts.notices WHERE notice_id = %(notice_id)s)
    ORDER BY event_id LIMIT %(most)s"""


def publisher_did(notice_id):
    """Return the identifier that a notice has in ObsCore."""
    return f"ivo://{base.getConfig('ivoa', 'authority')}/~?alerts/{notice_id}"


def describe(identifier):
    """Return the descriptor of a notice, or a fault.

    Parameters
    ----------
    identifier : str
        The checksum of its packet, its number in the archive, or its publisher DID.
    """
    told = identifier.strip()
    prefix = publisher_did("")
    if re.fullmatch("[0-9a-f]{64}", told):
        column, value = "sha256", told
    elif re.fullmatch("[0-9]{1,18}", told.removeprefix(prefix)):
        column, value = "notice_id", int(told.removeprefix(prefix))
    else:
        return DatalinkFault.UsageFault(
            identifier,
            "not the number of a notice, nor the SHA-256 of a packet,"
            f" nor an identifier that begins with {prefix}",
            semantics="#this",
        )
    with base.getTableConn() as connection:
        found = _rows(
            connection, f"SELECT * FROM alerts.notices WHERE {column} = %(value)s", value=value
        )
    if not found:
        return DatalinkFault.NotFoundFault(
            identifier, "there is no such notice in the archive", semantics="#this"
        )
    return Descriptor(identifier, found[0])


class Descriptor(datalink.DatalinkDescriptorMixin):
    """A notice whose links are wanted.

    Parameters
    ----------
    identifier : str
        As it was asked for; it stands in every row.
    notice : dict
        Its row in alerts.notices.
    """

    suppressAutoLinks = True

    def __init__(self, identifier, notice):
        self.pubDID = identifier
        self.notice = notice

    def links(self):
        """Yield the links."""
        yield self._file("packet", "#this", f"The packet: {title(self.notice)}")
        yield self._file("preview", "#preview", "Picture of the region on the sky")
        yield self._file("map", "#coderived", "Sky map (HEALPix)")
        yield self._sky_map()
        yield from self._other_notices()
        yield self._detector_events()
        yield self.makeLink(
            base.makeAbsoluteURL("alerts/nu/cone/info"),
            semantics="#documentation",
            description="What the archive is and how to use it",
            contentType="text/html",
        )

    def _file(self, kind, semantics, description):
        place = kept.path(kind, self.notice)
        if place is None:
            if kind != "packet":
                return None
            return DatalinkFault.Fault(self.pubDID, "the packet is not there", semantics="#this")
        return self._link(
            f"alerts/nu/{kind}?notice_id={self.notice['notice_id']}",
            semantics,
            description,
            kept.media_type(kind, self.notice),
            contentLength=os.path.getsize(place),
        )

    def _sky_map(self):
        url = self.notice["sky_map_url"]
        # A packet is what a stranger sent: other schemes may do harm in a browser.
        if not url or not re.match(r"https?://[^\s<>\"]+$", url):
            return None
        is_fits = re.search(r"\.fits?(\.gz)?(,\d+)?$", url)
        return self.makeLink(
            url,
            semantics="#coderived",
            description="Sky map, where the collaboration has it",
            contentType="application/fits" if is_fits else None,
            localSemantics="sky-map",
        )

    def _other_notices(self):
        notice_id, alert_id = self.notice["notice_id"], self.notice["alert_id"]
        told = {"notice_id": notice_id, "alert_id": alert_id, "most": _MOST}
        with base.getTableConn() as connection:
            (neighbours,) = _rows(connection, NEIGHBOURS, **told)
            cited = _rows(connection, CITED, **told)
            citing = _rows(connection, CITING, ivorn=self.notice["ivorn"], **told)
            for which, word in (("previous", "Previous"), ("next", "Next")):
                if neighbours[which] is not None:
                    (other,) = _rows(
                        connection,
                        "SELECT * FROM alerts.notices WHERE notice_id = %(notice_id)s",
                        notice_id=neighbours[which],
                    )
                    yield self._packet(
                        other, "#coderived", f"{word} notice of this alert: {title(other)}", which
                    )
        for one in cited:
            found = kept.find(one["notice_id"])
            text = f"Packet that this one cites ({one['cite']}): {one['cited_ivorn']}"
            yield self._packet(found, "#counterpart", text, "cited")
        for one in citing:
            found = kept.find(one["notice_id"])
            text = f"Packet that cites this one ({one['cite']}): {one['ivorn']}"
            yield self._packet(found, "#counterpart", text, "citing")

    def _packet(self, notice, semantics, description, local):
        return self._link(
            f"alerts/nu/packet?notice_id={notice['notice_id']}",
            semantics,
            description,
            kept.media_type("packet", notice),
            contentLength=notice["packet_size"],
            localSemantics=local,
        )

    def _detector_events(self):
        with base.getTableConn() as connection:
            # The samples may not be online, and the view not readable, without harm to the rest.
            (there,) = _rows(connection, "SELECT to_regclass('km3net.events') AS view")
            if there["view"] is None:
                return None
            found = _rows(connection, PUBLISHED, notice_id=self.notice["notice_id"], most=_MOST)
        if not found:
            return None
        names = ", ".join("'{}'".format(row["event_id"].replace("'", "''")) for row in found)
        query = f"SELECT * FROM km3net.events WHERE event_id IN ({names})"
        return self._link(
            "__system__/tap/run/tap/sync?"
            + urlencode({"LANG": "ADQL", "QUERY": query}, quote_via=quote),
            "#progenitor",
            "The published detector events of the alert, from km3net.events",
            "application/x-votable+xml",
        )

    def _link(self, path, semantics, description, media_type, **more):
        return self.makeLink(
            base.makeAbsoluteURL(path),
            semantics=semantics,
            description=description,
            contentType=media_type,
            **more,
        )


def title(notice):
    """Return what a notice is, in some words: name, type and revision."""
    name = notice["event_name"] or notice["alert_id"]
    revision = notice["revision"]
    told = "" if revision is None else f", revision {revision}"
    return f"{name}, {notice['notice_type']}{told}"


def _rows(connection, query, **told):
    return list(connection.queryToDicts(query, told))
