"""Files on other machines, which a program fetches for a job: ``workflow/scripts/fetch.py``."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from ingest.core.errors import IngestError, InputError


class Fetcher:
    """The program, as long as it is needed; it starts with the first file.

    Parameters
    ----------
    command : str
        Its command line.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._process: subprocess.Popen[str] | None = None

    def fetch(self, url: str, path: Path) -> None:
        """Fetch a file.

        Raises
        ------
        ingest.core.errors.InputError
            If the storage does not have it, or something else than it should have.
        ingest.core.errors.IngestError
            If the program fails.
        """
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        print(f"{url}\t{path}", file=process.stdin, flush=True)
        answer = process.stdout.readline().strip()
        if not answer:
            raise IngestError(
                "the program that fetches files failed",
                value=self._command,
                remedy="see above what it said, in the log of the job",
            )
        if answer != "ok":
            raise InputError(
                "the file could not be fetched",
                file=url,
                value=answer,
                expected="the file as the storage has registered it",
                remedy="correct the storage or the source in the manifest, then run the workflow"
                " again",
            )

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            words = shlex.split(self._command)
            if not words or shutil.which(words[0]) is None:
                raise IngestError(
                    "there is no program that fetches files",
                    value=self._command or None,
                    remedy="run the workflow by Snakemake; a job alone needs --fetch",
                )
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        return self._process

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
