"""From what a detector delivers to a checked, sky-located, standard event list."""
