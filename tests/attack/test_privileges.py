"""What the servers' account cannot make a command of root do.

The attacker owns the account, and so everything below ``var/``. What it puts there leads to a
file and a directory that only root may use; each command runs in a process of its own.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.alerts import pipeline
from ingest.alerts.archive import Outbox, Packet, Reception, Receptions, Silence, Silences
from ingest.alerts.live.report import StatusFile
from ingest.alerts.pipeline import worker
from ingest.commands import run_log
from ingest.core import privileges
from ingest.core.files import open_to_append
from ingest.instance import InstanceState, Layout, current_layout, lifecycle, load_site
from ingest.instance import layout as layouts
from ingest.instance.account import Account
from ingest.instance.dachs import Dachs, deploy, recover
from ingest.instance.process import ProcessFile
from ingest.publish.review import write_page

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root acts as another account: run as root"
)

SECRET = "only root may read or change this"
STATE = InstanceState(postgres_port=1, web_port=2)
TIME_LIMIT = 30  # s


@dataclass
class Scene:
    """An instance of the account, and what belongs to root.

    Attributes
    ----------
    var : pathlib.Path
        The instance's directory.
    roots : pathlib.Path
        A directory that everyone may read and only root may write; it contains `precious`.
    precious : pathlib.Path
        A file that only root may read.
    """

    var: Path
    roots: Path

    @property
    def precious(self) -> Path:
        return self.roots / "precious"

    def is_untouched(self) -> bool:
        """Whether root's directory and file are as they were."""
        found, folder = self.precious.stat(), self.roots.stat()
        return (
            self.precious.read_text() == SECRET
            and (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o600)
            and (folder.st_uid, stat.S_IMODE(folder.st_mode)) == (0, 0o755)
            and os.listdir(self.roots) == ["precious"]
        )

    def run(self, command: Callable[[Layout], object], var: Path | None = None) -> int:
        """Run what a command does to the instance; return the exit code of its process."""
        process = os.fork()
        if process == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(TIME_LIMIT)
            os.environ["KM3VO_VAR"] = str(var or self.var)
            code = 1
            try:
                command(current_layout())
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        assert code != -signal.SIGALRM, "the command waits for ever"
        return code


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Provide an instance's directories, and a directory of root."""
    place = Path(tempfile.mkdtemp(prefix="km3vo-attack-", dir="/var/tmp"))
    place.chmod(0o755)
    made = Scene(place / "var", place / "roots")
    made.roots.mkdir()
    made.precious.write_text(SECRET)
    made.precious.chmod(0o600)
    try:
        assert made.run(Layout.create) == 0
        yield made
    finally:
        shutil.rmtree(place)


def configure(layout: Layout) -> None:
    Dachs(layout).configure(load_site(), STATE)


def write_state(layout: Layout) -> None:
    STATE.write(layout)


def lock(layout: Layout) -> None:
    with layout.locked():
        pass


def report(layout: Layout) -> None:
    write_page("ant20_01", "title", layout, [])


def log(_: Layout) -> None:
    with run_log.recorded():
        logging.getLogger("ingest").error("a message")


def add_packet(layout: Layout) -> None:
    pipeline.open_archive(layout).add([Packet(b"<packet/>", "file:x")])


def receive(layout: Layout) -> None:
    packet = Reception("0" * 64, "", "gcn", "broker", "topic", 0, 0, None, "none")
    Receptions(pipeline.open_archive(layout)).append([packet])


def note_silence(layout: Layout) -> None:
    Silences(pipeline.open_archive(layout)).append([Silence("gcn", "topic", "", "")])


def queue(layout: Layout) -> None:
    outbox = Outbox(pipeline.open_archive(layout)).refresh()
    outbox.keep(b"a notice")
    with outbox.writing():
        outbox.considered(1)


def show_health(layout: Layout) -> None:
    StatusFile(layout).write({}, 0)
    StatusFile(layout).read()


def install(layout: Layout) -> None:
    configure(layout)
    product = layout.scratch / "product.fits"
    if not product.is_symlink():
        product.write_text("product")
    deploy.install(layout, "ant20_01", [product])


def start_server(layout: Layout) -> None:
    open_to_append(Dachs(layout).log).close()


def read_journal(layout: Layout) -> None:
    recover(layout, STATE)


KEPT = hashlib.sha256(b"a notice").hexdigest()
FILES = {
    "lock": lock,
    "instance.json": write_state,
    "instance.new": write_state,
    "server.pid": lambda layout: ProcessFile(layout.var / "server.pid").write(os.getpid()),
    "dachs/gavo.rc": configure,
    "dachs/etc/dsn": configure,
    "dachs/launcher/launch.py": configure,
    "dachs/web/nv_static/js/jquery-gavo.js": configure,
    "reports/qa-ant20_01.html": report,
    "logs/server.log": start_server,
    "publishing.json": read_journal,
    "scratch/product.fits": install,
    "alerts/index.tsv": add_packet,
    "alerts/pending.tsv": add_packet,
    "alerts/receptions.tsv": receive,
    "alerts/silences.tsv": note_silence,
    "alerts/outbox.jsonl": queue,
    f"alerts/outgoing/{KEPT}": queue,
    "listener.json": show_health,
    ".listener.json.part": show_health,
}
"""Files below ``var/``, with the commands that use them."""

DIRECTORIES = {
    "dachs": configure,
    "dachs/etc": configure,
    "dachs/cache": configure,
    "dachs/launcher": configure,
    "dachs/web": configure,
    "dachs/inputs": install,
    "dachs/inputs/.ant20_01.new": install,
    "dachs/inputs/.ant20_01.old": install,
    "dachs/inputs/ant20_01": install,
    "scratch": install,
    "reports": report,
    "logs": log,
    "alerts": add_packet,
    "alerts/packets": add_packet,
    "alerts/incoming": add_packet,
    "alerts/outgoing": queue,
}


def put(place: Path, make: Callable[[Path], object]) -> None:
    """Put something in place of a file or directory, as its owner can."""
    owner = Account.current()
    for parent in reversed(place.parents):
        if not parent.exists():
            parent.mkdir(0o700)
            os.chown(parent, owner.uid, owner.gid)
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    make(place)
    os.chown(place, owner.uid, owner.gid, follow_symlinks=False)


@pytest.mark.parametrize("name", FILES)
def test_a_link_in_place_of_a_file_does_not_reach_roots_file(scene, capfd, name: str) -> None:
    put(scene.var / name, lambda place: place.symlink_to(scene.precious))
    scene.run(FILES[name])
    assert scene.is_untouched()
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize("name", DIRECTORIES)
def test_a_link_in_place_of_a_directory_does_not_reach_roots_directory(scene, name: str) -> None:
    put(scene.var / name, lambda place: place.symlink_to(scene.roots))
    scene.run(DIRECTORIES[name])
    assert scene.is_untouched()


@pytest.mark.parametrize("name", sorted(FILES.keys() - {"instance.new", "scratch/product.fits"}))
def test_a_pipe_in_place_of_a_file_does_not_stop_a_command(scene, name: str) -> None:
    put(scene.var / name, os.mkfifo)
    scene.run(FILES[name])


@pytest.mark.parametrize("name", ["lock", "instance.json", "server.pid", "dachs/gavo.rc"])
def test_a_hard_link_to_roots_file_is_not_written_through(scene, name: str) -> None:
    # as an account can make one where the kernel does not forbid it
    (scene.var / name).unlink(missing_ok=True)
    os.link(scene.precious, scene.var / name)
    scene.run(FILES[name])
    assert scene.is_untouched()


def test_a_forged_process_file_ends_no_process_of_root(scene) -> None:
    with subprocess.Popen(["sleep", "100"]) as victim:
        forged = ProcessFile(scene.var / "server.pid")
        forged.write(victim.pid)
        owner = Account.current()
        os.chown(forged.path, owner.uid, owner.gid)
        assert scene.run(lifecycle.down) == 0
        assert victim.poll() is None
        assert not forged.path.exists()
        victim.kill()


