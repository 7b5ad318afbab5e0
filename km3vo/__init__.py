"""Neutrino events of ANTARES and KM3NeT from a node of the Virtual Observatory.

Examples
--------
>>> from km3vo import Node
>>> node = Node("http://localhost:8080")
>>> print(node.events("ant20_01", near="KM3-230213A", radius=3)["id"][0])
ANT0626
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from km3vo.errors import (
        BadRequestError,
        MissingPackageError,
        NameResolutionError,
        NodeError,
        ServiceError,
    )
    from km3vo.node import Node

__all__ = [
    "BadRequestError",
    "MissingPackageError",
    "NameResolutionError",
    "Node",
    "NodeError",
    "ServiceError",
]


def __getattr__(name: str) -> Any:
    """Load what is asked for: who needs :mod:`km3vo.analysis` only does not wait for pyvo."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "km3vo.node" if name == "Node" else "km3vo.errors"
    return getattr(importlib.import_module(module), name)
