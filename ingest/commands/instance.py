"""``km3vo instance``: the private PostgreSQL and DaCHS below ``var/``."""

from __future__ import annotations

import dataclasses

import click

from ingest.commands.output import console, json_option, messages, say, show_json
from ingest.core.errors import ExitCode, IngestError
from ingest.instance import (
    InstanceState,
    Layout,
    current_layout,
    lifecycle,
    load_site,
    supervisor,
)
from ingest.instance.proxy import Places, configuration
from ingest.instance.server_settings import server_settings


@click.group()
def instance() -> None:
    """Run the private PostgreSQL and DaCHS below var/."""


@instance.command()
@click.option("--port", type=click.IntRange(1024, 65535), help="Port of the web server.")
def up(port: int | None) -> None:
    """Start the instance, creating what is missing; print its URL."""
    start(current_layout(), port)


@instance.command()
@click.option("--port", type=click.IntRange(1024, 65535), help="Port of the web server.")
@click.option("--import", "with_import", is_flag=True, help="Import what is new and available.")
def run(port: int | None, with_import: bool) -> None:
    """Start the instance and supervise it in the foreground, for service managers and containers.

    A signal to end stops the servers, at any time.
    """
    from ingest.alerts.tables import refresh_tables

    layout = current_layout()
    with supervisor.stopping_at_signals(layout):
        url = lifecycle.up(layout, port, supervised=False)
        with lifecycle.database(layout) as state:
            refresh_tables(layout, state)
        if with_import:
            _import_available()
        publish_due(layout)
        _seal_alerts(layout)
        describe_releases(layout)
        say(f"The server answers at {url}")
        supervisor.become(layout)


@instance.command()
def down() -> None:
    """Stop the instance; its data stay."""
    lifecycle.down(current_layout())
    say("The instance is down.")


@instance.command()
def restart() -> None:
    """Restart the server with its current settings.

    Several workers are restarted one by one, each when the one before it answers again.
    """
    with console.status("restarting …"):
        url = lifecycle.up(current_layout(), restart=True)
    say(f"The server answers at {url}")


@instance.command()
@json_option
def status(as_json: bool) -> None:
    """Report whether the instance runs; exit code 3 if it does not."""
    found = lifecycle.status(current_layout())
    if as_json:
        show_json(dataclasses.asdict(found) | {"is_up": found.is_up})
    elif not found.created:
        say("There is no instance yet; make up creates it.")
    else:
        words = {True: "runs", False: "does not run"}
        place = f"port {found.postgres_port}"
        if found.database_host:
            place = f"at {found.database_host}, {place}"
        say(f"database  {words[found.database_runs]}, {place}")
        if found.replica:
            lag = "" if found.replica_lag is None else f", {found.replica_lag:.1f} s behind"
            unused = f"; not used: {found.replica_problem}" if found.replica_problem else ""
            say(f"replica   {found.replica}{lag}{unused}")
        server = words[found.server_runs]
        if found.workers > 1:
            server = f"{found.workers_running} of {found.workers} workers run"
        if found.server_runs and not found.server_answers:
            server += ", but does not answer"
        say(f"server    {server}, {found.url}")
        say(f"processes {'are supervised' if found.supervised else 'are not supervised'}")
    if not found.is_up:
        raise SystemExit(ExitCode.NOT_RUNNING)


@instance.command()
@click.option("--once", is_flag=True, help="Print the metrics instead.")
def metrics(once: bool) -> None:
    """Serve metrics for Prometheus in the foreground, by default on this machine only.

    Address and port are set in [metrics] of the site's settings.
    """
    from ingest.commands.serving import serve_metrics

    serve_metrics(current_layout(), once)


@instance.command()
def postgres_settings() -> None:
    """Print the settings for a PostgreSQL server that [database] names."""
    say(server_settings(load_site()).rstrip("\n"))


