"""Known vulnerabilities of the pinned Python packages.

``make audit`` asks OSV, the database of open-source vulnerabilities, and writes the answer to
``tests/audit.json``. ``make lint`` needs no network: it reads that file, fails if a package that
is still pinned is listed there without a reason to keep it, and reports how old the answer is.

The requests are those of https://google.github.io/osv.dev/post-v1-querybatch/.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any, Final

import httpx
from packaging.requirements import Requirement

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "constraints.txt"
ANSWER: Final = Path(__file__).with_name("audit.json")
OSV: Final = "https://api.osv.dev"
OLD: Final = 30
"""Age in days from which an answer should be renewed."""


def pinned(lock: Path = LOCK) -> dict[str, str]:
    """Return the pinned versions by package."""
    found = {}
    for line in lock.read_text().splitlines():
        text = line.partition("#")[0].strip().rstrip("\\").strip()
        if "==" in text and not text.startswith("-"):
            requirement = Requirement(text)
            (version,) = (one.version for one in requirement.specifier)
            found[requirement.name] = version
    return found


def ask(packages: dict[str, str], server: str = OSV) -> dict[str, list[str]]:
    """Return the identifiers of the known vulnerabilities, by ``name==version``.

    Raises
    ------
    httpx.HTTPError
        If the server does not answer, or refuses the request.
    """
    queries: list[dict[str, Any]] = [
        {"package": {"ecosystem": "PyPI", "name": name}, "version": version}
        for name, version in packages.items()
    ]
    names = [f"{name}=={version}" for name, version in packages.items()]
    found: dict[str, list[str]] = {}
    while queries:
        answer = httpx.post(f"{server}/v1/querybatch", json={"queries": queries}, timeout=60)
        answer.raise_for_status()
        more_queries, more_names = [], []
        for name, query, result in zip(names, queries, answer.json()["results"], strict=True):
            if vulnerabilities := [one["id"] for one in result.get("vulns", ())]:
                found.setdefault(name, []).extend(vulnerabilities)
            if token := result.get("next_page_token"):
                more_queries.append(query | {"page_token": token})
                more_names.append(name)
        queries, names = more_queries, more_names
    return found


def renew(lock: Path = LOCK, answer: Path = ANSWER, server: str = OSV) -> None:
    """Ask for the vulnerabilities of all pinned packages, and store the answer.

    Reasons to keep a version, ``accepted`` in the file, are preserved.
    """
    accepted = json.loads(answer.read_text())["accepted"] if answer.exists() else {}
    content = {
        "asked": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "packages": [f"{name}=={version}" for name, version in pinned(lock).items()],
        "vulnerable": ask(pinned(lock), server),
        "accepted": accepted,
    }
    answer.write_text(json.dumps(content, indent=1) + "\n")


def problems(lock: Path = LOCK, answer: Path = ANSWER) -> list[str]:
    """Return what the stored answer says against the pinned packages."""
    packages = {f"{name}=={version}" for name, version in pinned(lock).items()}
    content = json.loads(answer.read_text())
    return [
        f"{name} is vulnerable, see https://osv.dev/{identifier}:"
        f' pin another version in {lock.name}, or give a reason under "accepted" in {answer.name}'
        for name, identifiers in content["vulnerable"].items()
        for identifier in identifiers
        if name in packages and identifier not in content["accepted"]
    ]


def age(today: datetime.date, lock: Path = LOCK, answer: Path = ANSWER) -> str | None:
    """Return in words why the stored answer should be renewed, or None."""
    content = json.loads(answer.read_text())
    if content["asked"] is None:
        return "vulnerabilities of the pinned packages were never asked for"
    days = (today - datetime.date.fromisoformat(content["asked"])).days
    packages = {f"{name}=={version}" for name, version in pinned(lock).items()}
    if unknown := packages - set(content["packages"]):
        return f"{len(unknown)} pinned packages are newer than the list of vulnerabilities"
    if days > OLD:
        return f"the list of vulnerabilities is {days} days old"
    return None


def main() -> int:
    """Check the stored answer, or renew it first."""
    parser = argparse.ArgumentParser(description="Vulnerabilities of the pinned packages.")
    parser.add_argument("--renew", action="store_true", help="ask OSV; this needs a network")
    if parser.parse_args().renew:
        try:
            renew()
        except httpx.HTTPError as error:
            print(f"audit: OSV does not answer: {error}", file=sys.stderr)
            return 1
    today = datetime.datetime.now(datetime.UTC).date()
    found = problems()
    for one in found:
        print(f"audit: {one}", file=sys.stderr)
    if old := age(today):
        print(f"audit: {old}; where there is a network, type make audit", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
