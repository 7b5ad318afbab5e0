"""``dachs imp`` with all data elements of a descriptor in one transaction.

DaCHS commits after each data element: where the second one fails, the first one's new table is
online beside the second one's old. Here all of them are online, or none. Takes the arguments
of ``dachs imp``; runs in the Python of DaCHS.
"""

import functools
import sys

from gavo import api
from gavo.user import cli

if __name__ == "__main__":
    # "dachs imp" itself commits after the last one.
    api.makeData = functools.partial(api.makeData, runCommit=False)
    sys.argv[1:1] = ["imp"]
    cli.main()
