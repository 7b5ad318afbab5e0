"""What all rooms use: errors, files, FITS tables, units, times, settings and descriptors."""
