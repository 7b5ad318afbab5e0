"""Queries for error circles, such as ``1 = CONTAINS(POINT(…), origin_est)``, use their index.

For all versions of DaCHS.

DaCHS makes an operator of pgSphere of them, which only a GiST index supports. For large tables
building one takes longer than all else in an import, so ours have an index of cells instead, see
``rd/km3net/circles.sql``. A condition that names the cells is added here. It is true wherever the
operator is, so answers do not change; with shapes other than points and circles there is none, and
the whole table is read.
"""

from gavo.adql import morphpg
from gavo.adql.nodes import flatten
from gavo.stc import tapstc

KIND = "cells"
"""The kind of the index, as descriptors declare it."""


def find_error_circles_by_cells():
    """Add the condition on cells to ``CONTAINS`` and ``INTERSECTS`` with a column of circles."""
    if morphpg._booleanizeGeoPredPGS.__name__ != "_predicate":
        morphpg._booleanizeGeoPredPGS = _with_cells(morphpg._booleanizeGeoPredPGS)


def _with_cells(make):
    def _predicate(node, operator):
        made = make(node, operator)
        cells = _cells(*node.args)
        return made if cells is None else f"({flatten(made)} AND {cells})"

    return _predicate


def _cells(*shapes):
    """Return the condition on the cells of a column of circles; None if there is none to add."""
    columns = [one for one in shapes if _has_cells(one)]
    others = [one for one in shapes if getattr(morphpg.getOriginal(one), "type", "") in _AROUND]
    if len(columns) != 1 or len(others) != 1:
        return None
    (column,), (other,) = columns, others
    systems = morphpg._getSystem(column), morphpg._getSystem(other)
    if tapstc.getPGSphereTrafo(*systems) is not None:
        return None
    around = _AROUND[morphpg.getOriginal(other).type].format(flatten(other))
    return f"circle_cell({flatten(column)}) = ANY (cells_around({around}))"


_AROUND = {"point": "{0}, 0", "circle": "center({0}), radius({0})"}
"""The arguments of ``cells_around`` for a shape."""


def _has_cells(shape):
    info = getattr(shape, "fieldInfo", None)
    return bool(info) and any(KIND in (one.isIndexed() or ()) for one in info.userData)
