"""Neutrino events of ANTARES and KM3NeT from a node of the Virtual Observatory."""
