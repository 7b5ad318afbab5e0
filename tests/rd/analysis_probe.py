"""Loads the analysis while another thread imports a module; runs in the Python of DaCHS."""

import os
import sys
import types

from gavo import utils

checkout = sys.argv[1]
samples, _ = utils.loadPythonModule(os.path.join(checkout, "rd", "km3net", "samples"))
samples._ANALYSIS = os.path.join(checkout, "km3vo", "analysis")


class Name(str):
    """The name of a module; another one is imported when somebody looks at it."""

    def partition(self, separator):
        sys.modules["of_another_thread"] = types.ModuleType("of_another_thread")
        return super().partition(separator)


sys.modules[Name("of_this_thread")] = types.ModuleType("of_this_thread")
print(samples.load_analysis().PowerLaw(1e-8, 2.0).index)
print([name for name in sys.modules if name.startswith("km3net_analysis")])
