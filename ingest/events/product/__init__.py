"""Products of a release: event lists in FITS, their index, and their previews.

:mod:`ingest.events.product.preview` is imported separately, because it loads matplotlib.
"""

from ingest.events.product.bundle import write_bundle
from ingest.events.product.content import EventListContent
from ingest.events.product.copying import copy_product
from ingest.events.product.gadf import Product, write_event_list
from ingest.events.product.header import ProductMetadata
from ingest.events.product.index import Response, write_index
from ingest.events.product.observation import observation_cards
from ingest.events.product.responses import RESPONSES, Instrument, write_responses

__all__ = [
    "RESPONSES",
    "EventListContent",
    "Instrument",
    "Product",
    "ProductMetadata",
    "Response",
    "copy_product",
    "observation_cards",
    "write_bundle",
    "write_event_list",
    "write_index",
    "write_responses",
]
