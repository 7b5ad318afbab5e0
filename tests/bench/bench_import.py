"""How fast a product gets into the database, next to DaCHS' own grammar and to bare psql.

DaCHS' start-up, as an import of one row takes it, is subtracted everywhere.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from ingest.instance.dachs.client import Dachs
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests.bench.instance import private_instance, psql, write_descriptor, write_product
from tests.bench.report import Line, median, rates, timed
from tests.bench.samples import write_km3pipe

FEW = 20_000
"""Rows for DaCHS' own grammar."""
REPEAT = 3

# The units are what the rowmaker has to convert; all else goes through as it is.
ROWMAKER = "".join(
    f'<map dest="{name}">@{source}</map>'
    for name, source in (
        ("event_id", "EVENT_NAME"), ("mjd", "MJD"), ("ra", "RA"), ("dec", "DEC"),
        ("ang_err", "ANG_ERR"), ("ang_err_cl", "ANG_ERR_CL"), ("energy", "ENERGY*1000"),
        ("n_hits", "N_HITS"), ("likelihood", "LIKELIHOOD"), ("topology", "TOPOLOGY"),
        ("zenith", "ZENITH"), ("azimuth", "AZIMUTH"), ("det_id", "DET_ID"), ("run_id", "RUN_ID"),
        ("frame_index", "FRAME_INDEX"), ("trigger_counter", "TRIGGER_COUNTER"),
        ("event_no", "EVENT_ID"), ("quality", "QUALITY"),
    )
)  # fmt: skip
DESCRIPTOR = f"""<resource schema="bench" resdir=".">
<meta name="title">Bench</meta><meta name="description">Bench</meta>
<meta name="subject">neutrino-astronomy</meta><meta name="creationDate">2026-01-01</meta>
<table id="plain" onDisk="True"><FEED source="km3net/common#event-columns"/></table>
<table id="slow" onDisk="True"><FEED source="km3net/common#event-columns"/></table>
<table id="main" onDisk="True" adql="True" primary="event_id">
<FEED source="km3net/common#event-columns"/>
<FEED source="km3net/common#origin-columns" release="bench" detector="ORCA6"/>
<FEED source="km3net/common#circle-index"/>
<FEED source="km3net/common#event-indices"/></table>
<LOOP listItems="one few many"><events>
<data id="plain_\\\\item"><sources pattern="\\item.fits"/>
<customGrammar module="../km3net/bulkload"/><make table="plain"/></data>
<data id="main_\\\\item"><sources pattern="\\item.fits"/>
<customGrammar module="../km3net/bulkload"/><make table="main"/></data>
<data id="slow_\\\\item"><sources pattern="\\item.fits"/>
<fitsTableGrammar/><make table="slow"><rowmaker>{ROWMAKER}</rowmaker></make></data>
</events></LOOP></resource>""".replace("\\\\item", "\\item")


def lines(events: int) -> Iterator[Line]:
    """Yield a line per peer."""
    with tempfile.TemporaryDirectory() as name, private_instance() as (layout, state):
        folder = Path(name)
        products = {}
        for key, count in (("one", 1), ("few", FEW), ("many", events)):
            delivery = write_km3pipe(folder / f"{key}.h5", count)
            product = write_product(delivery, "km3pipe-hdf5", folder / f"{key}.fits")
            products[product.name] = product
            delivery.unlink()
        write_descriptor(layout, DESCRIPTOR, products)
        for product in products.values():
            product.unlink()
        ours = events / _seconds(layout, "plain", "many")
        peer = FEW / _seconds(layout, "slow", "few")
        what = "rows into a table without indices, start-up apart"
        yield rates(what, ours, peer, "fitsTableGrammar", "≥ 150")
        yield rates(what, ours, events / _copy(layout, state, folder), "psql \\copy", "≥ 0.75")
        ours = events / _seconds(layout, "main", "many")
        what = "rows computed, sorted, with all indices, start-up apart"
        yield rates(what, ours, events / _full(layout, state, folder), "the same in psql")


def _seconds(layout: Layout, table: str, size: str) -> float:
    dachs = Dachs(layout)

    def apart() -> float:
        start_up = timed(dachs.run_checked, "imp", "bench/q", f"{table}_one")
        return timed(dachs.run_checked, "imp", "bench/q", f"{table}_{size}") - start_up

    return median(REPEAT, apart)


def _copy(layout: Layout, state: InstanceState, folder: Path) -> float:
    rows = folder / "rows.bin"
    psql(layout, state, f"\\copy bench.plain TO '{rows}' WITH BINARY")
    script = (
        "DROP TABLE IF EXISTS bench.copied; CREATE TABLE bench.copied (LIKE bench.plain);\n"
        f"\\copy bench.copied FROM '{rows}' WITH BINARY\nANALYZE bench.copied;"
    )
    return median(REPEAT, lambda: timed(psql, layout, state, script))


def _full(layout: Layout, state: InstanceState, folder: Path) -> float:
    """Return the time psql takes for all that our import does, in the fastest way known."""
    with Cluster(layout).connect(state.postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'main'")
        indices = ";\n".join(one for (one,) in cursor.fetchall())
    indices = indices.replace("bench.main", "bench.whole").replace(" main_", " whole_")
    script = (
        "DROP TABLE IF EXISTS bench.whole; CREATE TABLE bench.whole (LIKE bench.main);\n"
        "CREATE TEMPORARY TABLE delivered (LIKE bench.plain);\n"
        "SET work_mem = '512MB'; SET maintenance_work_mem = '512MB';\n"
        f"\\copy delivered FROM '{folder / 'rows.bin'}' WITH BINARY\n"
        "INSERT INTO bench.whole SELECT *, 'bench', 'ORCA6',"
        " CASE WHEN ang_err <= 90 THEN scircle(spoint(radians(ra), radians(dec)),"
        " radians(ang_err::double precision)) END"
        f" FROM delivered ORDER BY q3c_ang2ipix(ra, dec);\n{indices};\nANALYZE bench.whole;"
    )
    return median(REPEAT, lambda: timed(psql, layout, state, script))
