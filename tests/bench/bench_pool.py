"""The pool of worker processes against the library pebble, with well-behaved and other packets.

See docs/decisions/012-worker-pool.md. It needs ``pip install pebble``, which nothing else does.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import TimeoutError
from pathlib import Path
from typing import Final

from ingest.alerts.archive import Archive, Entry, Packet
from ingest.alerts.notices import parse
from ingest.alerts.pipeline import steps
from ingest.alerts.pipeline.processes import limit_process
from ingest.alerts.pipeline.steps import ChunkResult, make_rows
from ingest.alerts.pipeline.worker_pool import MAX_MEMORY, WorkerPool
from ingest.alerts.tables import PacketRows, table_rows
from ingest.core.checkout import INPUTS
from tests.alerts.misbehaving import kill_itself, packet
from tests.alerts.misbehaving import parse as parse_misbehaving
from tests.bench.packets import packets
from tests.bench.report import Line, core_seconds

CHUNK: Final = 100
CORES: Final = len(os.sched_getaffinity(0))
GIVE_UP: Final = 300.0
"""s after which a run is taken to hang."""
_DELIVERED = INPUTS / "alerts" / "voevent"


class Outcome:
    """Which packets got rows, and how a run ended."""

    def __init__(self) -> None:
        self.rows: set[int] = set()
        self.end = "complete"
        self.seconds = 0.0
        self.process_ids: Callable[[], list[int]] = list

    def add(self, result: ChunkResult) -> None:
        self.rows |= {rows.keys.number for rows in result.rows}


def ours(archive: Archive, outcome: Outcome, parser=parse, timeout=60.0) -> None:
    with WorkerPool(archive, parse=parser, timeout=timeout) as pool:
        outcome.process_ids = lambda: pool.process_ids
        for result in pool.make_rows(_chunks(archive.entries(), CHUNK)):
            outcome.add(result)


def pebble_chunks(archive: Archive, outcome: Outcome, parser=parse, timeout=60.0) -> None:
    """Tasks of many packets; if one fails, its packets become tasks, each twice if need be."""
    _pebble(archive, outcome, parser, timeout, CHUNK)


def pebble_packets(archive: Archive, outcome: Outcome, parser=parse, timeout=60.0) -> None:
    """One task per packet, which pebble limits in time and names if it fails."""
    _pebble(archive, outcome, parser, timeout, 1)


def _pebble(archive: Archive, outcome: Outcome, parser, timeout: float, size: int) -> None:
    import multiprocessing

    from pebble import ProcessExpired, ProcessPool

    def submit(entries: list[Entry], attempt: int) -> tuple:
        arguments = (archive.root, entries, parser)
        return pool.schedule(_task, args=arguments, timeout=timeout), entries, attempt

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    chunks = _chunks(archive.entries(), size)
    pool = ProcessPool(CORES, initializer=limit_process, initargs=(MAX_MEMORY,), context=context)
    try:
        outcome.process_ids = lambda: list(pool._pool_manager.worker_manager.workers)
        pending = deque(submit(chunk, 1) for chunk in itertools.islice(chunks, 4 * CORES))
        while pending:
            future, entries, attempt = pending.popleft()
            try:
                outcome.add(future.result())
            except (ProcessExpired, TimeoutError) as error:
                if len(entries) > 1:
                    pending.extend(submit([entry], 1) for entry in entries)
                elif attempt == 1 and isinstance(error, ProcessExpired):
                    pending.append(submit(entries, 2))
            if len(pending) < 4 * CORES and (chunk := next(chunks, None)) is not None:
                pending.append(submit(chunk, 1))
        pool.close()
    except BaseException:
        pool.stop()
        raise
    finally:
        pool.join()


def _task(root: Path, entries: list[Entry], parser) -> ChunkResult:
    return make_rows(Archive(root), entries, parser, 16 << 20)


POOLS: Final = {
    "ours": ours,
    "pebble, task per chunk": pebble_chunks,
    "pebble, task per packet": pebble_packets,
}


def lines(count: int) -> Iterator[Line]:
    """Yield throughput, and how many packets are lost where workers are killed.

    Parameters
    ----------
    count : int
        Events of the other benches; a hundredth of it is the number of packets here.
    """
    with tempfile.TemporaryDirectory() as name:
        good = Archive(Path(name) / "good")
        good.add([Packet(content, "bench") for _, content in packets(_DELIVERED, count // 100)])
        bad = Archive(Path(name) / "bad")
        behaviours = {97: "kill", 250: "hang", 333: "greedy"}
        bad.add(
            [Packet(packet(i, behaviours.get(i % 500, "")), "bench") for i in range(count // 500)]
        )
        _timed(ours, good)  # starts the server from which all workers are forked
        yield from _throughput(good)
        yield from _misbehaving(bad)
        few = Archive(Path(name) / "few")
        few.add([Packet(content, "bench") for _, content in packets(_DELIVERED, count // 500)])
        yield from _killed(few)
        yield from _killed_while_returning(Path(name))


def _throughput(archive: Archive) -> Iterator[Line]:
    ours_rate = 0.0
    for name, run in POOLS.items():
        before = core_seconds(os.getpid())
        outcome = _timed(run, archive)
        assert len(outcome.rows) == len(archive), outcome.end
        rate = len(archive) / (core_seconds(os.getpid()) - before)
        ours_rate = ours_rate or rate
        yield Line(
            f"{len(archive):,} packets, {name}",
            f"{len(archive) / outcome.seconds:,.0f}/s; per core-second {rate:,.0f}/s",
            ratio=f"{rate / ours_rate:.2f}",
        )


def _misbehaving(archive: Archive) -> Iterator[Line]:
    good = len(archive) - 3 * (len(archive) // 500)
    for name, run in POOLS.items():
        outcome = _timed(run, archive, parser=parse_misbehaving, timeout=5.0)
        yield Line(
            f"{len(archive):,} packets of which 3 in 500 kill, hang, take memory; {name}",
            f"{outcome.end} after {outcome.seconds:.0f} s, {good - len(outcome.rows)} lost",
        )


def _killed_while_returning(folder: Path) -> Iterator[Line]:
    """Kill one worker once, in the middle of its result: say, as the kernel is out of memory."""
    for place, (name, run) in enumerate(POOLS.items()):
        archive, mark = Archive(folder / str(place)), folder / f"killed-{place}"
        first = packet(0).replace(b"<What>", f"<What><!-- mark: {mark} -->".encode())
        archive.add([Packet(one, "bench") for one in (first, *map(packet, range(1, 200)))])
        outcome = _timed(run, archive, parser=_parse_killed_while_returning)
        lost = len(archive) - len(outcome.rows)
        yield Line(
            f"200 packets, one worker killed while it returns its result; {name}",
            f"{outcome.end} after {outcome.seconds:.0f} s, {lost} lost",
        )


def _parse_killed_while_returning(content: bytes, media_type: str | None = None, **options):
    if found := re.search(rb"<!-- mark: (.*?) -->", content):
        mark = Path(os.fsdecode(found[1]))

        def rows_with_killer(*arguments) -> PacketRows:
            steps.table_rows = table_rows
            rows = table_rows(*arguments)
            rows.parts["killer"] = _KillsOnce(mark)
            return rows

        steps.table_rows = rows_with_killer
    return parse(content, media_type, **options)


class _KillsOnce:
    """Kills the process in which it is pickled, unless the mark exists."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        if not self.mark.exists():
            self.mark.touch()
            kill_itself()
        return bytes, ()


