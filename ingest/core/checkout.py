"""Where the parts of the working tree are that this package runs from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
RD: Final = CHECKOUT / "rd"
"""The resource descriptors."""
INPUTS: Final = CHECKOUT / "inputs"
"""A folder per release with its manifest."""
