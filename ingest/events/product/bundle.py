"""Bundles: an event list with its provenance and the instrument responses, in one archive.

The high-energy extension of ObsCore calls this product ``hea-event-bundle``.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

from ingest.core.files import atomic_write
from ingest.events.product.responses import RESPONSES, in_bundle


def write_bundle(product: Path) -> Path:
    """Write the bundle of an event list beside it, as ``<product>.tar``.

    It contains one directory with the event list, its provenance document, and the responses in
    the directory ``responses`` beside it, as delivered and as GADF files. The same files give the
    same bytes.

    Parameters
    ----------
    product : pathlib.Path
        The event list.

    Returns
    -------
    pathlib.Path
        The bundle.
    """
    responses = sorted(filter(in_bundle, (product.parent / RESPONSES).glob("*")))
    members = [product, product.with_name(f"{product.name}.prov.json"), *responses]
    bundle = product.with_suffix(".tar")
    with (
        atomic_write(bundle) as stream,
        tarfile.open(fileobj=stream, mode="w") as archive,
    ):
        for path in members:
            member = tarfile.TarInfo(f"{product.stem}/{path.relative_to(product.parent)}")
            member.size = path.stat().st_size
            member.mode = 0o644
            with path.open("rb") as content:
                archive.addfile(member, content)
    return bundle
