"""What the archive has about an alert. This runs in the Python of DaCHS."""

from .. import database

MOST = 200
"""How many rows of each kind a page shows."""
_HISTORY = """
    SELECT * FROM (
        SELECT notice_id, ivorn, version, stream, event_name, alert_id, record_number, revision,
            role, notice_type, alert_type, is_test, is_injection, is_latest, retracted, event_mjd,
            notice_mjd, received, superseded, ra, dec, pos_err, pos_err_cl, pos_err_50, pos_err_90,
            pos_err_stat, pos_err_sys, far, far_original, far_unit, far_doubtful, energy,
            energy_kind, signalness, p_value, topology, pipeline, instrument, n_events,
            region_90 IS NOT NULL AS has_region, region_origin, sky_map_url, sky_map, media_format,
            sha256, packet_size, origin, remarks,
            count(*) OVER () AS n_notices,
            row_number() OVER (ORDER BY alert_notice_order(
                all_revised, revision, notice_mjd, received, notice_id)) AS place
        FROM (SELECT *, bool_and(revision IS NOT NULL) OVER () AS all_revised
            FROM alerts.notices WHERE alert_id = %(alert_id)s) AS members) AS ordered
    WHERE place > n_notices - %(most)s ORDER BY place"""
_COMMENTS = """
    SELECT notice_id, string_agg(param_value, '; ' ORDER BY param_no) AS text
    FROM alerts.params WHERE notice_id = ANY(%(numbers)s) AND param_value != ''
        AND ((part = 'Citations' AND param_path = 'Description')
            OR (part = 'Why' AND param_path = 'Description')
            OR (part = 'json' AND param_path IN ('update_message', 'retraction_reason', 'reason',
                'description', 'additional_info', 'comment', 'comments')))
    GROUP BY notice_id"""
_MATCHES = """
    SELECT m.*, p.event_name AS partner_name, p.stream AS partner_stream,
        p.event_mjd AS partner_mjd, p.notice_mjd AS partner_notice_mjd,
        o.event_name AS own_name, o.stream AS own_stream, o.event_mjd AS own_mjd,
        o.notice_mjd AS own_notice_mjd
    FROM (SELECT * FROM alerts.matches WHERE alert_id = %(alert_id)s AND is_latest = 1
        UNION SELECT * FROM alerts.matches WHERE partner_alert = %(alert_id)s AND is_latest = 1
        ) AS m
    LEFT JOIN alerts.notices AS p ON p.notice_id = m.partner_notice
    LEFT JOIN alerts.notices AS o ON o.notice_id = m.notice_id
    ORDER BY m.kind, m.far_spatiotemporal, m.p_value, m.match_id LIMIT %(most)s"""
_MATCH_EVENTS = """
    SELECT e.* FROM alerts.match_events AS e WHERE e.match_id = ANY(%(matches)s)
    ORDER BY e.match_id, abs(e.time_difference), e.event_no LIMIT %(most)s"""
_CIRCULARS = """
    SELECT c.circular_id, c.subject, c.submitter, c.created
    FROM alerts.circular_alerts AS l JOIN alerts.circulars AS c USING (notice_id)
    WHERE l.alert_id = %(alert_id)s ORDER BY c.created, c.notice_id LIMIT %(most)s"""
_CITED = """
    SELECT c.cite, c.cited_ivorn AS ivorn, n.notice_id, n.alert_id
    FROM alerts.citations AS c
    LEFT JOIN LATERAL (SELECT notice_id, alert_id FROM alerts.notices
        WHERE ivorn = c.cited_ivorn ORDER BY version DESC LIMIT 1) AS n ON TRUE
    WHERE c.notice_id = %(notice_id)s ORDER BY c.citation_no LIMIT %(most)s"""
_CITING = """
    SELECT c.cite, n.ivorn, n.notice_id, n.alert_id
    FROM alerts.citations AS c JOIN alerts.notices AS n USING (notice_id)
    WHERE c.cited_ivorn = %(ivorn)s ORDER BY n.notice_id LIMIT %(most)s"""
_OF_NOTICE = "SELECT * FROM alerts.{} WHERE notice_id = %(notice_id)s ORDER BY {} LIMIT %(most)s"


def history(alert_id):
    """Return the notices of an alert in their order; of very many, the last ones.

    Each has its ``place``, from 1, and ``n_notices``, how many there are.
    """
    return database.rows(_HISTORY, {"alert_id": alert_id, "most": MOST})


def comments(notices):
    """Return what the authors of notices wrote about each, by the number of the notice."""
    numbers = [one["notice_id"] for one in notices]
    found = database.rows(_COMMENTS, {"numbers": numbers})
    return {one["notice_id"]: one["text"] for one in found}


def matches(alert_id):
    """Return the matches of an alert that are valid now, each with its published ``events``."""
    found = database.rows(_MATCHES, {"alert_id": alert_id, "most": MOST})
    samples = [one["match_id"] for one in found if one["kind"] == "sample"]
    events = []
    if samples:
        events = database.rows(_MATCH_EVENTS, {"matches": samples, "most": MOST})
    for one in found:
        one["events"] = [event for event in events if event["match_id"] == one["match_id"]]
    return found


def circulars(alert_id):
    """Return the circulars about an alert, in the order of their time."""
    return database.rows(_CIRCULARS, {"alert_id": alert_id, "most": MOST})


def citations(notice):
    """Return the packets that a notice cites, and those that cite it."""
    asked = {"notice_id": notice["notice_id"], "ivorn": notice["ivorn"], "most": MOST}
    return database.rows(_CITED, asked), database.rows(_CITING, asked)


def of_notice(table, notice, order):
    """Return the rows of a table of the archive that belong to a notice.

    Parameters
    ----------
    table : str
        Such as ``counterparts``.
    notice : dict
        The notice.
    order : str
        The columns by which they are ordered.
    """
    query = _OF_NOTICE.format(table, order)
    return database.rows(query, {"notice_id": notice["notice_id"], "most": MOST + 1})


def seal(notice):
    """Return the seal that covers a packet; None before the end of its day."""
    return database.row(
        "SELECT seal_id, seal_day FROM alerts.seals WHERE first_packet <= %(notice_id)s"
        " AND %(notice_id)s < first_packet + n_packets ORDER BY seal_id DESC LIMIT 1",
        {"notice_id": notice["notice_id"]},
    )
