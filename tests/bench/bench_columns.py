"""How fast an event list becomes a Parquet file, how large that is, and how fast it is read."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits

from ingest.core.descriptors import expand_descriptor, published_columns
from ingest.events.product.columns import write_columns
from tests.bench.instance import RELEASE, write_product
from tests.bench.report import Line, median, rates, timed
from tests.bench.samples import write_km3pipe

REPEAT = 3


def lines(events: int) -> Iterator[Line]:
    """Yield the rate of writing in processor time, the bytes per row, and rates of reading."""
    with tempfile.TemporaryDirectory() as name:
        delivery = write_km3pipe(Path(name) / "delivery.h5", events)
        product = write_product(delivery, "km3pipe-hdf5", Path(name) / "events.fits")
        delivery.unlink()
        columns = published_columns(expand_descriptor(f"{RELEASE}/nu"))
        ours = Path(name) / "events.parquet"

        def write() -> None:
            write_columns(product, columns, f"{RELEASE}.main", "A bench.")

        seconds = median(REPEAT, lambda: _processor(write))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        plain = Path(name) / "plain.parquet"
        theirs = _by_default(ours, plain)
        yield rates(
            "rows written per second of one core, from FITS",
            events / seconds,
            events / theirs,
            "pyarrow, from memory, by default",
            "≥ 500,000/s",
        )
        size, others = ours.stat().st_size / events, plain.stat().st_size / events
        yield Line(
            "bytes per row",
            f"{size:.2f}",
            f"pyarrow's defaults {others:.2f}, FITS {product.stat().st_size / events:.0f}",
            f"{size / others:.2f}",
            "≤ 40",
        )
        yield Line("memory of the process, with libraries", f"{memory:,.0f} MiB")
        read = median(REPEAT, lambda: timed(polars.read_parquet, ours))
        by_astropy = timed(_read_fits, product)
        yield rates(
            "rows read", events / read, events / by_astropy, "all columns of FITS by astropy"
        )
        found = polars.scan_parquet(ours).filter(polars.col("energy") > 1e5).select("ra", "dec")
        few = median(REPEAT, lambda: timed(found.collect))
        yield Line("two columns of the events above 100 TeV", f"{few * 1000:,.0f} ms")


def _by_default(source: Path, target: Path) -> float:
    """Return the processor time in which pyarrow writes rows that are in memory."""
    table = pq.read_table(source)
    return _processor(lambda: pq.write_table(table, target, compression="zstd"))


def _processor(function: Callable[[], Any]) -> float:
    """Return the processor time of a call, in s, of one thread."""
    pa.set_cpu_count(1)
    start = time.process_time()
    function()
    return time.process_time() - start


def _read_fits(path: Path) -> None:
    with fits.open(path, memmap=True) as hdus:
        data = hdus["EVENTS"].data
        for column in hdus["EVENTS"].columns.names:
            data[column].copy()
