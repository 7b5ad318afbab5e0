"""Write what a file system of an image contains, as CycloneDX: Debian, Python and npm packages.

Usage: python docker/sbom.py DIRECTORY NAME VERSION SECONDS, with the time as in SOURCE_DATE_EPOCH.
The same contents give the same bytes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

Found = tuple[str, str, PackageURL]


def debian(root: Path) -> Iterator[Found]:
    """Yield the installed Debian packages: name, version and address."""
    lines = (root / "etc/os-release").read_text().splitlines()
    facts = dict(line.split("=", 1) for line in lines if "=" in line)
    release = f"debian-{facts.get('VERSION_ID', 'sid').strip(chr(34))}"
    for text in (root / "var/lib/dpkg/status").read_text().split("\n\n"):
        one = HeaderParser().parsestr(text)
        if one["Status"] == "install ok installed":
            more = {"arch": one["Architecture"], "distro": release}
            address = PackageURL("deb", "debian", one["Package"], one["Version"], more)
            yield one["Package"], one["Version"], address


def python(root: Path) -> Iterator[Found]:
    """Yield the Python packages that are not Debian's."""
    for path in root.glob("opt/km3vo/.venv/lib/python3*/site-packages/*.dist-info/METADATA"):
        one = HeaderParser().parsestr(path.read_text("utf-8"))
        yield one["Name"], one["Version"], PackageURL("pypi", None, one["Name"], one["Version"])


def npm(root: Path) -> Iterator[Found]:
    """Yield the libraries that npm installed."""
    for path in root.glob("opt/km3vo/**/node_modules/**/package.json"):
        one = json.loads(path.read_text("utf-8"))
        if "name" in one and "version" in one:
            space, _, name = one["name"].rpartition("/")
            yield one["name"], one["version"], PackageURL("npm", space, name, one["version"])


def bill(root: Path, name: str, version: str, seconds: int) -> str:
    """Return the list of an image as JSON, which is valid CycloneDX 1.6.

    Raises
    ------
    ValueError
        If it is not valid.
    """
    image = Component(type=ComponentType.CONTAINER, name=name, version=version, bom_ref=name)
    bom = Bom()
    for found in {
        str(one[2]): one for make in (debian, python, npm) for one in make(root)
    }.values():
        part = Component(
            type=ComponentType.LIBRARY,
            name=found[0],
            version=found[1],
            purl=found[2],
            bom_ref=str(found[2]),
        )
        bom.components.add(part)
    bom.register_dependency(image, list(bom.components))
    bom.metadata.component = image
    bom.metadata.timestamp = datetime.fromtimestamp(seconds, UTC)
    contents = "\n".join(sorted(str(part.purl) for part in bom.components))
    bom.serial_number = uuid5(NAMESPACE_URL, f"{name} {version}\n{contents}")
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"not valid CycloneDX: {error}")
    return text


if __name__ == "__main__":
    print(bill(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
