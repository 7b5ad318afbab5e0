"""Deposits at repositories: DOIs at DataCite, depositions at Zenodo, data sets in a Dataverse."""

from ingest.publish.deposits.sending import ACTIONS, address, preview, send

__all__ = ["ACTIONS", "address", "preview", "send"]
