"""Plots of the whole sky: where positions are drawn."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from astropy.coordinates import angular_separation
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import style
from matplotlib.figure import Figure

from km3vo.skyplot import circle, draw_line, project, sky_axes


def test_right_ascension_increases_to_the_left_with_12_h_in_the_centre():
    x, y = project([180, 270, 90, 540], [0, 30, -30, 0])
    assert x == pytest.approx([0, -np.pi / 2, np.pi / 2, 0])
    assert np.degrees(y) == pytest.approx([0, 30, -30, 0])


@given(st.floats(0, 360), st.floats(-90, 90), st.floats(0.01, 80))
def test_points_of_a_circle_have_the_same_distance(ra, dec, radius):
    around = circle(ra, dec, radius, 13)
    apart = angular_separation(*np.radians([np.full(13, ra), np.full(13, dec), *around]))
    assert np.degrees(apart) == pytest.approx(radius, abs=1e-6)


def test_a_line_across_0_h_is_interrupted_there():
    axes = sky_axes(Figure(), galactic_plane=False)
    draw_line(axes, [20, 10, 0.1, 359.9, 350], [0, 0, 0, 0, 0])
    x = axes.lines[-1].get_xdata()
    assert np.flatnonzero(np.isnan(x)).tolist() == [3]
    assert np.nanmax(np.abs(np.diff(x))) < 0.2


def test_the_style_is_light_and_valid():
    with style.context("km3vo.light"):
        assert mpl.rcParams["figure.facecolor"] == "white"
