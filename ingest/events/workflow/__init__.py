"""The conversion of a release by many processes, on one machine or on a cluster.

Snakemake runs ``workflow/Snakefile``, whose rules call the functions of this package:
:func:`write_plan` divides the files of a release into jobs, :func:`run_job` converts the files of
one, :func:`collect` checks and sums up what the jobs have left, and an import takes the products
from there (:class:`Collection`).
"""

from ingest.events.workflow.collecting import collect
from ingest.events.workflow.collection import Collection
from ingest.events.workflow.directory import WorkDirectory, work_directory
from ingest.events.workflow.engine import run_workflow
from ingest.events.workflow.job import run_job
from ingest.events.workflow.plan import write_plan

__all__ = [
    "Collection",
    "WorkDirectory",
    "collect",
    "run_job",
    "run_workflow",
    "work_directory",
    "write_plan",
]
