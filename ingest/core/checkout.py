"""Paths of the working tree that this package runs from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
RD: Final = CHECKOUT / "rd"
"""The resource descriptors."""
INPUTS: Final = CHECKOUT / "inputs"
"""The manifests of the releases, one folder each."""
ANALYSIS: Final = CHECKOUT / "km3vo" / "analysis"
"""The functions that answer questions about published events; DaCHS gets a copy."""
