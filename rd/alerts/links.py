"""The DataLink rows of an alert notice.

Runs inside DaCHS, under Debian's Python.
"""

import os
import re
from urllib.parse import quote, urlencode

from gavo import base, utils
from gavo.protocols import datalink
from gavo.protocols.soda import DatalinkFault

archive, _ = utils.loadPythonModule("archive", relativeTo=os.path.abspath(__file__))
facts, _ = utils.loadPythonModule("../km3net/facts", relativeTo=os.path.abspath(__file__))
_MOST = 20
"""The maximum number of citing packets, of published events and of circulars that are listed."""
NEIGHBOURS = """
    SELECT n.notice_id, n.alert_id, n.event_name, n.notice_type, n.revision, n.media_format,
        n.packet_size, n.notice_id = q.next AS is_next
    FROM (
        SELECT notice_id, lag(notice_id) OVER w AS previous, lead(notice_id) OVER w AS next
        FROM (
            SELECT notice_id, revision, notice_mjd, received,
                bool_and(revision IS NOT NULL) OVER () AS all_revised
            FROM alerts.notices WHERE alert_id = %(alert_id)s) AS members
        WINDOW w AS (ORDER BY
            alert_notice_order(all_revised, revision, notice_mjd, received, notice_id))) AS q
    JOIN alerts.notices AS n ON n.notice_id IN (q.previous, q.next)
    WHERE q.notice_id = %(notice_id)s
    ORDER BY is_next"""
CITED = """
    SELECT * FROM (
        SELECT DISTINCT ON (c.cite, n.ivorn)
            c.cite, n.ivorn, n.notice_id, n.media_format, n.packet_size
        FROM alerts.citations AS c JOIN alerts.notices AS n ON n.ivorn = c.cited_ivorn
        WHERE c.notice_id = %(notice_id)s AND n.alert_id != %(alert_id)s
        ORDER BY c.cite, n.ivorn, n.notice_id DESC) AS newest
    ORDER BY notice_id"""
CITING = """
    SELECT c.cite, n.ivorn, n.notice_id, n.media_format, n.packet_size
    FROM alerts.citations AS c JOIN alerts.notices AS n USING (notice_id)
    WHERE c.cited_ivorn = %(ivorn)s AND n.alert_id != %(alert_id)s
    ORDER BY n.notice_id LIMIT %(most)s"""
PUBLISHED = """
    SELECT event_id FROM km3net.events WHERE event_id IN (
        SELECT event_id FROM alerts.events WHERE notice_id = %(notice_id)s
        UNION SELECT event_name FROM alerts.notices WHERE notice_id = %(notice_id)s)
    ORDER BY event_id LIMIT %(most)s"""
CIRCULARS = """
    SELECT c.circular_id, c.subject
    FROM alerts.circular_alerts AS l JOIN alerts.circulars AS c USING (notice_id)
    WHERE l.alert_id = %(alert_id)s
    ORDER BY c.created, c.notice_id LIMIT %(most)s"""


MATCHES = """
    SELECT EXISTS (SELECT FROM alerts.matches WHERE alert_id = %(alert_id)s AND is_latest = 1)
        OR EXISTS (SELECT FROM alerts.matches WHERE partner_alert = %(alert_id)s AND is_latest = 1)
        AS found"""


def publisher_did(notice_id):
    """Return the publisher DID of a notice in ObsCore."""
    return f"ivo://{base.getConfig('ivoa', 'authority')}/~?alerts/{notice_id}"


def describe(identifier):
    """Return the descriptor of a notice, or a DataLink fault.

    Parameters
    ----------
    identifier : str
        The checksum of its packet, its number in the archive, or its publisher DID.
    """
    text = identifier.strip()
    prefix = publisher_did("")
    if re.fullmatch("[0-9a-f]{64}", text):
        column, value = "sha256", text
    elif re.fullmatch("[0-9]{1,18}", text.removeprefix(prefix)):
        column, value = "notice_id", int(text.removeprefix(prefix))
    else:
        return DatalinkFault.UsageFault(
            identifier,
            "neither the number of a notice nor the SHA-256 checksum of a packet"
            f" nor an identifier that begins with {prefix}",
            semantics="#this",
        )
    with base.getTableConn() as connection:
        found = _rows(
            connection, f"SELECT * FROM alerts.notices WHERE {column} = %(value)s", value=value
        )
    if not found:
        hidden = archive.withheld(**{column: value})
        if hidden:
            reason = f"the packet is withheld: {hidden['reason']}"
            return DatalinkFault.AuthorizationFault(identifier, reason, semantics="#this")
        return DatalinkFault.NotFoundFault(
            identifier, "there is no such notice in the archive", semantics="#this"
        )
    return Descriptor(identifier, found[0])


