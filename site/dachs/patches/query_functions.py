"""Bounds on the arguments of ADQL functions that generate data."""

from gavo.adql import common, nodes, ufunctions

MOC_ORDER = 10
BINS = 10_000
SERIES = 1_000_000
VERTICES = 200


def bound_generating_functions():
    """Let DaCHS refuse arguments with which a function fills the memory.

    For DaCHS 2.7 and 2.11.

    ``MOC(29, CIRCLE(0, 0, 10))`` has about 10⁸ cells, which pgSphere makes without looking at
    timeouts; a histogram has as many bins as the query says, for each group of rows. We suggest
    bounds that operators can set. Here these arguments have to be whole numbers, not expressions.
    """
    nodes.MOC._polish = _check_moc
    nodes.Polygon._polish = _check_polygon
    ufunctions.HistogramNode._polish = _check_histogram
    if nodes.SetGeneratingFunction._polish.__name__ != "_check_series":
        nodes.SetGeneratingFunction._polish = _make_series(nodes.SetGeneratingFunction._polish)


def _check_moc(self):
    if self.order is not None:
        _whole_number("The order of MOC()", self.order, 0, MOC_ORDER)


def _check_histogram(self):
    _whole_number("The number of bins of a histogram", self.args[3], 1, BINS)


def _check_polygon(self):
    vertices = len(self.coos or self.points or ())
    if vertices > VERTICES:
        raise common.Error(
            f"This polygon has {vertices} vertices; at most {VERTICES} are allowed here."
        )


def _make_series(polish):
    def _check_series(self):
        polish(self)
        first, last = (
            _whole_number("A limit of generate_series()", limit, -(10**12), 10**12)
            for limit in self.args
        )
        if last - first >= SERIES:
            raise common.Error(
                f"This series has {last - first + 1} values; at most {SERIES} are allowed here."
            )

    return _check_series


def _whole_number(what, node, least, most):
    """Return the value of an argument that must be a whole number within bounds."""
    text = nodes.flatten(node).replace(" ", "")
    try:
        value = int(text)
    except ValueError:
        raise common.Error(f"{what} has to be a whole number here, not {text}.") from None
    if not least <= value <= most:
        raise common.Error(f"{what} is {value}; here it has to be from {least} to {most}.")
    return value
