"""Pictures of responses: they show something, and the quantiles that they show are right."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ingest.responses import Axis, Response, draw
from ingest.responses.bands import bands, containment_radius, median_of
from ingest.responses.preview import draw as draw_itself
from tests.responses.delivered_responses import DELIVERED


@pytest.mark.parametrize("name", DELIVERED)
def test_every_response_has_a_picture(response, tmp_path, name):
    path = draw(response(name), tmp_path / "a.png", "KM3NeT/ARCA")
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert pixels.shape == (660, 1100, 3)
    plot = pixels[100:580, 110:870]
    coloured = plot.max(axis=-1) - plot.min(axis=-1) > 40
    # a line across the plot has some thousand pixels
    assert np.count_nonzero(coloured) > 900
    assert path.stat().st_size < 150_000


def test_the_same_response_gives_the_same_picture(response, tmp_path, monkeypatch):
    first = draw(response("arca115_psf"), tmp_path / "a.png").read_bytes()
    import matplotlib

    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30.0)
    assert draw_itself(response("arca115_psf"), tmp_path / "b.png").read_bytes() == first


def test_bands_are_means_by_solid_angle(response):
    area = response("arca115_aeff")
    (everything,) = bands(area, "zenith", most=1)
    # its bins have equal solid angles
    assert np.allclose(everything.values, area.values.mean(axis=1))
    assert bands(area, "zenith")[0].label == "0° to 48°"
    (muons,) = bands(response("arca115_bkg_mu"), "zenith")
    assert muons.label == "76° to 85°"


def test_the_containment_radius_of_a_gaussian():
    radius = Axis("radius", np.append(np.linspace(0, 5, 501), 180.0))
    sigma = 0.5
    edges = np.exp(-(radius.edges**2) / (2 * sigma**2))
    solid_angle = -2 * np.pi * np.diff(np.cos(np.radians(radius.edges)))
    density = (edges[:-1] - edges[1:]) / solid_angle
    found = containment_radius(density[np.newaxis], radius, 0.5)
    assert found[0] == pytest.approx(sigma * np.sqrt(2 * np.log(2)), rel=1e-3)
    assert np.isnan(containment_radius(density[np.newaxis] / 2, radius, 0.5)[0])


def test_the_median_of_a_distribution():
    axis = Axis("energy_reco", 10.0 ** np.arange(5))
    found = median_of(np.array([[0, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]]), axis)
    assert found[[0, 2]] == pytest.approx([100, 10**0.5])
    assert np.isnan(found[1])


def test_a_response_of_zeros_is_drawn(tmp_path):
    axes = (Axis("energy_true", np.array([1.0, 10, 100])), Axis("zenith", np.array([0.0, 180])))
    assert draw(Response("aeff", "aeff", axes, np.zeros((2, 1))), tmp_path / "a.png").exists()
