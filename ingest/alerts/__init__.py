"""The alert archive: packets as received, their content, and the tables that publish it."""
