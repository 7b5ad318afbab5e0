"""The page of proof, ``/status``: what works now, what was checked, what is newest.

Everything on it is measured, and not more often than needed, see ``measured.py``. This runs in the
Python of DaCHS.
"""
