"""Functions of our own in ADQL, by DaCHS' documented extension.

They become SQL when a query is translated, with the coefficients of the release in it, so that the
database needs no functions and visitors no further privileges. DaCHS declares them in the
capabilities of TAP. This runs in the Python of DaCHS.
"""

import functools
import os

import numpy
from gavo import adql, base
from gavo.adql import nodes
from gavo.utils import loadPythonModule

_POINTS = 24
"""Of the integral over a circle, as in ``analysis/background.py``."""


@adql.userFunction(
    "gavo_background_density",
    "(release TEXT, dec DOUBLE PRECISION) -> DOUBLE PRECISION",
    """
    Returns the number of background events per sr that a release has at a declination (deg), by
    its published background function; 0 where the sample has no events. The release must be a
    string literal, such as 'ant20_01'.
    """,
    unit="sr**-1",
    ucd="src.density;instr.background",
)
def _background_density(arguments):
    if len(arguments) != 2:
        raise adql.UfuncError("gavo_background_density takes a release and a declination")
    background = _background(arguments[0])
    return (
        f"(SELECT CASE WHEN q.d BETWEEN {background.south!r} AND {background.north!r}"
        f" THEN degrees({_polynomial(_derivative(background), 'q.d')})"
        " / (2 * pi() * greatest(cos(radians(q.d)), 1e-12))"
        " WHEN q.d IS NOT NULL THEN 0 END"
        f" FROM (SELECT ({nodes.flatten(arguments[1])})::double precision AS d) AS q)"
    )


@adql.userFunction(
    "gavo_background_events",
    "(release TEXT, dec DOUBLE PRECISION, radius DOUBLE PRECISION) -> DOUBLE PRECISION",
    """
    Returns the number of background events of a release expected in a circle, by its published
    background function: the expected number of chance coincidences. Declination of the centre
    and radius are in deg; the result is NULL where the sample sees nothing, and for a radius that
    is not between 0 and 90. The release must be a string literal, such as 'ant20_01'.
    """,
    ucd="meta.number;instr.background",
)
def _background_events(arguments):
    if len(arguments) != 3:
        raise adql.UfuncError("gavo_background_events takes a release, a declination and a radius")
    background = _background(arguments[0])
    south, north = background.south, background.north
    dec, radius = (nodes.flatten(one) for one in arguments[1:])

    def below(place):
        clipped = f"least(greatest({place}, {south!r}), {north!r})"
        value = _polynomial(background.coefficients, "v.x")
        return f"(SELECT {value} FROM (SELECT {clipped} AS x) AS v)"

    values = ", ".join(
        f"({cosine!r}::double precision, {weight!r}::double precision)"
        for cosine, weight in zip(*_quadrature(), strict=True)
    )
    return (
        "(SELECT CASE WHEN c.around <= 0 THEN 0"
        f" WHEN c.d >= 0 THEN {below('90.0')} - {below('90 - c.around')}"
        f" ELSE {below('c.around - 90')} - {below('-90.0')} END"
        " + (c.high - c.low) / 2 * ("
        f"SELECT coalesce(sum(p.w * {_polynomial(_derivative(background), 'p.x')}"
        " * acos(least(1, greatest(-1, (cos(radians(c.r)) - sin(radians(p.x)) * sin(radians(c.d)))"
        " / greatest(cos(radians(p.x)) * cos(radians(c.d)), 1e-150)))) / pi()), 0)"
        " FROM (SELECT n.w, (c.high + c.low) / 2 + (c.high - c.low) / 2 * n.c AS x"
        f" FROM (VALUES {values}) AS n (c, w)) AS p"
        f" WHERE p.x BETWEEN {south!r} AND {north!r})"
        " FROM (SELECT b.d, b.r, b.around,"
        " CASE WHEN b.d >= 0 THEN b.d - b.r ELSE -b.outermost END AS low,"
        " CASE WHEN b.d >= 0 THEN b.outermost ELSE b.d + b.r END AS high"
        " FROM (SELECT a.d, a.r, greatest(a.r - 90 + abs(a.d), 0) AS around,"
        " CASE WHEN a.r > 90 - abs(a.d) THEN 180 - a.r - abs(a.d) ELSE abs(a.d) + a.r END"
        " AS outermost"
        f" FROM (SELECT ({dec})::double precision AS d, ({radius})::double precision AS r) AS a"
        f" WHERE a.d BETWEEN {south!r} AND {north!r} AND a.r > 0 AND a.r < 90) AS b) AS c)"
    )


@adql.userFunction(
    "gavo_error_distance",
    "(ra1 DOUBLE PRECISION, dec1 DOUBLE PRECISION, ra2 DOUBLE PRECISION, dec2 DOUBLE PRECISION,"
    " error DOUBLE PRECISION) -> DOUBLE PRECISION",
    """
    Returns the distance between two positions (deg) in units of an error (deg), such as the
    angular error of an event; NULL if the error is unknown or 0.
    """,
    ucd="pos.angDistance;arith.ratio",
)
def _error_distance(arguments):
    if len(arguments) != 5:
        raise adql.UfuncError("gavo_error_distance takes ra, dec, ra, dec and an error")
    *positions, error = (f"({nodes.flatten(one)})::double precision" for one in arguments)
    return f"(q3c_dist({', '.join(positions)}) / nullif({error}, 0))"


def _background(literal):
    """Return the background function of the release that a literal names."""
    if literal.type != "characterStringLiteral":
        raise adql.UfuncError("The release must be a string literal, such as 'ant20_01'")
    facts, _ = loadPythonModule(os.path.join(base.getConfig("inputsDir"), "km3net", "facts"))
    known = facts.with_limits()
    if literal.value not in known:
        raise adql.UfuncError(
            f"There is no background function of {literal.value[:60]!r}; the releases that have one"
            f" are: {', '.join(sorted(known)) or 'none'}"
        )
    path = known[literal.value]["background"]
    return _read(path, os.stat(path).st_mtime_ns)


@functools.lru_cache(20)
def _read(path, changed):
    samples, _ = loadPythonModule(os.path.join(base.getConfig("inputsDir"), "km3net", "samples"))
    with open(path, encoding="utf-8") as stream:
        return samples.load_analysis().Polynomial.from_text(stream.read())


def _derivative(background):
    return background.coefficients[1:] * numpy.arange(1, len(background.coefficients))


def _polynomial(coefficients, variable):
    """Return a polynomial as an SQL expression, in Horner's form."""
    *others, text = (f"({float(one)!r}::double precision)" for one in coefficients)
    for one in reversed(others):
        text = f"({one} + {variable} * {text})"
    return text


@functools.lru_cache(None)
def _quadrature():
    """Return the points of the integral, and their weights with the Jacobian of x = cos θ."""
    points, weights = numpy.polynomial.legendre.leggauss(_POINTS)
    angles = (points + 1) * numpy.pi / 2
    return numpy.cos(angles).tolist(), (weights * numpy.sin(angles) * numpy.pi / 2).tolist()