class Descriptor(datalink.DatalinkDescriptorMixin):
    """A notice and its links.

    Parameters
    ----------
    identifier : str
        The identifier as requested, which is repeated in every row.
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
        yield self._file("preview", "#preview", "Plot of the region on the sky")
        yield self._file("map", "#coderived", "Sky map (HEALPix)")
        yield self._sky_map()
        yield from self._other_notices()
        yield self._detector_events()
        yield self._matches()
        yield from self._limits()
        yield from self._circulars()
        yield self.makeLink(
            base.makeAbsoluteURL("alerts/nu/cone/info"),
            semantics="#documentation",
            description="Description of the archive and how to use it",
            contentType="text/html",
        )

    def _file(self, kind, semantics, description):
        path = archive.path(kind, self.notice)
        if path is None:
            if kind != "packet":
                return None
            return DatalinkFault.Fault(
                self.pubDID, "the packet is missing from the archive", semantics="#this"
            )
        return self._link(
            f"alerts/nu/{kind}?notice_id={self.notice['notice_id']}",
            semantics,
            description,
            archive.media_type(kind, self.notice),
            contentLength=os.path.getsize(path),
        )

    def _sky_map(self):
        url = self.notice["sky_map_url"]
        # Packets come from third parties, and other schemes may be unsafe in a browser.
        if not url or not re.match(r"https?://[^\s<>\"]+$", url):
            return None
        is_fits = re.search(r"\.fits?(\.gz)?(,\d+)?$", url)
        return self.makeLink(
            url,
            semantics="#coderived",
            description="Sky map provided by the collaboration",
            contentType="application/fits" if is_fits else None,
            localSemantics="sky-map",
        )

    def _other_notices(self):
        asked = {key: self.notice[key] for key in ("notice_id", "alert_id", "ivorn")}
        with base.getTableConn() as connection:
            neighbours = _rows(connection, NEIGHBOURS, **asked)
            cited = _rows(connection, CITED, **asked)
            citing = _rows(connection, CITING, most=_MOST, **asked)
        for one in neighbours:
            word = "Next" if one["is_next"] else "Previous"
            text = f"{word} notice of this alert: {title(one)}"
            yield self._packet(one, "#coderived", text, word.lower())
        for one in cited:
            text = f"Packet cited by this one ({one['cite']}): {one['ivorn']}"
            yield self._packet(one, "#counterpart", text, "cited")
        for one in citing:
            text = f"Packet citing this one ({one['cite']}): {one['ivorn']}"
            yield self._packet(one, "#counterpart", text, "citing")

    def _packet(self, notice, semantics, description, local):
        return self._link(
            f"alerts/nu/packet?notice_id={notice['notice_id']}",
            semantics,
            description,
            archive.media_type("packet", notice),
            contentLength=notice["packet_size"],
            localSemantics=local,
        )

    def _detector_events(self):
        with base.getTableConn() as connection:
            # There may be no samples online, and so no view; the other links do not need it.
            (samples,) = _rows(connection, "SELECT to_regclass('km3net.events') AS view")
            if samples["view"] is None:
                return None
            found = _rows(connection, PUBLISHED, notice_id=self.notice["notice_id"], most=_MOST)
        if not found:
            return None
        names = ", ".join(_literal(row["event_id"]) for row in found)
        query = f"SELECT * FROM km3net.events WHERE event_id IN ({names})"
        return self._query(
            query, "#progenitor", "The published detector events of the alert, from km3net.events"
        )

    def _circulars(self):
        with base.getTableConn() as connection:
            found = _rows(connection, CIRCULARS, alert_id=self.notice["alert_id"], most=_MOST + 1)
        for one in found[:_MOST]:
            yield self._link(
                f"alerts/nu/circular?id={one['circular_id']}",
                "#documentation",
                f"GCN circular {one['circular_id']}: {one['subject']}",
                "text/plain",
                localSemantics="circular",
            )
        if len(found) > _MOST:
            query = (
                "SELECT circular_id, created, subject, body FROM alerts.circulars"
                " NATURAL JOIN alerts.circular_alerts"
                f" WHERE alert_id = {_literal(self.notice['alert_id'])} ORDER BY created"
            )
            yield self._query(query, "#documentation", "All circulars on the alert", "circulars")

    def _matches(self):
        alert_id = self.notice["alert_id"]
        with base.getTableConn() as connection:
            (matches,) = _rows(connection, MATCHES, alert_id=alert_id)
        if not matches["found"]:
            return None
        name = _literal(alert_id)
        query = (
            "SELECT * FROM alerts.matches"
            f" WHERE (alert_id = {name} OR partner_alert = {name}) AND is_latest = 1"
            " ORDER BY kind, far_spatiotemporal"
        )
        text = "What else was observed near this alert, and how likely that is by chance"
        return self._query(query, "#counterpart", text, "matches")

    def _limits(self):
        if self.notice["region_90"] is None:
            return
        asked = urlencode({"ALERT": self.notice["notice_id"]})
        for release in facts.with_limits():
            yield self._link(
                f"{release}/nu/region/api?{asked}",
                "#proc",
                f"Neutrinos of {release} in the region of the alert, and limits on the flux",
                "application/x-votable+xml",
                localSemantics=release,
            )

    def _query(self, query, semantics, description, local=None):
        return self._link(
            "__system__/tap/run/sync?"
            + urlencode({"LANG": "ADQL", "QUERY": query}, quote_via=quote),
            semantics,
            description,
            "application/x-votable+xml",
            **({"localSemantics": local} if local else {}),
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
    """Return a short description of a notice: its name, type and revision."""
    name = notice["event_name"] or notice["alert_id"]
    revision = notice["revision"]
    suffix = "" if revision is None else f", revision {revision}"
    return f"{name}, {notice['notice_type']}{suffix}"


def _literal(text):
    return "'{}'".format(text.replace("'", "''"))


def _rows(connection, query, **parameters):
    return list(connection.queryToDicts(query, parameters))
