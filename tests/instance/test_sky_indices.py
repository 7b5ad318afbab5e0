"""Indices on the sky: circles that touch have cells in common, and the order is that of q3c."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import pyvo
from astropy import units as u
from astropy.coordinates import SkyCoord
from psycopg2.extras import execute_values

from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests.instances import ROOT, Instance

# the poles, and the edges and corners of the faces of q3c
SPECIAL = [(0, 90), (123, -90), *((ra, dec) for ra in (0, 45, 90, 315) for dec in (-45, 0, 45))]
BOUNDS = (0.25, 0.5, 1, 2, 4, 8, 16)
"""The radii in deg at which the classes of circles.sql begin."""
CONDITIONS = (
    "CONTAINS(POINT(266.4, -29.0), {})",
    "INTERSECTS(CIRCLE(266.4, -29.0, 0.1), {})",
    "INTERSECTS({}, CIRCLE(266.4, -29.0, 0.1))",
)
TABLES = ("ant20_01.main", "evts21_01.main")


@pytest.fixture
def cursor(instance: Instance) -> Iterator[Any]:
    layout = Layout(instance.var, Account.current())
    state = InstanceState.read(layout)
    assert state is not None
    with Cluster(layout).connect(state.postgres_port) as connection:
        connection.autocommit = True
        yield connection.cursor()


@pytest.mark.parametrize(
    ("count", "largest"), [(2000, 1.0), (1000, 20.0), (20, 90.0)], ids=["small", "wide", "sky"]
)
def test_circles_that_touch_have_cells_in_common(cursor: Any, count: int, largest: float) -> None:
    random = np.random.default_rng(1)
    special = random.integers(0, len(SPECIAL), count)
    ra = random.uniform(0, 360, count)
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, count)))
    chosen = random.random(count) < 0.3
    ra[chosen], dec[chosen] = np.array(SPECIAL, float)[special[chosen]].T
    radius = random.uniform(0, largest, count)
    at_bound = random.random(count) < 0.3
    radius[at_bound] = random.choice([one for one in BOUNDS if one <= largest], at_bound.sum())
    other_radius = random.uniform(0, largest, count) * random.choice([0, 1, 1], count)
    # the second circle touches the first, nearly from outside
    distance = (radius + other_radius) * random.choice([0, 0.5, 1 - 1e-9], count)
    others = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        random.uniform(0, 360, count) * u.deg, distance * u.deg
    )
    cursor.execute("CREATE TEMPORARY TABLE pairs (c scircle, d scircle)")
    execute_values(
        cursor,
        "INSERT INTO pairs VALUES %s",
        np.column_stack([ra, dec, radius, others.ra.deg, others.dec.deg, other_radius]).tolist(),
        "(scircle(spoint(radians(%s), radians(%s)), radians(%s)),"
        " scircle(spoint(radians(%s), radians(%s)), radians(%s)))",
    )
    cursor.execute(
        "SELECT c, d FROM pairs WHERE circle_cell(c) <> ALL (cells_around(center(d), radius(d)))"
        " OR circle_cell(d) <> ALL (cells_around(center(c), radius(c)))"
    )
    assert cursor.fetchall() == []


def test_rows_are_sorted_along_the_pixels_of_q3c(cursor: Any) -> None:
    spec = importlib.util.spec_from_file_location("skyorder", ROOT / "rd/km3net/skyorder.py")
    assert spec is not None
    assert spec.loader is not None
    skyorder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(skyorder)
    random = np.random.default_rng(2)
    ra, dec = np.array(SPECIAL, float).T
    ra = np.append(ra, random.uniform(0, 360, 5000))
    dec = np.append(dec, np.degrees(np.arcsin(random.uniform(-1, 1, 5000))))
    cursor.execute(
        "SELECT q3c_ang2ipix(ra, dec) >> %s FROM unnest(%s::float8[], %s::float8[])"
        " WITH ORDINALITY AS position (ra, dec, number) ORDER BY number",
        [60 - 2 * skyorder.BITS, ra.tolist(), dec.tolist()],
    )
    theirs = np.array(cursor.fetchall())[:, 0]
    ours = skyorder.pixels(ra, dec)
    inside = np.arange(len(ra)) >= len(SPECIAL)
    assert (ours == theirs)[inside].all()
    # at the edge of a face, which one it belongs to is a matter of rounding
    assert ((ours >= 0) & (ours < 6 << (2 * skyorder.BITS))).all()
    assert len(skyorder.pixels([np.nan], [1.0])) == 1


def test_few_cells_are_near_a_point(cursor: Any) -> None:
    """Otherwise an index would be of no use."""
    cursor.execute("SELECT cardinality(cells_around(spoint(1, 0.3), 0))")
    assert cursor.fetchone()[0] < 100


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("table", [*TABLES, "km3net.events"])
def test_queries_for_error_circles_use_the_index(
    instance: Instance, cursor: Any, table: str, condition: str
) -> None:
    cursor.execute("ALTER DATABASE gavo SET enable_seqscan = off")
    try:
        before = _scans(cursor)
        condition = condition.format("origin_est")
        pyvo.dal.TAPService(instance.tap).search(f"SELECT mjd FROM {table} WHERE 1 = {condition}")
        used = set(TABLES) if table == "km3net.events" else {table}
        deadline = time.monotonic() + 20
        while any(_scans(cursor)[one] == before[one] for one in used):
            assert time.monotonic() < deadline, "the index was not used"
            time.sleep(0.2)
    finally:
        cursor.execute("ALTER DATABASE gavo RESET enable_seqscan")


def _scans(cursor: Any) -> dict[str, int]:
    """Return how often the index of each table was used."""
    cursor.execute(
        "SELECT schemaname || '.' || relname, idx_scan FROM pg_stat_user_indexes"
        " WHERE indexrelname = 'main_origin_est'"
    )
    return dict(cursor.fetchall())
