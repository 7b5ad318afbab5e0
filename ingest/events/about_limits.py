"""The services of limits: which responses they need, and what they are called."""

from __future__ import annotations

from typing import Final

from ingest.events.delivery import Manifest

_NEEDED: Final = {
    "acceptance": ("aeff", "antares-acceptance"),
    "background": ("bkgrate", "antares-background"),
}
"""The responses that the services of limits need: what each is, and its format."""
SERVICES_OF_LIMITS: Final = {
    "ps": (
        "Events and limits around a source",
        "What a sample of neutrino events says about a source, or a list of sources: the events"
        " within a radius, the expected background, the probability by chance, the interval of"
        " Feldman and Cousins, the flux and its limit for a power law in energy, and the"
        " sensitivity. Parameters: RA and DEC in degrees (ICRS), or TARGET, a name, or SOURCES, a"
        " VOTable or CSV file with sources; SR, the radius in degrees; INDEX, the spectral index"
        " or a range; CONFIDENCE.",
    ),
    "region": (
        "Events and limits in a region of the sky",
        "What a sample of neutrino events says about a region of the sky, such as that of a"
        " gravitational wave: the events inside, the expected background, the probability by"
        " chance, the interval of Feldman and Cousins, and the flux limit for a source somewhere"
        " in the region, also in bands of declination. Parameters: MOC, a coverage map, or MAP, a"
        " HEALPix file, or ALERT, an alert in this archive; CONTAINMENT, of the region of a map or"
        " an alert; INDEX, the spectral index; CONFIDENCE.",
    ),
}
"""Titles and descriptions of the services of limits, see ``rd/km3net/limits.rd``."""


def files_of_limits(manifest: Manifest, simulated: bool) -> dict[str, str] | None:
    """Return the files that the services of limits need, or None without these services."""
    found = {
        name: one.name
        for name, (response, form) in _NEEDED.items()
        for one in manifest.responses
        if one.response == response
        and (one.format == form or (one.format is None and one.name.endswith(".txt")))
    }
    return found if found.keys() == _NEEDED.keys() and not simulated else None
