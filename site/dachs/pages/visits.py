"""What a page learns about a request. This runs in the Python of DaCHS."""

import urllib.parse
from dataclasses import dataclass, field

from gavo import base

_LONGEST = 1000
"""Characters of a parameter; what is longer is cut."""


@dataclass(frozen=True)
class Visit:
    """A request for a page.

    Attributes
    ----------
    path : str
        The path of the address, decoded, without the slash at its beginning and end.
    parameters : dict of str to list of str
        The parameters in the address.
    is_member : bool
        Whether the visitor has logged in as a member of the collaboration, who may see releases
        under embargo.
    """

    path: str
    parameters: dict = field(default_factory=dict)
    is_member: bool = False

    def get(self, name, default=""):
        """Return the first value of a parameter, without blanks around it."""
        values = self.parameters.get(name) or [default]
        return values[0].strip()[:_LONGEST]

    def with_parameters(self, **changed):
        """Return the path and the parameters as an address, some of them changed.

        Parameters
        ----------
        **changed : str, int or None
            New values; a parameter whose value is None or empty is left out.
        """
        values = {name: found for name, found in self.parameters.items() if name not in changed}
        values |= {name: [value] for name, value in changed.items() if value not in (None, "")}
        query = urllib.parse.urlencode(values, doseq=True)
        path = "/" + urllib.parse.quote(self.path)
        return f"{path}?{query}" if query else path

    @property
    def url(self):
        """The public address of the page, without parameters."""
        return f"{server_url()}/{urllib.parse.quote(self.path)}"


def server_url():
    """Return the public address of the server, without a slash at its end."""
    return base.getConfig("web", "serverurl").rstrip("/")
