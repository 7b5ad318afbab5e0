"""New releases, and what is missing before their import."""

from ingest.publish.release.check import check_release
from ingest.publish.release.draft import CuratorInput, begin_release, check_name

__all__ = ["CuratorInput", "begin_release", "check_name", "check_release"]