def _killed(archive: Archive) -> Iterator[Line]:
    """Kill three workers per run at random moments, as the kernel does when memory runs out."""
    for name, run in POOLS.items():
        ends, lost, seconds = [], 0, 0.0
        for seed in range(10):
            outcome = _timed(run, archive, seed=seed)
            ends.append(outcome.end)
            lost += len(archive) - len(outcome.rows)
            seconds += outcome.seconds
        counted = ", ".join(f"{ends.count(end)} × {end}" for end in sorted(set(ends)))
        yield Line(
            f"10 runs of {len(archive):,} packets, 3 workers killed at random; {name}",
            f"{counted}; {lost:,} packets lost; {seconds:.0f} s",
        )


def _timed(run, archive: Archive, seed: int | None = None, **options) -> Outcome:
    outcome, done = Outcome(), threading.Event()

    def guarded() -> None:
        try:
            run(archive, outcome, **options)
        except Exception as error:
            outcome.end = f"{type(error).__name__} ({str(error).splitlines()[0]})"
        done.set()

    kills = 0
    begin = time.monotonic()
    threading.Thread(target=guarded, daemon=True).start()
    dice = random.Random(seed)
    while not done.wait(dice.uniform(0.5, 3.0) if seed is not None else 1.0):
        if time.monotonic() - begin > GIVE_UP:
            outcome.end = "hangs"
            break
        if seed is not None and kills < 3 and (ids := outcome.process_ids()):
            kills += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(dice.choice(ids), signal.SIGKILL)
    outcome.seconds = time.monotonic() - begin
    return outcome


def _chunks(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    iterator = iter(entries)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk
