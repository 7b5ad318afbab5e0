"""What a sample of neutrino events says of a source or a region of the sky.

Functions of numbers and arrays, which know no server and read no files. The services of a node run
the same functions in the Python of DaCHS, so this package needs only numpy, and imports its own
modules relatively.
"""