@instance.command()
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--with-archive", is_flag=True, help="Delete the alert archive as well.")
def reset(yes: bool, with_archive: bool) -> None:
    """Stop the instance and delete it with all that was imported."""
    layout = current_layout()
    if not with_archive:
        lifecycle.refuse_to_delete_archive(layout)
    if not yes:
        remote = lifecycle.remote_database(layout)
        more = f", and {remote.name}" if remote else ""
        click.confirm(f"Delete the instance in {layout.path}{more}?", abort=True)
    lifecycle.reset(layout, with_archive)
    say("The instance is deleted.")


@instance.command()
@click.option(
    "--cache",
    default="/var/cache/km3vo-proxy",
    show_default=True,
    help="Directory of the cache and temporary files; nginx must be able to write there.",
)
@click.option(
    "--logs",
    default="/var/log/nginx",
    show_default=True,
    help='Directory of the logs; "-" for standard output and error.',
)
@click.option(
    "--pid",
    default="/run/nginx.pid",
    show_default=True,
    help="File of the process id; a socket is beside it.",
)
@click.option(
    "--user",
    default="www-data",
    show_default=True,
    help="Account of nginx if root starts it; empty for none.",
)
@click.option("--host", help="Address or name of the server.  [default: bind_address]")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port of the first worker.  [default: that of the instance]",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Number of workers.  [default: that of the site]"
)
@click.option(
    "--generation",
    help="Link by which the server tells the cache that releases changed; empty for none."
    "  [default: that of the instance]",
)
def proxy(
    cache: str,
    logs: str,
    pid: str,
    user: str,
    host: str | None,
    port: int | None,
    workers: int | None,
    generation: str | None,
) -> None:
    """Print the configuration of nginx in front of the server."""
    layout, site = current_layout(), load_site()
    state = InstanceState.read(layout)
    places = Places(
        cache=cache,
        logs=logs,
        pid=pid,
        user=user,
        host=host or (state.host if state else site.site.bind_address),
        port=port or (state.web_port if state else lifecycle.DEFAULT_PORT),
        workers=workers or site.server.workers,
        generation=str(layout.generation) if generation is None else generation,
    )
    click.echo(configuration(site, places), nl=False)


def start(layout: Layout, port: int | None) -> None:
    """Start an instance, creating what is missing; print its URL."""
    from ingest.alerts.tables import refresh_tables

    with console.status("starting …"):
        url = lifecycle.up(layout, port)
        with lifecycle.database(layout) as state:
            refresh_tables(layout, state)
        publish_due(layout)
        _seal_alerts(layout)
        describe_releases(layout)
    say(f"The server answers at {url}")


def describe_releases(layout: Layout) -> None:
    """Update the descriptions for search engines in the web pages; warn where that fails."""
    from ingest.publish.documents import refresh_web_pages

    for problem in refresh_web_pages(layout):
        messages.print(f"warning: {problem}")


def _import_available() -> None:
    """Import the releases whose files are available; what is refused keeps nothing offline."""
    from ingest.commands.imports import import_

    try:
        import_.main(["--if-available"], prog_name="km3vo import", standalone_mode=False)
    except SystemExit:
        messages.print("warning: not all releases were imported")
    except IngestError as reason:
        messages.print(f"warning: nothing was imported: {reason}")


def publish_due(layout: Layout) -> bool:
    """Make releases public whose embargo is over; return whether all of them are."""
    from ingest.events.deployment import due

    if not due(layout):
        return True
    from ingest.events.import_release import import_release

    with lifecycle.database(layout) as state:
        for manifest in due(layout):
            try:
                import_release(manifest, layout, state)
            except IngestError as reason:
                messages.print(f"warning: {manifest.name} could not be made public: {reason}")
            else:
                say(f"{manifest.name} is public now.")
    return not due(layout)


def _seal_alerts(layout: Layout) -> None:
    if (layout.archive / "index.tsv").exists():
        from ingest.commands.alerts_proof import seal_alerts

        seal_alerts(layout)
