"""From delivered files to checked, sky-located, standard event lists, and their import.

Other packages import :mod:`~ingest.events.delivery`, :mod:`~ingest.events.readers`,
:mod:`~ingest.events.checks`, :mod:`~ingest.events.sky` and :mod:`~ingest.events.product`, not the
modules inside them; and the modules :mod:`~ingest.events.import_release`,
:mod:`~ingest.events.batch` and :mod:`~ingest.events.inspection`.
"""
