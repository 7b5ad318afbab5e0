"""The whole path, from a delivery in HDF5 until its events are online with all indices."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from ingest.events import importer
from ingest.instance.dachs import Dachs
from tests.bench.instance import private_instance, release_of
from tests.bench.report import Line
from tests.bench.samples import write_km3pipe, write_simple

FORMS = (("km3pipe-hdf5", write_km3pipe), ("simple-hdf5", write_simple))


class Clock:
    """Adds up the time that some functions take."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def watch(self, function: Callable[..., Any], name: str = "") -> Callable[..., Any]:
        """Return the function, watched; a command of DaCHS counts under its first words."""

        def watched(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                key = name or " ".join(arguments[1:3])
                self.seconds[key] = self.seconds.get(key, 0) + time.perf_counter() - start

        return watched


def lines(events: int) -> Iterator[Line]:
    """Yield the rates of the path and of its parts, by delivered format."""
    with tempfile.TemporaryDirectory() as name, private_instance() as (layout, memory):
        for form, write in FORMS:
            path = write(Path(name) / f"{form}.h5", events)
            manifest = release_of(path, events, form)
            rd = manifest.release.descriptor
            clock = Clock()
            with (
                mock.patch.object(Dachs, "command", clock.watch(Dachs.command)),
                mock.patch.object(
                    importer, "convert_release", clock.watch(importer.convert_release, "convert")
                ),
            ):
                start = time.perf_counter()
                importer.import_release(manifest, layout, memory, Path(name))
                total = time.perf_counter() - start
            path.unlink()
            start = time.perf_counter()
            spent = clock.seconds
            later = sum(spent[key] for key in spent if key not in ("convert", f"imp {rd}"))
            yield Line(f"{form}: read, check, locate, write", f"{events / spent['convert']:,.0f}/s")
            yield Line(
                f"{form}: dachs imp, its start-up too", f"{events / spent[f'imp {rd}']:,.0f}/s"
            )
            yield Line(
                f"{form}: until online", f"{events / (total - later):,.0f}/s", goal="≥ 100,000/s"
            )
            yield Line(f"{form}: with statistics and registry", f"{events / total:,.0f}/s")
