"""Ingestion and publication for the KM3NeT Virtual Observatory node."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("km3net-vo")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
