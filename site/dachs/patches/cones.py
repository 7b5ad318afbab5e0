"""Small cones are searched by four ranges of pixels instead of a hundred.

For all versions of DaCHS.

Cone searches use ``q3c_radial_query``, which PostgreSQL expands to a hundred conditions. Planning
them takes 2 ms for each table, more than finding the rows of a small cone, and a release that
grows by periods has several tables. ``q3c_join``, which DaCHS uses in ADQL, has four. They are
coarser, so that more rows are compared: it pays for cones up to about a degree.
"""

from gavo.protocols import scs

SMALL = 1.0
"""Up to this radius in deg."""
_LARGE = "q3c_radial_query("


def plan_small_cones_quickly():
    """Let the radius decide between ``q3c_join`` and ``q3c_radial_query``."""
    if scs.getRadialCondition.__name__ != "_condition":
        scs.getRadialCondition = _by_radius(scs.getRadialCondition)


def _by_radius(make):
    def _condition(table, ra, dec, radius, *columns, **more):
        large = make(table, ra, dec, radius, *columns, **more)
        if not large.startswith(_LARGE):
            return large
        longitude, latitude, *_ = large[len(_LARGE) :].split(",")
        small = f"q3c_join({ra}, {dec}, {longitude}, {latitude}, {radius})"
        # PostgreSQL knows the radius when it plans the query, and drops the other half
        return f"({radius} <= {SMALL} AND {small} OR {radius} > {SMALL} AND {large})"

    return _condition
