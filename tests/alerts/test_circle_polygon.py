"""Polygons around circles, as pgSphere sees them."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.alerts.notices.model import Position
from ingest.alerts.tables.circle_polygon import circle_polygon

SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(ra=st.floats(0, 359.999), dec=st.floats(-90, 90), radius=st.floats(0.01, 60))
def test_a_polygon_contains_its_circle_and_not_much_more(empty_store, ra, dec, radius):
    polygon = circle_polygon(Position(ra=ra, dec=dec, radius=radius, containment=0.9))
    circle = f"<({ra}d,{dec}d),{radius * 0.99}d>"
    with empty_store.forgotten(), empty_store.store._transaction() as cursor:
        cursor.execute(
            "SELECT p @> c, area(p) / area(c) FROM (SELECT %s::spoly AS p, %s::scircle AS c) AS q",
            [polygon, circle],
        )
        ((contains, ratio),) = cursor.fetchall()
    # A regular hexagon around a circle in the plane: 6 tan(pi / 6) / pi.
    assert contains
    assert (
        ratio < 1.35
        if radius > 10
        else ratio == pytest.approx(6 * math.tan(math.pi / 6) / math.pi, rel=0.03)
    )


@pytest.mark.parametrize(
    "position", [None, Position(ra=1, dec=1), Position(ra=1, dec=1, radius=70)]
)
def test_without_a_circle_or_with_half_the_sky_there_is_no_polygon(position):
    assert circle_polygon(position) is None
