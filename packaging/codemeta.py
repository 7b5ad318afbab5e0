"""``codemeta.json``: what catalogues of software, such as ESCAPE's OSSR, know of this one.

It follows from ``pyproject.toml`` and ``CITATION.cff``. Write it with ``python
packaging/codemeta.py``.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "codemeta.json"
_CONTEXT = "https://w3id.org/codemeta/3.0"


def describe(root: Path = ROOT) -> dict[str, Any]:
    """Return the description of the software in the terms of CodeMeta 3.0.

    Parameters
    ----------
    root : pathlib.Path, optional
        The tree with ``pyproject.toml`` and ``CITATION.cff``.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    cited = citation(root)
    organisations = [
        {"@type": "Organization", "name": one["name"], "url": one["website"]}
        for one in cited["authors"]
    ]
    (author,) = cited["authors"]
    released = str(cited["date-released"])
    return {
        "@context": _CONTEXT,
        "@type": "SoftwareSourceCode",
        "name": project["name"],
        "description": cited["abstract"].strip(),
        "version": project["version"],
        "softwareVersion": project["version"],
        "datePublished": released,
        "dateModified": released,
        "license": f"https://spdx.org/licenses/{project['license']}",
        "author": organisations,
        "copyrightHolder": organisations,
        "maintainer": {
            "@type": "Organization",
            "name": author["name"],
            "email": author["email"],
        },
        "keywords": cited["keywords"],
        "programmingLanguage": "Python",
        "runtimePlatform": f"Python {project['requires-python']}",
        "operatingSystem": "Debian GNU/Linux",
        "softwareRequirements": project["dependencies"],
        "readme": "README.md",
        "buildInstructions": "CONTRIBUTING.md",
        "releaseNotes": "CHANGELOG.md",
        "developmentStatus": "active",
        "isAccessibleForFree": True,
    }


def citation(root: Path = ROOT) -> dict[str, Any]:
    """Return the content of ``CITATION.cff``."""
    return dict(yaml.safe_load((root / "CITATION.cff").read_text("utf-8")))


def text(root: Path = ROOT) -> str:
    """Return the content of the file."""
    return json.dumps(describe(root), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
