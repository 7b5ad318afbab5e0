"""What all other packages use: errors, files, FITS tables, units, times, XML and settings."""
