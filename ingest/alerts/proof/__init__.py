"""Seals of the days of the alert archive, and proofs that a packet was received on one."""

from ingest.alerts.proof.proving import prove, verify_seals
from ingest.alerts.proof.seal import Seal
from ingest.alerts.proof.sealing import seal_days, seals

__all__ = ["Seal", "prove", "seal_days", "seals", "verify_seals"]
