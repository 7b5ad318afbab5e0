"""The coverage of an observation, as keywords in the primary header of its product.

``rd/km3net/products.py`` reads them for ObsCore.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.core.fitstable import Card
from ingest.events.delivery import ObservationSection


def observation_cards(observation: ObservationSection, facility: str) -> Iterator[Card]:
    """Yield the keywords; there is none for an unknown value."""
    yield ("FACILITY", facility, "facility in ObsCore")
    yield ("OBSCOLL", observation.collection, "collection in ObsCore")
    yield ("ENERGMIN", observation.min_energy_gev, "[GeV] lowest energy of the neutrinos")
    yield ("ENERGMAX", observation.max_energy_gev, "[GeV] highest energy of the neutrinos")
    if observation.angular_resolution_deg is not None:
        yield ("ANGRES", observation.angular_resolution_deg, "[deg] median angular resolution")
    if observation.resolution_energy_gev is not None:
        yield ("ANGRESEN", observation.resolution_energy_gev, "[GeV] energy for which it holds")
    yield ("FOV_RA", observation.centre_ra_deg, "[deg] centre of the region covered")
    yield ("FOV_DEC", observation.centre_dec_deg, "[deg]")
    yield ("FOV_DIAM", observation.diameter_deg, "[deg] its diameter")
    yield ("EVTTYPE", observation.event_type, "")
    yield ("HEAMODE", observation.obs_mode, "obs_mode of the ObsCore extension")
    if observation.analysis_mode is not None:
        yield ("ANMODE", observation.analysis_mode, "analysis_mode of the ObsCore extension")
    yield ("MESSENGR", observation.messenger, "")
    if observation.messenger_pdgid is not None:
        yield ("PDGID", observation.messenger_pdgid, "number of the Particle Data Group")
