"""A release's entry for BibTeX, and the sentence that cites it: the data only, not the paper."""

from __future__ import annotations

from typing import Final

from ingest.publish.documents.record import Agent, ReleaseRecord

_ESCAPES: Final = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: f"\\{character}" for character in "&%$#_{}"},
    }
)


def to_bibtex(record: ReleaseRecord) -> str:
    """Return the entry; its key is the name of the release."""
    fields = {
        "author": " and ".join(_author(one) for one in record.creators),
        "title": f"{{{record.title.translate(_ESCAPES)}}}",
        "year": str(record.created.year),
        "publisher": record.publisher.translate(_ESCAPES),
        "version": (record.version or "").translate(_ESCAPES),
        "doi": record.doi or "",
        "url": record.reference_url,
        "note": f"In the Virtual Observatory: {record.identifier}".translate(_ESCAPES),
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@dataset{{{record.release},\n{lines}}}\n"


def to_sentence(record: ReleaseRecord) -> str:
    """Return the citation in the form that DataCite recommends."""
    authors = "; ".join(one.name for one in record.creators)
    where = f"https://doi.org/{record.doi}" if record.doi else record.identifier
    parts = [
        f"{authors} ({record.created.year}): {record.title}",
        *([record.version] if record.version else []),
        record.publisher,
        f"Dataset. {where}",
    ]
    return ". ".join(parts)


def _author(agent: Agent) -> str:
    name = agent.name.translate(_ESCAPES)
    return f"{{{name}}}" if agent.is_organisation else name
