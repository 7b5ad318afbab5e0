"""The groups of commands, each a module; :mod:`ingest.cli` puts them together."""
