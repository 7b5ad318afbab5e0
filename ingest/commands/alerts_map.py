"""``km3vo alerts map`` and ``inspect-map``: making and inspecting sky maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingest.commands.output import say
from ingest.core.errors import InputError

if TYPE_CHECKING:
    from ingest.alerts.skymaps import SkyMap

FILE = click.Path(path_type=Path)


@click.command(name="map")
@click.argument("directions", required=False, type=FILE)
@click.option("--ra", type=float, required=True, help="Best direction: right ascension, ICRS deg.")
@click.option("--dec", type=float, required=True, help="Best direction: declination, ICRS deg.")
@click.option("--radius", type=float, help="Without DIRECTIONS: the error radius in deg.")
@click.option(
    "--containment", type=float, help="Probability that the source is within RADIUS, such as 0.9."
)
@click.option("-o", "--output", metavar="FILE", type=FILE, help="File of the sky map.")
@click.option("--name", metavar="NAME", help="Name of the event, such as KM3-230213A.")
@click.option("--preview", is_flag=True, help="Also draw a preview (PNG), next to the map.")
@click.option("--overwrite", is_flag=True, help="Replace an existing map.")
def map_(
    directions: Path | None,
    ra: float,
    dec: float,
    radius: float | None,
    containment: float | None,
    output: Path | None,
    name: str | None,
    preview: bool,
    overwrite: bool,
) -> None:
    """Make the sky map of one of our own alerts, as a multi-order FITS file.

    DIRECTIONS is a table (CSV, ECSV, FITS) of resimulated directions in deg, ICRS: either columns
    ra and dec where the source may be, or true_ra, true_dec, reco_ra and reco_dec of simulated
    events, whose errors are applied to the best direction. A column weight is optional. Without
    DIRECTIONS the map is a normal distribution with the given radius and containment.
    """
    # not at the top: the other commands about alerts need not wait for it
    from ingest.alerts.skymaps import make_map, read_directions
    from ingest.alerts.skymaps.preview import write_map_preview

    if directions is not None and (radius is not None or containment is not None):
        raise click.UsageError("give either DIRECTIONS, or --radius and --containment")
    if directions is None and (radius is None or containment is None):
        raise click.UsageError("give DIRECTIONS, or both --radius and --containment")
    stem = directions.stem if directions else name or "alert"
    path = output or Path(f"{stem}.multiorder.fits")
    if path.exists() and not overwrite:
        raise InputError(
            "the file already exists", file=path, remedy="remove it, or use --overwrite"
        )
    sample = read_directions(directions, ra, dec) if directions else None
    sky = make_map(ra, dec, sample, radius=radius, containment=containment)
    sky.write(path, {"OBJECT": name} if name else None)
    say(f"{path}: {len(sky.uniq)} cells")
    _describe(sky)
    if preview:
        title = name or stem
        say(f"{write_map_preview(sky, path.with_suffix('.png'), title, 'KM3NeT · sky map')}")


@click.command()
@click.argument("file", type=FILE)
@click.option(
    "--at", type=(float, float), metavar="RA DEC", help="Also describe this position, ICRS deg."
)
@click.option("--preview", metavar="FILE.png", type=FILE, help="Draw a preview of the map.")
def inspect_map(file: Path, at: tuple[float, float] | None, preview: Path | None) -> None:
    """Describe a sky map: its centre, its regions, and the probability at a position.

    FILE is a HEALPix map in FITS format, flat or multi-order, of any collaboration.
    """
    from ingest.alerts.skymaps import read_map
    from ingest.alerts.skymaps.preview import write_map_preview

    if at is not None and not (0 <= at[0] <= 360 and -90 <= at[1] <= 90):
        raise click.BadParameter("RA from 0 to 360 and DEC from -90 to 90 deg", param_hint="--at")
    sky = read_map(file)
    for remark in sky.remarks:
        say(f"remark: {remark}")
    _describe(sky)
    if at is not None:
        density = float(sky.probability_density_at([at[0]], [at[1]])[0])
        level = float(sky.containment_at([at[0]], [at[1]])[0])
        say(f"at {at[0]:g} {at[1]:+g}")
        say(f"  probability density   {density:.4g} per sr")
        say(f"  credible level        {100 * level:.4g} %")
    if preview is not None:
        write_map_preview(sky, preview, file.name)


def _describe(sky: SkyMap) -> None:
    from ingest.alerts.skymaps.preview import area_text

    ra, dec = sky.best()
    say(f"centre                {ra:.5f} {dec:+.5f} deg, ICRS")
    for level in (0.5, 0.9):
        say(f"{100 * level:.0f} % region           {area_text(sky.area(level))}")
