"""A private PostgreSQL and DaCHS below ``var/``, for the first try, for tests and development."""
