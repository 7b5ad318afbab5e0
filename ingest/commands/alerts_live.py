"""``km3vo alerts listen``, and what ``km3vo alerts status`` says of the listener."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ingest.alerts import pipeline
from ingest.commands.output import json_option, say, show_table
from ingest.core.errors import InputError
from ingest.core.timescales import mjd_to_datetime
from ingest.instance import Layout, current_layout


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The sources. Default: the file KM3VO_LIVE names, or site/live.toml.",
)
def listen(config: Path | None) -> None:
    """Receive alerts from live streams until the process is ended.

    Each packet is archived, then its rows are added to the tables, then its receipt is confirmed
    to the broker. A second listener of the same archive ends at once with exit code 2.
    """
    from ingest.alerts import live  # loads the client of Kafka

    found = live.load_live(config)
    _log_to_terminal()
    layout = current_layout()
    live.listen(layout, pipeline.open_archive(layout), found)


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With the table [broadcaster]. Default: the file KM3VO_LIVE names, or site/live.toml.",
)
def broadcast(config: Path | None) -> None:
    """Send VOEvents to subscribers by the VOEvent Transport Protocol, until the process is ended.

    The broker is Comet. What is submitted to it on this machine, by the sink "vtp", goes to all
    who are connected at that moment.
    """
    from ingest.alerts import live

    settings = live.load_live(config).broadcaster
    if settings is None:
        raise InputError(
            "no broadcaster is configured",
            where="[broadcaster]",
            expected="a table in live.toml",
            remedy="see site/live.toml for an example",
        )
    from ingest.alerts.live.broadcaster import broadcast as run  # loads Comet

    current_layout()  # from here on as the servers' account
    run(settings)


@click.command()
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also draw them, to a file whose name ends with .png, .pdf or .svg.",
)
@json_option
def latency(plot: Path | None, as_json: bool) -> None:
    """Show how long the steps of live alerts took, from the event to matches and recipients.

    For each stream and step: the number of notices, the median, the 90th and 99th percentile, and
    the longest time, in seconds. The view alerts.latency_percentiles has the same.
    """
    found = pipeline.latency_percentiles(current_layout())
    titles = ("stream", "step no", "step", "notices", "p50", "p90", "p99", "p100")
    rows = [(*one[:4], *(time if as_json else f"{time:.3f}" for time in one[4:])) for one in found]
    if rows or as_json:
        show_table(titles, rows, as_json=as_json)
    else:
        say("No alerts were received live, or the database does not run.")
    if plot is not None and found:
        from ingest.alerts import live

        live.plot_latency(found, plot)
        say(f"{plot}: the plot", as_json)


def live_status(layout: Layout) -> dict[str, Any]:
    """Return what is known of the listener and the streams it received."""
    from ingest.alerts import live

    streams = pipeline.received_streams(layout) or []
    return {
        "listener": live.StatusFile(layout).read(),
        "streams": [stream._asdict() for stream in streams],
        "gaps": {
            "counts": pipeline.count_gaps(layout),
            "newest": [gap._asdict() for gap in pipeline.newest_gaps(layout)],
        },
    }


def show_live_status(found: Mapping[str, Any]) -> None:
    """Print the state of the listener, its sources and streams."""
    listener = found["listener"]
    if listener is None:
        if found["streams"]:
            say("No listener is running.")
    else:
        say(f"The listener is process {listener['pid']}.")
        rows = [
            (
                name,
                source["state"],
                source["messages"],
                sum(source["lag"].values()),
                _second(source["heartbeat"]),
                "; ".join(filter(None, (source["problem"], _missing(source)))),
            )
            for name, source in listener["sources"].items()
        ]
        columns = ("source or follower", "state", "messages", "lag", "heartbeat", "problem")
        show_table(columns, rows)
    if found["streams"]:
        received = [
            (
                one["source"],
                one["topic"],
                one["partition"],
                one["packets"],
                one["last_offset"],
                one["skipped"],
                _moment(one["last_received"]),
            )
            for one in found["streams"]
        ]
        titles = ("source", "topic", "partition", "packets", "last offset", "skipped", "last")
        show_table(titles, received)
    if gaps := found["gaps"]["newest"]:
        counts = ", ".join(f"{n} {kind}" for kind, n in found["gaps"]["counts"].items())
        say(f"Gaps: {counts}; the newest ones (all are in alerts.gaps):")
        missed = [
            (
                gap["gap_type"],
                gap["alert_id"] or f"{gap['source']} {gap['topic']}",
                *(
                    "" if gap[name] is None else gap[name]
                    for name in ("topic_partition", "first_missing", "last_missing")
                ),
                _moment(gap["gap_start"]),
                _moment(gap["gap_end"]),
            )
            for gap in gaps
        ]
        show_table(("gap", "where", "partition", "from", "to", "after", "before"), missed)


def _missing(source: Mapping[str, Any]) -> str:
    topics = source["missing_topics"]
    return f"the broker does not have {', '.join(topics)}" if topics else ""


def _moment(mjd: float | None) -> str:
    if mjd is None:
        return ""
    return f"{mjd_to_datetime(mjd):%Y-%m-%dT%H:%M:%SZ}"


def _second(moment: str | None) -> str:
    """Return a time of the listener without the fraction of a second."""
    return "" if moment is None else f"{moment[:19]}Z"


def _log_to_terminal() -> None:
    """Write what the listener reports to standard error, where systemd collects it."""
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    alerts = logging.getLogger("ingest.alerts")  # matches and sinks report problems, too
    alerts.addHandler(handler)
    alerts.setLevel(logging.INFO)
