"""``km3vo release new``: begin a release from its delivered files."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ingest.commands.events import (
    FILE,
    detector_option,
    format_option,
    reject_option,
    topology_option,
)
from ingest.commands.output import console, json_option, say, show_json
from ingest.commands.progress import progress
from ingest.core import privileges
from ingest.core.configuration import blanks
from ingest.core.errors import ManifestError
from ingest.events.inspection import Inspection, inspect_file
from ingest.instance import current_layout
from ingest.publish.release import (
    FILE_NAME,
    Draft,
    Question,
    check_name,
    deliver,
    draft_oscillation,
    read_text_file,
    snapshot_alerts,
    summarize,
)


@click.command(
    epilog="Example: km3vo release new evts24_01 --from run1.root run2.root --supersedes evts21_01"
)
@click.argument("name")
@click.argument("more", nargs=-1, metavar="", type=FILE)
@click.option("--from", "first", metavar="FILE...", type=FILE, help="The delivered files.")
@click.option(
    "--alerts", is_flag=True, help="KM3NeT's own alerts, as the alert archive has them now."
)
@click.option(
    "--oscillation", is_flag=True, help="The files are binned data of an oscillation analysis."
)
@format_option
@topology_option
@detector_option
@click.option("--supersedes", metavar="RELEASE", help="The release that this one replaces.")
@click.option(
    "--from-release", metavar="RELEASE", help="A release whose texts and facts are a model."
)
@click.option("--title", help="Its title.")
@click.option("--instrument", help="The detector as in papers, such as ORCA6.")
@click.option("--energies", nargs=2, metavar="MIN MAX", help="The energy range in GeV.")
@click.option("--collection", help="Its name in ObsCore; by default that of the detector.")
@click.option("--event-type", metavar="TYPE", help="track or shower.")
@click.option("--analysis-mode", metavar="MODE", help="pointsource, diffuse or atmospheric.")
@click.option("--livetime", "livetime_days", metavar="DAYS", help="The livetime; - if unknown.")
@click.option("--doi", help="The DOI to cite; or, in words, why there is none.")
@click.option("--kind", metavar="KIND", help="sample, or test: served, but never registered.")
@click.option("--description", "texts", metavar="FILE", type=FILE, help="A file with its texts.")
@reject_option
@json_option
def new(
    name: str,
    first: Path | None,
    more: tuple[Path, ...],
    alerts: bool,
    oscillation: bool,
    format: str,
    topology: str | None,
    detector: str | None,
    supersedes: str | None,
    from_release: str | None,
    energies: tuple[str, str] | None,
    texts: Path | None,
    reject: tuple[str, ...],
    as_json: bool,
    **given: str | None,
) -> None:
    """Begin the release NAME from its delivered files.

    Each fact comes from the files, else from the other release, else from the options; on a
    terminal you are asked for the rest. What nobody answers becomes a blank, marked FILL IN.
    """
    if supersedes and from_release:
        raise click.UsageError("--supersedes has the effect of --from-release; give one of them.")
    if alerts == (first is not None):
        raise click.UsageError("Give either --from with the delivered files, or --alerts.")
    check_name(name)
    if oscillation:
        if first is None:
            raise click.UsageError("--oscillation needs --from with the delivered files.")
        facts = {key: given[key] for key in ("title", "instrument", "doi")}
        _show(name, draft_oscillation(name, (first, *more), **facts), as_json)
        return
    content = None if texts is None else read_text_file(texts)
    if first is None:
        first, content = _freeze_alerts(name, given, energies, content, as_json)
    found = [_inspect(file, format, detector, topology) for file in (first, *more)]
    draft = Draft(
        name, summarize(found), supersedes or from_release, bool(supersedes), is_alerts=alerts
    )
    if energies:
        given["energies"] = " ".join(energies)
    for key, value in given.items():
        if value:
            draft.answer(key, value)
    draft.reject(reject)
    if content is not None:
        draft.use_texts(content)
    if sys.stdin.isatty() and not as_json:
        for question in draft.questions():
            if text := _ask(question):
                draft.answer(question.key, text)
    written = draft.write()
    left = _show(name, written, as_json)
    for one in found:
        for line in one.checks.lines():
            say(f"  {line}", as_json)
        if one.path.resolve().parent != written[0].parent.resolve():
            say(f"Put {one.path.name} into {written[0].parent}, or give INPUTS=.", as_json)
    if left:
        say(f"Fill in what is marked FILL IN, then: km3vo release check {name}", as_json)


def _show(name: str, written: tuple[Path, ...], as_json: bool) -> int:
    """Print the number of blanks in each file of a draft; return that of all."""
    left = {str(path): len(blanks(path)) for path in written}
    if as_json:
        show_json({"release": name, "blanks": left})
    for path, number in left.items():
        say(f"{path}: {number} blanks", as_json)
    return sum(left.values())


def _freeze_alerts(
    name: str,
    given: dict[str, str | None],
    energies: tuple[str, str] | None,
    content: bytes | None,
    as_json: bool,
) -> tuple[Path, bytes]:
    """Write a catalogue of alerts as a delivered file; return its path, and texts.

    What is known of it is added to `given`.
    """
    snapshot = snapshot_alerts(current_layout())
    path = deliver(name, FILE_NAME, snapshot.content)
    say(f"{path}: {snapshot.alerts} alerts", as_json)
    for alert in snapshot.left_out:
        say(f"  {alert} has no time or no position and is left out", as_json)
    given["instrument"] = given.get("instrument") or "KM3NeT"
    given["collection"] = given.get("collection") or "KM3NeT-alerts"
    given["analysis_mode"] = given.get("analysis_mode") or "-"
    if energies is None and snapshot.energies:
        given["energies"] = snapshot.energies
    return path, snapshot.texts if content is None else content


def _inspect(file: Path, format: str, detector: str | None, topology: str | None) -> Inspection:
    # the file is the caller's, also where the alerts were the instance's
    with privileges.caller(), progress(console, "events", None) as on_progress:
        return inspect_file(file, format, detector, on_progress, topology)


def _ask(question: Question) -> str:
    """Ask a person; an empty answer leaves a blank."""

    def checked(text: str) -> str:
        if text:
            try:
                question.refuse(text)
            except ManifestError as error:
                raise click.UsageError(f"{error.problem}; {error.expected}") from None
        return text

    key = question.key.replace("_", " ")
    hint = "; - if unknown" if question.optional else ""
    answer: str = click.prompt(
        f"{key}: {question.wanted}{hint}\n>", default="", show_default=False, value_proc=checked
    )
    return answer
