"""The alert archive: packets as they came, what they say, and the tables that publish it."""
