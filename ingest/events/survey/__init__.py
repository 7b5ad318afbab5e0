"""What a report shows of the events of an import, collected while they are streamed."""

from ingest.events.survey.distribution import Distribution
from ingest.events.survey.skycounts import SkyCounts, pixels
from ingest.events.survey.storage import read_survey, survey_file, write_survey
from ingest.events.survey.survey import Survey

__all__ = [
    "Distribution",
    "SkyCounts",
    "Survey",
    "pixels",
    "read_survey",
    "survey_file",
    "write_survey",
]
