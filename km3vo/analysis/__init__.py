"""What a sample of neutrino events says about a source or a region of the sky.

Functions of numbers and arrays, which know no server and read no files. The services of a node run
the same functions in the Python of DaCHS, so this package needs only numpy, and imports its own
modules relatively.
"""

from .acceptance import Acceptance as Acceptance
from .background import Polynomial as Polynomial
from .containment import best_radius as best_radius
from .containment import contained as contained
from .errors import AnalysisError as AnalysisError
from .exposure import events_by_energy as events_by_energy
from .exposure import expected_background as expected_background
from .exposure import expected_events as expected_events
from .exposure import exposure_by_energy as exposure_by_energy
from .exposure import zenith_fractions as zenith_fractions
from .flux import PowerLaw as PowerLaw
from .folding import fold as fold
from .intervals import feldman_cousins as feldman_cousins
from .intervals import p_value as p_value
from .intervals import sensitivity as sensitivity
from .region import Region as Region
from .region_search import Bands as Bands
from .region_search import RegionAnswer as RegionAnswer
from .region_search import search_region as search_region
from .responses import BackgroundRate as BackgroundRate
from .responses import EffectiveArea as EffectiveArea
from .responses import EnergyResponse as EnergyResponse
from .responses import PointSpread as PointSpread
from .sample import Sample as Sample
from .search import PointSources as PointSources
from .search import SourceEvents as SourceEvents
from .search import search as search
from .trials import benjamini_hochberg as benjamini_hochberg
from .trials import sidak as sidak
