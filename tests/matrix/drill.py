"""What is done and asked inside a system of the upgrade drill, as root, by the service manager.

``python3 -m tests.matrix.drill STEP`` needs the standard library only. What a node answers is
written to a file, and compared with what it answered before the upgrade.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final

KM3VO: Final = "/usr/local/bin/km3vo"
SOFTWARE: Final = Path("/opt/km3vo")
DATA: Final = Path("/var/lib/km3vo")
RELEASES: Final = ("ant20_01", "evts23_01")
MEMBER: Final = "ada"
SITE_LINE: Final = "# a line of the site\n"
_URL: Final = "http://127.0.0.1:8080"
_QUERIES: Final = (
    "SELECT * FROM ant20_01.main ORDER BY id",
    "SELECT * FROM evts23_01.main ORDER BY 1",
    "SELECT table_name, description FROM tap_schema.tables"
    " WHERE table_name LIKE 'ant20%' OR table_name LIKE 'alerts.%' ORDER BY table_name",
    "SELECT obs_publisher_did, access_url, access_estsize, t_min, t_max FROM ivoa.obscore"
    " ORDER BY obs_publisher_did, access_url",
    "SELECT * FROM alerts.notices ORDER BY 1, 2",
    "SELECT * FROM alerts.seals ORDER BY 1",
)
_UNITS: Final = ("km3vo-due", "km3vo-seal", "km3vo-backup")


def run(*command: str, text: str = "", good: bool = True) -> str:
    """Run a command and return what it prints; if it does not end well, fail with that."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if good != (done.returncode == 0):
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout if good else f"{done.returncode} {done.stderr}"


def fetch(path: str, authorization: str = "") -> tuple[int, bytes]:
    """Return status and body of an answer of the server."""
    request = urllib.request.Request(urllib.parse.urljoin(_URL, path))
    if authorization:
        request.add_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(request, timeout=120) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def answers() -> dict[str, object]:
    """Return what astronomers and curators see of the node that runs."""
    found: dict[str, object] = {}
    for query in _QUERIES:
        sent = urllib.parse.urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": query})
        status, body = fetch(f"/tap/sync?{sent}")
        # how DaCHS 2.7 writes regions in CSV
        body = re.sub(rb"<pgsphere MOC ([^>]*)>", rb"\1", body)
        lines = body.decode().splitlines()
        found[query] = [status, len(lines), _digest(body), lines[: 100 if len(lines) < 100 else 2]]
    path = "/ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=3&RESPONSEFORMAT=votabletd"
    status, body = fetch(path)
    found["cone search"] = [status, re.findall(rb"<TD>([^<]*)", body).__len__(), _rows(body)]
    status, body = fetch("/getproduct/ant20_01/data/ant20_01.fits")
    found["product"] = [status, len(body), _digest(body)]
    for name in RELEASES:
        found[f"history of {name}"] = json.loads(run(KM3VO, "release", "history", name, "--json"))
    found["members"] = json.loads(run(KM3VO, "access", "list", "--json"))
    verified = run(KM3VO, "alerts", "verify")
    found["archive"] = "no differences between archive and tables" in verified
    return found


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _rows(votable: bytes) -> str:
    return _digest(b"".join(sorted(re.findall(rb"<TR>.*?</TR>", votable, re.DOTALL))))


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Return a line for each answer that is not as it was."""
    return [
        f"{name}: {before.get(name, 'missing')} became {after.get(name, 'missing')}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def journal(unit: str) -> str:
    """Return what a service has logged last."""
    return run("journalctl", "--no-pager", "--lines=40", f"--unit={unit}")


def start() -> None:
    """Start the service, and wait until the instance works."""
    run("systemctl", "start", "km3vo")
    begin = time.monotonic()
    while subprocess.run([KM3VO, "instance", "status"], capture_output=True).returncode:
        active = subprocess.run(["systemctl", "is-failed", "km3vo"], capture_output=True, text=True)
        if active.stdout.strip() == "failed" or time.monotonic() - begin > 300:
            raise SystemExit(journal("km3vo"))
        time.sleep(2)


def stop() -> None:
    """Stop the service."""
    run("systemctl", "stop", "km3vo")


def units() -> None:
    """Run the services that timers start, and check that those end and go on that should."""
    for unit in _UNITS:
        if subprocess.run(["systemctl", "start", unit], check=False).returncode:
            raise SystemExit(journal(unit))
    run("systemctl", "start", "km3vo-metrics")
    for _ in range(60):
        time.sleep(1)
        try:
            with urllib.request.urlopen("http://127.0.0.1:9108/metrics", timeout=30) as reply:
                metrics = reply.read()
            break
        except OSError:
            continue
    else:
        raise SystemExit(journal("km3vo-metrics"))
    if b"km3vo_" not in metrics:
        raise SystemExit("km3vo-metrics serves no metrics")
    run("systemctl", "stop", "km3vo-metrics")
    alerts = Path("/etc/km3vo/live.toml")
    incoming = DATA / "instance" / "incoming"
    run("install", "-d", "-o", "km3vo", "-g", "km3vo", str(incoming))
    alerts.write_text(f'[[source]]\nkind = "directory"\nname = "files"\npath = "{incoming}"\n')
    run("systemctl", "start", "km3vo-listener")
    time.sleep(10)
    state = run("systemctl", "show", "--property=ActiveState,NRestarts", "km3vo-listener")
    if state.split() != ["NRestarts=0", "ActiveState=active"]:
        raise SystemExit(f"km3vo-listener: {state}\n{journal('km3vo-listener')}")
    run("systemctl", "stop", "km3vo-listener")


def others_can_change() -> list[str]:
    """Return what of the installed software does not belong to root alone."""
    root = os.path.realpath(SOFTWARE)
    listed = run(
        "find", root, "!", "-type", "l", "(", "!", "-user", "root", "-o", "-perm", "/022", ")"
    )  # fmt: skip
    return listed.splitlines()


def tree(directory: Path) -> str:
    """Return a digest of all files of a directory, without logs."""
    listed = run(
        "find", str(directory), "-type", "f", "!", "-path", "*/logs/*", "!", "-name", "*.lock",
        "-printf", "%P %s %T@ %U\\n",
    )  # fmt: skip
    return _digest("".join(sorted(listed.splitlines(keepends=True))).encode())


def old(place: Path) -> None:
    """Fill a new node of the older system, note what it answers, and back it up."""
    if found := others_can_change():
        raise SystemExit(f"not only root can change {found[:5]}")
    start()
    run(KM3VO, "import", *(word for name in RELEASES for word in ("--release", name)))
    run(KM3VO, "alerts", "import", str(SOFTWARE / "inputs" / "alerts"))
    run(KM3VO, "access", "add", MEMBER, text="a long password\n")
    note(place / "answers.json")
    units()
    stop()


def upgraded(place: Path) -> None:
    """Start newer software on the data that are there: the answers are the same."""
    if SITE_LINE not in Path("/etc/default/km3vo").read_text():
        raise SystemExit("/etc/default/km3vo has lost a line of the site")
    start()
    compare(place / "answers.json")
    stop()


def restored(place: Path) -> None:
    """Make the node again from the backup that the timer's service made."""
    print(run(KM3VO, "restore", "--replace", str(DATA / "backups")))
    compare(place / "answers.json")
    run(KM3VO, "instance", "down")  # from now on it is the service's
    upgraded(place)


