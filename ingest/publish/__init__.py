"""New releases, validation, registry records, and documents that make releases citable."""
