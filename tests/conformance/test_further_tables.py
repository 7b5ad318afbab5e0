"""KM3-230213A as queries find it, against the numbers of the collaboration.

The number of photomultipliers in the trigger, 3672, is that of the publication,
doi:10.1038/s41586-024-08543-1; radii and time are those of the event's VOEvent packet.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import re
from urllib.request import Request, urlopen

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time
from lxml import etree

from tests.instances import ROOT, Instance

INPUTS = ROOT / "inputs" / "evts23_01"
PACKET = etree.parse(ROOT / "inputs" / "alerts" / "voevent" / "KM3-230213A.xml")
TABLES = ("hits", "tracks", "modules", "pmts", "counterparts", "pmt_numbers")


def in_packet(element: str) -> str:
    return PACKET.findtext(f".//ObservationLocation//{element}")


@pytest.fixture(scope="module")
def links(instance: Instance) -> list[dict[str, str]]:
    """Return the DataLink rows of the event list."""
    did = "ivo://km3net.org/~?evts23_01/data/evts23_01.fits"
    document = etree.fromstring(instance.fetch(f"km3net/nu/dl/dlmeta?ID={did}"))
    names = [one.get("name") for one in document.iterfind(".//{*}FIELD")]
    return [
        dict(zip(names, (cell.text or "" for cell in row), strict=True))
        for row in document.iterfind(".//{*}TR")
    ]


def test_the_trigger_has_the_published_number_of_photomultipliers(instance: Instance) -> None:
    query = "SELECT DISTINCT dom_id, channel_id FROM evts23_01.hits WHERE triggered = 1"
    assert len(instance.adql(query)) == 3672
    with gzip.open(INPUTS / "KM3-230213A_allhits.json.gz") as stream:
        hits = json.load(stream)["hits"]
    counted = instance.adql("SELECT triggered, COUNT(*) FROM evts23_01.hits GROUP BY triggered")
    expected = {str(kind): sum(hit["triggered"] == kind for hit in hits) for kind in (0, 1)}
    assert {kind: int(number) for kind, number in counted} == expected


def test_the_event_has_its_second_from_the_packet_and_its_microsecond_from_the_hits(
    instance: Instance,
) -> None:
    ((first,),) = instance.adql("SELECT mjd FROM evts23_01.hits WHERE hit = 1")
    with gzip.open(INPUTS / "KM3-230213A_allhits.json.gz") as stream:
        zero = json.load(stream)["utc_timestamp"]
    assert Time(zero, format="unix").isot.startswith(in_packet("ISOTime"))
    # a double has an MJD to 0.6 μs
    days = Time(float(first), format="mjd", scale="utc") - Time(zero, format="unix")
    assert abs(days.sec) < 1e-6


def test_the_radii_are_those_of_the_packet(instance: Instance) -> None:
    ((*radii,),) = instance.adql("SELECT err_50, err_68, err_90, err_99 FROM evts23_01.main")
    packet = [float(in_packet(f"Error2Radius{cl}")) for cl in (50, 68, 90, 99)]
    assert [float(one) for one in radii] == pytest.approx(packet, abs=1e-6)


def test_counterparts_are_as_far_away_as_published(instance: Instance) -> None:
    rows = instance.adql(
        "SELECT c.source, c.separation, DISTANCE(c.ra, c.dec, e.ra, e.dec), c.name"
        " FROM evts23_01.counterparts AS c, evts23_01.main AS e ORDER BY c.source"
    )
    assert len(rows) == 12
    published = np.array([[float(cell) for cell in row[:3]] for row in rows])
    # to the digit, or one off: the direction of the event is published to 0.1 deg
    assert abs(published[:, 1] - published[:, 2]).max() < 0.01
    assert (np.diff(published[:, 1]) > 0).all()
    # a minus sign or two spaces would be no name that resolvers know
    assert all(re.fullmatch(r"[A-Z0-9]+ J\d+(\.\d)?-\d+", row[3]) for row in rows)
    assert rows[0][3] == "NVSS J061703-082225"


def test_light_of_the_muon_arrives_when_it_must(instance: Instance) -> None:
    """The first hits of the modules within 100 m of the track, in water of index 1.36."""
    ((*track,),) = instance.adql("SELECT t, x, y, z, dir_x, dir_y, dir_z FROM evts23_01.tracks")
    t, x, y, z, *direction = (float(one) for one in track)
    rows = instance.adql("SELECT t, x, y, z, dom_id FROM evts23_01.hits WHERE triggered = 1")
    hits, modules = np.array(rows, float)[:, :4], np.array(rows)[:, 4]
    away = hits[:, 1:] - [x, y, z]
    along = away @ direction
    across = np.linalg.norm(away - np.outer(along, direction), axis=1)
    late = hits[:, 0] - t - (along + across * math.tan(math.acos(1 / 1.36))) / 0.299792458
    near = modules[across < 100]
    first = [late[modules == module].min() for module in set(near)]
    assert len(first) > 20
    assert abs(np.median(first)) < 20  # ns; the muon crosses the detector in 2 μs
    assert math.degrees(math.acos(-direction[2])) == pytest.approx(89.36, abs=0.01)


def test_hits_are_in_the_detector(instance: Instance) -> None:
    ((lost,),) = instance.adql(
        "SELECT COUNT(*) FROM evts23_01.hits AS h LEFT OUTER JOIN evts23_01.pmts AS p"
        " ON h.dom_id = p.dom_id AND h.channel_id = p.channel_id"
        " AND h.detection_unit = p.detection_unit AND h.floor_no = p.floor_no"
        " WHERE p.dom_id IS NULL"
    )
    assert lost == "0"
    ((units, modules, pmts),) = instance.adql(
        "SELECT COUNT(DISTINCT detection_unit), COUNT(*), SUM(n_pmts) FROM evts23_01.modules"
        " WHERE floor_no > 0"
    )
    # ARCA21: 21 units of 18 modules of 31 photomultipliers
    assert (int(units), int(modules), int(pmts)) == (21, 21 * 18, 21 * 18 * 31)


def test_the_muon_has_an_energy_of_about_100_pev(instance: Instance) -> None:
    rows = instance.adql(
        "SELECT series, energy, density FROM evts23_01.pmt_numbers"
        " WHERE 3672 BETWEEN n_pmts_lo AND n_pmts_hi"
    )
    assert len(rows) == 6
    for series in ("1", "2"):
        density = {float(row[1]): float(row[2]) for row in rows if row[0] == series}
        assert max(density, key=density.__getitem__) == pytest.approx(100e6)  # GeV


def test_delivered_files_and_tables_are_linked(
    instance: Instance, links: list[dict[str, str]]
) -> None:
    found = {
        one["access_url"].rpartition("/")[2]: one
        for one in links
        if one["semantics"] == "#auxiliary"
    }
    delivered = {"KM3-230213A_allhits.json.gz", "detector.json.gz", "Figure4.csv", "figure2.csv"}
    assert found.keys() == delivered | {f"{table}.fits" for table in TABLES}
    for name in delivered:
        with urlopen(Request(found[name]["access_url"])) as reply:
            content = reply.read()
        stated = "application/gzip" if name.endswith(".gz") else "text/csv"
        assert found[name]["content_type"] == reply.headers.get_content_type() == stated
        # otherwise clients would store another file than the delivered one
        assert reply.headers["Content-Encoding"] is None
        assert content == (INPUTS / name).read_bytes()
        assert int(found[name]["content_length"]) == len(content)
    address = found["hits.fits"]["access_url"].removeprefix(f"{instance.url}/")
    with fits.HDUList.fromstring(instance.fetch(address)) as hdus:
        hdus.verify("exception")
        assert len(hdus["HITS"].data) == 28086
        origin = hashlib.sha256((INPUTS / "KM3-230213A_allhits.json.gz").read_bytes()).hexdigest()
    provenance = json.loads(instance.fetch(f"{address}.prov.json"))
    assert f"km3:sha256-{origin}" in provenance["entity"]


def test_the_alert_is_linked(links: list[dict[str, str]]) -> None:
    (one,) = [link for link in links if link["semantics"] == "#coderived"]
    with urlopen(one["access_url"]) as reply:
        document = etree.fromstring(reply.read())
    packet = next(
        row[1].text
        for row in document.iterfind(".//{*}TR")
        if any(cell.text == "#this" for cell in row)
    )
    with urlopen(packet) as reply:
        assert b"ivo://km3net.org/VOEvent#KM3-230213A" in reply.read()
