"""What only a person knows about a new release: each is asked once, or left as a blank."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ingest.core.configuration import BLANK
from ingest.core.errors import ManifestError
from ingest.publish.release import facts
from ingest.publish.release.delivered import Delivered

UNKNOWN: Final = "-"
"""The answer to leave out an optional fact."""
DOCUMENTATION: Final = "documentation"
DESCRIPTION: Final = "description"
"""The texts, which are not in the manifest."""


@dataclass(frozen=True)
class Question:
    """A question about a new release.

    Attributes
    ----------
    key : str
        What it is for: a fact, or several that are answered together.
    wanted : str
        What has to be answered.
    optional : bool
        Whether ``-`` is an answer.
    """

    key: str
    wanted: str
    optional: bool = False

    @property
    def blank(self) -> str:
        """What is written if nobody answers."""
        if self.key == "doi":
            return f"{BLANK} 10.…/…, the DOI to cite; or, instead of it, no_doi with the reason"
        more = "; or remove the line" if self.optional else ""
        return f"{BLANK} {self.wanted}{more}"

    def refuse(self, answer: str) -> None:
        """Raise an error if an answer is not valid.

        Raises
        ------
        ingest.core.errors.ManifestError
            If it is not.
        """
        if answer == UNKNOWN and self.optional:
            return
        answered(self.key, answer)


def questions(delivered: Delivered, known: set[str]) -> Iterator[Question]:
    """Yield what files, predecessor and options do not say.

    Parameters
    ----------
    delivered : Delivered
        The files.
    known : set of str
        The keys of the facts that are known.
    """
    instrument = "the detector as in papers, such as ORCA6"
    low_high = f"lowest and highest energy of the sample in GeV, such as 1 1e5 (in the file:\
 {delivered.energies})"
    candidates = [
        Question("title", "the title, such as KM3NeT/ORCA6 event sample"),
        Question("instrument", instrument),
        Question("energies", low_high),
        Question("event_type", "track or shower"),
        Question("analysis_mode", "pointsource, diffuse or atmospheric", optional=True),
        Question("doi", "the DOI to cite, 10.…/…; or, in words, why there is none"),
        Question(DESCRIPTION, "in two sentences, what the sample is and contains"),
        Question(
            DOCUMENTATION,
            "how the events were selected, what they are suited for, and what users need to know"
            " about angular error, energy and likelihood",
        ),
    ]
    if (days := delivered.livetime_days) is not None:
        wanted = (
            f"{days:.6g} if the file has all events of its runs, else the true livetime in days"
        )
        candidates.insert(3, Question("livetime_days", wanted, optional=True))
    aliases = {"doi": {"no_doi", "data_doi"}, "energies": {"min_energy_gev"}}
    for one in candidates:
        if not ({one.key} | aliases.get(one.key, set())) & known:
            yield one


def answered(key: str, answer: str) -> dict[str, str]:
    """Return the facts, as text by key, that an answer states.

    Raises
    ------
    ingest.core.errors.ManifestError
        If it is not valid.
    """
    match key:
        case "energies":
            words = answer.replace(",", " ").split()
            found = dict(zip(("min_energy_gev", "max_energy_gev"), words, strict=False))
            if len(words) != 2:
                raise ManifestError(
                    "two energies are needed", value=answer, expected="such as 1 1e5"
                )
            for name, text in found.items():
                facts.converted("observation", name, text)
            if float(words[0]) > float(words[1]):
                problem = "the lower energy comes first"
                raise ManifestError(problem, value=answer, expected="such as 1 1e5")
            return found
        case "doi" if not answer.startswith("10."):
            facts.converted("release", "no_doi", answer)
            return {"no_doi": answer}
        case "description" | "documentation":
            return {key: answer}
    section, name = facts.find(key)
    facts.converted(section, name, answer)
    return {name: answer}
