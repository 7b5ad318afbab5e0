"""Maps of the sky as files: of a release (SVG), and of all (PNG), for links to this site.

This runs in the Python of DaCHS.
"""

import functools
import io

import numpy as np

from . import products, projection, skymap, templates
from .answers import DATA_POLICY, Answer, NotFound
from .releases import release, releases

_HOUR, _YEAR = 3600, 31_536_000
_WIDTH, _HEIGHT = 1200, 630
"""The size that social networks ask for, in pixels."""


def release_map(visit):
    """Return a map of the events of a release, ``/sky-map/<release>.svg``."""
    name = visit.path.rpartition("/")[2].removesuffix(".svg")
    one, made = release(name, visit), products.products()
    if one is None or one.is_closed or name not in made or not made[name].events:
        raise NotFound(f"There is no release {name} with events that are public.")
    text = templates.text(
        "skymap.svg", frame=skymap.frame(), layers=skymap.layers([one], made), title=one.title
    )
    max_age = _YEAR if visit.get("v") == made[name].lists[0]["kid"] else _HOUR
    policy = f"{DATA_POLICY}; style-src 'unsafe-inline'"
    return Answer(text.encode(), "image/svg+xml", policy=policy, max_age=max_age)


def picture(visit):
    """Return a map of all events, ``/sky-map.png``."""
    made = products.products()
    # what others show is what anyone may see
    shown = skymap.on_the_map([one for one in releases(visit) if not one.is_closed], made)
    return Answer(_png(skymap.layers(shown, made)), "image/png", max_age=_HOUR)


@functools.lru_cache(2)
def _png(layers):
    # imported late, because it takes a while
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Ellipse
    from PIL import Image

    figure = Figure((_WIDTH / 100, _HEIGHT / 100), dpi=100, facecolor="#0b2233")
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.96))
    axes.set(xlim=(-10, projection.WIDTH + 10), ylim=(projection.HEIGHT + 10, -10), aspect="equal")
    axes.axis("off")
    centre = projection.WIDTH / 2, projection.HEIGHT / 2
    axes.add_patch(
        Ellipse(centre, projection.WIDTH, projection.HEIGHT, fc="#050e18", ec="#3d5a70", lw=1.5)
    )
    ra, dec = projection.galactic(np.linspace(0, 360, 721), np.zeros(721))
    axes.plot(*projection.project(ra, dec), ",", color="#5fc3cc", ms=1)
    drawn_ra, drawn_dec, rank = layers.positions.T
    size = np.select([rank >= 0.99, rank >= 0.9], [14, 5], 2)
    axes.scatter(*projection.project(drawn_ra, drawn_dec), s=size, c="#ffd9a0", lw=0, alpha=0.8)
    for mark in layers.marks:
        axes.plot(mark["x"], mark["y"], "*", color="#ffb454", ms=20)
        right = mark["x"] < projection.WIDTH * 0.75
        axes.annotate(
            mark["name"],
            (mark["x"], mark["y"]),
            (16 if right else -16, -6),
            textcoords="offset points",
            ha="left" if right else "right",
            color="#ffcf8f",
            size=17,
            weight="bold",
        )
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    stream = io.BytesIO()
    pixels = Image.fromarray(np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3]))
    pixels.quantize(64, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()
