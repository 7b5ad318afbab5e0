"""Prometheus and its tool, which setup.sh unpacks for tests."""

from __future__ import annotations

import pytest

from tests.instances import ROOT

_PROGRAMS = ROOT / ".venv" / "prometheus" / "usr" / "bin"
PROMETHEUS = _PROGRAMS / "prometheus"
PROMTOOL = _PROGRAMS / "promtool"

needs_prometheus = pytest.mark.skipif(not PROMTOOL.exists(), reason="needs Prometheus")
