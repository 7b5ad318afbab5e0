"""New releases, validation and review, registry records, and documents for citing releases."""