def test_a_reset_deletes_the_instance_and_not_what_its_links_lead_to(scene) -> None:
    put(scene.var / "reports" / "roots", lambda place: place.symlink_to(scene.roots))
    assert scene.run(lifecycle.reset) == 0
    assert not scene.var.exists()
    assert scene.is_untouched()


@pytest.mark.parametrize("owner", ["account", "everybody"])
def test_the_fallback_directory_must_be_roots_alone(scene, monkeypatch, tmp_path, owner) -> None:
    root = scene.var.parent / "lib"
    root.mkdir()
    if owner == "account":
        os.chown(root, Account.current().uid, -1)
    else:
        root.chmod(0o777)
    monkeypatch.setattr(layouts, "FALLBACK_ROOT", root)
    assert scene.run(Layout.create, tmp_path / "var") == 1
    assert list(root.iterdir()) == []


def test_no_directory_of_root_is_handed_over_unless_it_is_empty(scene) -> None:
    link = scene.var / "link"
    put(link, lambda place: place.symlink_to(scene.roots.parent))
    assert scene.run(Layout.create, link / "roots") == 1
    assert scene.is_untouched()


def test_only_the_caller_rights_read_roots_file_and_in_one_thread_only(scene) -> None:
    def reads() -> bool:
        try:
            return scene.precious.read_text() == SECRET
        except PermissionError:
            return False

    def command(_: Layout) -> None:
        assert not reads()
        found = []
        with privileges.caller():
            assert reads()
            with privileges.account():
                assert not reads()
            assert reads()
            with pytest.raises(PermissionError):
                os.kill(os.getppid(), 0)
        assert not reads()
        inside, outside = threading.Event(), threading.Event()

        def other() -> None:
            inside.wait(TIME_LIMIT)
            found.append(reads())
            outside.set()

        thread = threading.Thread(target=other)
        thread.start()
        with privileges.caller():
            inside.set()
            outside.wait(TIME_LIMIT)
        thread.join()
        assert found == [False]

    assert scene.run(command) == 0


def test_programs_that_a_command_starts_cannot_become_root_again(scene) -> None:
    script = "import os; print(os.getresuid(), os.getgroups()); os.setuid(0)"

    def command(layout: Layout) -> None:
        with privileges.caller():
            done = subprocess.run(
                ["/usr/bin/python3", "-c", script], capture_output=True, text=True, check=False
            )
        assert done.stdout == f"{(layout.account.uid,) * 3} []\n"
        assert "PermissionError" in done.stderr

    assert scene.run(command) == 0


def test_ctrl_c_while_the_callers_files_are_read_leaves_the_rights_of_the_account(scene) -> None:
    def command(_: Layout) -> None:
        try:
            with privileges.caller():
                try:
                    os.kill(os.getpid(), signal.SIGINT)
                finally:
                    with pytest.raises(PermissionError):
                        scene.precious.read_text()
        except KeyboardInterrupt:
            return
        raise AssertionError("there was no Ctrl-C")

    assert scene.run(command) == 0


def test_a_worker_that_was_taken_over_cannot_run_code_by_its_result() -> None:
    class Command:
        def __reduce__(self) -> tuple[object, ...]:
            return os.getpid, ()

    with pytest.raises(pickle.UnpicklingError, match="getpid"):
        worker.result_from(pickle.dumps(Command()))


def test_nobody_else_reads_what_a_command_creates(scene) -> None:
    def command(layout: Layout) -> None:
        for one in (lock, write_state, configure, report, log, add_packet):
            one(layout)

    assert scene.run(command) == 0
    # the proxy, which has another account, reads the generation of what is shown
    others = (scene.var / "alerts", scene.var / "shown")
    created = [path for path in scene.var.rglob("*") if not path.is_relative_to(others[0])]
    created = [path for path in created if path not in others]
    assert len(created) > 20
    for path in created:
        found = path.lstat()
        assert found.st_uid == Account.current().uid, path
        assert not found.st_mode & 0o077, path