def new(place: Path) -> None:
    """Make the node from the backup of the older system; then back it up, too."""
    print(run(KM3VO, "restore", str(place / "backups")))
    run(KM3VO, "instance", "down")  # from now on it is the service's
    start()
    compare(place / "answers.json")
    checked = json.loads(run(KM3VO, "check", "--json"))
    print(f"{len(checked)} validators found nothing")
    units()
    stop()


def refused(place: Path) -> None:
    """Refuse a backup, and then an instance, of the newer system, and change nothing."""
    kept = tree(DATA)
    for options in ([], ["--replace"]):
        print(run(KM3VO, "restore", *options, str(place / "newer"), good=False))
    if tree(DATA) != kept:
        raise SystemExit("a refused restore has changed something")
    instance, aside = DATA / "instance", DATA / "aside"
    instance.rename(aside)
    try:
        (place / "instance").rename(instance)
        run("chown", "-R", "-h", "km3vo:km3vo", str(instance))
        kept = tree(instance)
        for command in (["instance", "up"], ["backup", str(place / "none")], ["import"]):
            print(run(KM3VO, *command, good=False))
        subprocess.run(["systemctl", "start", "km3vo"], check=False)
        time.sleep(10)
        print(run("systemctl", "show", "--property=ActiveState,Result,ExecMainStatus", "km3vo"))
        subprocess.run(["systemctl", "stop", "km3vo"], check=False)
        if tree(instance) != kept:
            raise SystemExit("a refused start has changed something")
    finally:
        instance.rename(place / "instance")
        aside.rename(instance)
    subprocess.run(["systemctl", "reset-failed", "km3vo"], check=False)
    upgraded(place)


def note(path: Path) -> None:
    """Write what the node answers to a file."""
    path.write_text(json.dumps(answers(), indent=1))


def compare(path: Path) -> None:
    """Fail if the node does not answer as the file says."""
    if lines := differences(json.loads(path.read_text()), json.loads(json.dumps(answers()))):
        raise SystemExit("\n".join(lines))
    print("all answers are the same")


STEPS: Final = {step.__name__: step for step in (old, upgraded, restored, new, refused)}

if __name__ == "__main__":
    STEPS[sys.argv[1]](Path(sys.argv[2]))
