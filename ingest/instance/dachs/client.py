"""DaCHS in an instance: its configuration, its command line and its server.

``dachs`` is Debian's program and runs under Debian's Python; it is only ever called, never
imported.
"""

from __future__ import annotations

import contextlib
import grp
import http.client
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from ingest.core.errors import InstanceError
from ingest.instance import postgres
from ingest.instance import process as processes
from ingest.instance.dachs import vocabularies, webpages
from ingest.instance.layout import ARCHIVE_VARIABLE, InstanceState, Layout
from ingest.instance.process import ProcessFile
from ingest.instance.site import SITE_FILES, Site, render

PROGRAM = Path("/usr/bin/dachs")
PYTHON = Path("/usr/bin/python3")
"""The Python that DaCHS is installed for."""
_LONG = 3600.0  # s
_ALIVE = "/__system__/tap/run/availability"


class Dachs:
    """DaCHS with its configuration below an instance's ``dachs`` directory.

    Parameters
    ----------
    layout : Layout
        The instance.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.account = layout.account
        self.etc = layout.dachs / "etc"
        self.cache = layout.dachs / "cache"
        self.settings = layout.dachs / "gavo.rc"
        self.process = ProcessFile(layout.var / "server.pid")
        self.log = layout.logs / "server.log"

    # -- configuration ---------------------------------------------------------------------

    def configure(self, site: Site, state: InstanceState) -> bool:
        """Write DaCHS' configuration files from the site's facts.

        Returns
        -------
        bool
            Whether any changed, now or since the server was started: an import writes them, too,
            and does not stop the server.
        """
        group = _group_name(self.account.gid)
        templates = self.layout.dachs / "web" / "templates"
        for directory in (self.etc, self.cache, self.layout.inputs, templates.parent, templates):
            self.account.make_directory(directory)
        texts = {
            self.settings: render(
                site,
                "gavo.rc",
                root_dir=self.layout.dachs.resolve(),
                group=group,
                account=self.account.name,
                port=state.web_port,
                server_url=state.server_url,
            ),
            self.etc / "defaultmeta.txt": render(site, "defaultmeta.txt"),
            self.etc / "userconfig.rd": (SITE_FILES / "userconfig.rd").read_text("utf-8"),
            self.etc / "dsn": (
                f"database = {postgres.DATABASE}\n"
                f"host = {postgres.HOST}\nport = {state.postgres_port}\n"
            ),
        }
        if page := webpages.service_page():
            texts[templates / webpages.TEMPLATE.name] = page
        changed = False
        for path, text in texts.items():
            if not path.exists() or path.read_text("utf-8") != text:
                path.write_text(text, "utf-8")
                path.chmod(0o600)
                self.account.chown(path)
                changed = True
        for path in vocabularies.seed(self.cache):
            self.account.chown(path)
        webpages.write_scripts(self.layout.dachs, self.account)
        return changed or self._started_before(max(path.stat().st_mtime_ns for path in texts))

    def set_up(self, state: InstanceState, superuser_password: str) -> None:
        """Let DaCHS make its roles, tables and views in an empty database.

        Raises
        ------
        InstanceError
            If DaCHS reports a failure.
        """
        dsn = (
            f"host={postgres.HOST} port={state.postgres_port}"
            f" dbname={postgres.DATABASE} user={postgres.SUPERUSER}"
        )
        # By the environment: other users of the machine can read a command line.
        done = self.command("init", "-d", dsn, extra={"PGPASSWORD": superuser_password})
        # Warnings do not count as failure to DaCHS, but a missing role or extension is one.
        problems = re.findall(r"(?:Could not|failed).*", done.stdout + done.stderr)
        if done.returncode or problems:
            raise self.failure("DaCHS could not set itself up", done)
        # DaCHS leaves its passwords to the protection of the directory.
        for path in self.etc.iterdir():
            path.chmod(0o600)
        self.check("imp", "//obscore")
        self.check("pub", "//services", "//tap")

    def version(self) -> str:
        """Return the version of the installed DaCHS package.

        Raises
        ------
        InstanceError
            If DaCHS is not installed.
        """
        if not PROGRAM.exists():
            raise InstanceError(
                "DaCHS is not installed", where=str(PROGRAM), remedy="run make setup"
            )
        done = subprocess.run(
            ["dpkg-query", "-W", "-f=${Version}", "python3-gavo"],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() or "unknown"

    # -- command line ----------------------------------------------------------------------

    def command(
        self, *arguments: str, extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ``dachs`` with `arguments` in this instance and return what it said."""
        return self.account.run(
            [PROGRAM, *arguments],
            home=self.layout.dachs,
            env={**self._environment(), **(extra or {})},
            timeout=_LONG,
        )

    def together(self, *commands: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run several ``dachs`` commands in one process, each ``imp`` in one transaction."""
        words = [word for command in commands for word in (*command, ",")]
        return self.account.run(
            [PYTHON, self.layout.inputs / "km3net" / "imp.py", *words],
            home=self.layout.dachs,
            env=self._environment(),
            timeout=_LONG,
        )

    def check(self, *arguments: str) -> str:
        """Run ``dachs``, and raise InstanceError where it fails; return its output."""
        done = self.command(*arguments)
        if done.returncode:
            raise self.failure(f"dachs {' '.join(arguments)} failed", done)
        return done.stdout + done.stderr

    def failure(self, problem: str, done: subprocess.CompletedProcess[str]) -> InstanceError:
        """Return the error for a failed command, with the lines of its output that matter."""
        return InstanceError(
            problem,
            value=digest(done.stdout + done.stderr),
            remedy=f"DaCHS' own log is {self.layout.dachs / 'logs' / 'dcErrors'}",
        )

    # -- server ----------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether the server's process lives."""
        return self.process.pid() is not None

    def answers(self, state: InstanceState, timeout: float = 5.0) -> bool:
        """Say whether a TAP service answers where the instance's should."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        host = f"[{state.host}]" if ":" in state.host else state.host
        try:
            address = f"http://{host}:{state.web_port}{_ALIVE}"
            with opener.open(address, timeout=timeout) as reply:
                return bool(reply.status == 200)
        except (OSError, urllib.error.URLError, http.client.HTTPException):
            return False

    def start(self, state: InstanceState, patience: float = 60.0) -> None:
        """Start the server and return when it answers.

        Raises
        ------
        InstanceError
            If the port is taken, or the server ends or stays silent.
        """
        port = state.web_port
        if not postgres.port_is_free(port, state.host):
            raise InstanceError(
                f"the port {port} is in use by another program",
                remedy=f"choose another one: make up PORT={postgres.free_port(port + 1)}",
            )
        with self.log.open("ab") as log:
            self.account.chown(self.log)
            server = self.account.spawn(
                [PROGRAM, "serve", "start", "--foreground"],
                home=self.layout.dachs,
                env=self._environment(),
                log=log,
            )
        self.process.write(server.pid)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if server.poll() is not None:
                break
            if self.answers(state):
                return
            time.sleep(0.1)
        self.process.stop()
        raise InstanceError(
            "the server did not come up",
            where=str(self.log),
            value=digest(self.log.read_text(errors="replace")),
            remedy=f"see the log, and DaCHS' own logs in {self.layout.dachs / 'logs'}",
        )

    def stop(self) -> None:
        """Stop the server if it runs, and what it started."""
        self.process.stop()
        # Also those whose id was lost with a deleted file or a killed command.
        processes.end(processes.working_below(self.layout.dachs))

    def reload(self) -> None:
        """Let a running server forget what it keeps in memory of descriptors and tables."""
        pid = self.process.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGHUP)

    def _started_before(self, moment: int) -> bool:
        try:
            return self.process.path.stat().st_mtime_ns < moment
        except FileNotFoundError:
            return False  # it does not run

    def _environment(self) -> dict[str, str]:
        return {
            "GAVOSETTINGS": str(self.settings),
            "GAVOCUSTOM": "/dev/null",
            # the services of the alerts give its files
            ARCHIVE_VARIABLE: str(self.layout.archive),
        }


def digest(output: str, lines: int = 8) -> str:
    """Return the part of DaCHS' output that says what went wrong: the errors, or the end."""
    told = [line.rstrip() for line in output.splitlines() if line.strip()]
    for index, line in enumerate(told):
        if line.startswith(("*** Error", "***Error", "Error", "** WARNING: Aborting")):
            return "\n".join(told[index : index + lines])
    return "\n".join(told[-lines:])


def _group_name(gid: int) -> str:
    return grp.getgrgid(gid).gr_name
