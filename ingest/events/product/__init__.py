"""The archive product of a release: a GADF event list, its index, and its preview."""

from ingest.events.product.index import write_index
from ingest.events.product.observation import observation_cards

__all__ = ["observation_cards", "write_index"]
