"""What a sample of neutrino events says of a source or a region of the sky.

Functions of numbers and arrays, which know no server and read no files. The services of a node run
the same functions in the Python of DaCHS, so this package needs only numpy, and imports its own
modules relatively.
"""

from .errors import AnalysisError as AnalysisError
from .intervals import feldman_cousins as feldman_cousins
from .intervals import p_value as p_value
from .intervals import sensitivity as sensitivity
from .trials import benjamini_hochberg as benjamini_hochberg
from .trials import sidak as sidak
