"""New releases, and what they lack before an import."""

from ingest.publish.release.check import check_release
from ingest.publish.release.draft import Told, begin_release, check_name

__all__ = ["Told", "begin_release", "check_name", "check_release"]
