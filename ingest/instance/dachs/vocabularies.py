"""IVOA vocabularies for machines without a network.

For DaCHS 2.7 and later.

``dachs val`` and DaCHS' web pages look up terms in IVOA vocabularies, which DaCHS downloads once
and then caches; without a network and without a cached copy they fail. We suggest that DaCHS
ships a copy of the vocabularies it needs, or skips the check with a warning. Here, a new instance
is given a small copy of each vocabulary with only the terms that this project uses. A subject
that is not among them is therefore reported as unknown; add it to :data:`VOCABULARY_TERMS` after
checking that it is in the vocabulary.

On a site with a network, delete ``cache/*ivoa*rdf*`` below DaCHS' root to let DaCHS download the
complete vocabularies.
"""

from __future__ import annotations

import json
from pathlib import Path

from ingest.core.files import read_regular

VOCABULARY_ROOT = "http://www.ivoa.net/rdf/"

VOCABULARY_TERMS: dict[str, dict[str, str]] = {
    "uat": {
        "catalogs": "Catalogs",
        "high-energy-astrophysics": "High energy astrophysics",
        "neutrino-astronomy": "Neutrino astronomy",
        "neutrino-telescopes": "Neutrino telescopes",
        "particle-astrophysics": "Particle astrophysics",
        "time-domain-astronomy": "Time domain astronomy",
        "virtual-observatories": "Virtual observatories",
    },
    # what ObsCore of DaCHS 2.11 looks up
    "product-type": {
        "cube": "Cube",
        "event-list": "Event list",
        "image": "Image",
        "measurements": "Measurements",
        "sed": "Spectral energy distribution",
        "spectrum": "Spectrum",
        "timeseries": "Time series",
        "visibility": "Visibility",
    },
    # what its registry records are compared with
    "voresource/content_level": {"Research": "Research"},
    "voresource/content_type": {"Archive": "Archive", "Catalog": "Catalog"},
    "voresource/date_role": {"Created": "Created", "Updated": "Updated"},
    # of DaCHS 2.13
    "data-source": {"observation": "Observation"},
    "messenger": {
        "photon": "Photon",
        "radio": "Radio",
        "millimeter": "Millimeter",
        "infrared": "Infrared",
        "optical": "Optical",
        "uv": "Ultraviolet",
        "euv": "Extreme UV",
        "x-ray": "X-Ray",
        "gamma-ray": "Gamma Ray",
        "neutrino": "Neutrino",
    },
}
"""The terms of the copies, with their labels, by vocabulary."""


def seed(cache: Path) -> list[Path]:
    """Write the missing vocabularies to DaCHS' cache directory, and return the new files.

    The format is "desise", defined in the IVOA's Vocabularies in the VO 2.1.
    """
    made = []
    for name, terms in VOCABULARY_TERMS.items():
        path = cache / _cache_name(VOCABULARY_ROOT + name)
        if path.exists():
            continue
        content = {
            "uri": VOCABULARY_ROOT + name,
            "flavour": "SKOS" if name == "uat" else "RDF Class",
            "terms": {
                term: {"label": label, "description": label, "wider": [], "narrower": []}
                for term, label in terms.items()
            },
        }
        path.write_text(json.dumps(content, indent=1))
        made.append(path)
    return made


def known_terms(cache: Path, name: str) -> frozenset[str]:
    """Return the terms of a vocabulary in DaCHS' cache, which may be complete or a small copy.

    Parameters
    ----------
    cache : pathlib.Path
        DaCHS' cache directory.
    name : str
        The vocabulary, such as ``uat``.
    """
    try:
        content = json.loads(read_regular(cache / _cache_name(VOCABULARY_ROOT + name)))
        return frozenset(content["terms"])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset(VOCABULARY_TERMS.get(name, {}))


def _cache_name(url: str) -> str:
    """Return the file name under which DaCHS caches `url` (``gavo.utils.defuseFileName``)."""
    return url.replace("/", "=2F")
