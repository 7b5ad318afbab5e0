"""Tells DaCHS which functions the database has; for probes, which run without a database.

To be imported before the modules of DaCHS, which ask the database since DaCHS 2.11.
"""

from gavo.base import sqlsupport

# the first name is that of DaCHS 2.13
_connection = getattr(sqlsupport, "DaCHSConnection", None) or sqlsupport.GAVOConnection
_connection.extensionFunctions = frozenset(("q3c_ang2ipix", "smoc_union"))
