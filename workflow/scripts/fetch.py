"""Fetches files for a job by Snakemake's storage plugins.

For each line of standard input, a URL and the path of the file separated by a tab, it prints
"ok" or what went wrong. Options are those of the plugins, such as ``--storage-rucio-account``.

Snakemake itself would fetch all files on the machine that submits the jobs, one after the other,
and end the whole workflow if one is missing.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from configargparse import ArgumentParser
from snakemake.logging import logger
from snakemake_interface_storage_plugins.registry import StoragePluginRegistry

PLUGINS = {"https": "http", "root": "xrootd"}
"""By scheme, where they have other names."""


class Complaints(logging.Handler):
    """Keeps what the plugins complain about: their exceptions seldom say it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.lines.append(record.getMessage())


def main() -> None:
    """Fetch files until there are no more lines."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what plugins print is no answer
    complaints = Complaints()
    logger.addHandler(complaints)
    for line in sys.stdin:
        url, _, path = line.rstrip("\n").partition("\t")
        complaints.lines.clear()
        try:
            fetch(url, Path(path))
            print("ok", file=answers)
        except Exception as error:
            reasons = dict.fromkeys([*complaints.lines, *causes(error)])
            print("; ".join(" ".join(one.split()) for one in reasons), file=answers)


def fetch(url: str, path: Path) -> None:
    """Fetch a file."""
    provider = provider_of(urlsplit(url).scheme)
    make = provider.get_storage_object_cls()
    found = make(query=url, keep_local=True, retrieve=True, provider=provider)
    found.set_local_path(path)
    if not asyncio.run(found.managed_exists()):
        raise FileNotFoundError("the storage does not have it")
    asyncio.run(found.managed_retrieve())


@functools.cache
def provider_of(scheme: str) -> Any:
    """Return the plugin for a scheme, with its settings."""
    plugin = StoragePluginRegistry().get_plugin(PLUGINS.get(scheme, scheme))
    settings = plugin.get_settings(options())
    if hasattr(settings, "get_settings"):  # settings may have tags
        settings = settings.get_settings(None) or plugin.settings_cls()
    prefix = Path(os.environ.get("TMPDIR", "/tmp"))
    return plugin.storage_provider(logger=logger, local_prefix=prefix, settings=settings)


@functools.cache
def options() -> Any:
    """Return the options of all plugins, of the command line and the environment."""
    parser = ArgumentParser()
    StoragePluginRegistry().register_cli_args(parser)
    return parser.parse_args()


def causes(error: BaseException) -> list[str]:
    """Return the messages of an error and of those it comes from."""
    attempt = getattr(error, "last_attempt", None)  # of tenacity, which repeats
    inner = [one for one in error.args if isinstance(one, BaseException)]
    if attempt is not None:
        inner = [attempt.exception()]
    elif error.__cause__ is not None:
        inner = [error.__cause__]
    texts = [one for one in error.args if isinstance(one, str)] if attempt is None else []
    return [
        *(texts or ([] if inner else [repr(error)])),
        *(text for one in inner for text in causes(one)),
    ]


if __name__ == "__main__":
    main()
