"""``km3vo workflow``: the steps of a conversion by many processes, which Snakemake runs."""

from __future__ import annotations

from pathlib import Path

import click

from ingest.commands.output import say
from ingest.core.prefetch import be_one_of_several
from ingest.events.delivery import load_manifest, overlay_directory
from ingest.events.workflow import WorkDirectory, collect, run_job, work_directory, write_plan

WORK = click.Path(file_okay=False, path_type=Path)


@click.group()
def workflow() -> None:
    """Convert the files of a release by many processes; Snakemake runs these steps."""


@workflow.command()
@click.argument("release")
@click.option("--inputs", metavar="DIR", help="A directory with delivered files.")
@click.option("--work", metavar="DIR", help="The directory of workflows; KM3VO_WORK by default.")
@click.option(
    "--files-per-job", type=click.IntRange(1), help="Files that each job converts; 1 by default."
)
def plan(release: str, inputs: str | None, work: str | None, files_per_job: int | None) -> None:
    """Divide the files of a release into jobs."""
    directory = work_directory(release, work)
    with directory.held():
        missing = write_plan(
            load_manifest(release), overlay_directory(inputs), directory, files_per_job
        )
    say(f"{directory.plan}: {missing} jobs to do")


@workflow.command()
@click.argument("work", type=WORK)
@click.argument("job")
@click.option("--engine", default="", help="What runs the workflow, for the provenance.")
@click.option("--fetch", metavar="COMMAND", default="", help="Fetches files that are elsewhere.")
def convert(work: Path, job: str, engine: str, fetch: str) -> None:
    """Convert the files of one job, each on its own."""
    be_one_of_several()
    run_job(WorkDirectory(work.absolute()), job, engine, fetch, say)


@workflow.command(name="collect")
@click.argument("work", type=WORK)
@click.option("--leave-out", is_flag=True, help="Leave files out that were refused.")
def collect_(work: Path, leave_out: bool) -> None:
    """Check what the jobs have left, and sum it up for the import."""
    directory = WorkDirectory(work.absolute())
    collect(directory, leave_out)
    say(f"{directory.collection}: complete")
