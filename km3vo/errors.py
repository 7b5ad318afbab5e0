"""The errors of :class:`km3vo.Node`."""

from __future__ import annotations


class NodeError(Exception):
    """A request to a node failed; the base class of all errors of this package.

    Parameters
    ----------
    reason : str
        What is wrong, and what can be done about it.
    url : str, optional
        The address that was asked.

    Attributes
    ----------
    reason : str
        As above.
    url : str or None
        As above; None if no request was sent.
    """

    def __init__(self, reason: str, url: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.url = url

    def __str__(self) -> str:
        return f"{self.reason} ({self.url})" if self.url else self.reason


class BadRequestError(NodeError, ValueError):
    """An argument is not valid; nothing was sent, or the service has refused it."""


class NameResolutionError(NodeError):
    """A name belongs to no object, to several, or could not be looked up."""


class ServiceError(NodeError):
    """The node could not be reached, or did not answer as expected."""


def unanswered(error: Exception, url: str) -> ServiceError:
    """Return the error for a request that failed on its way, or whose answer is not as expected."""
    return ServiceError(f"the node does not answer as expected: {error}", url)


class MissingPackageError(NodeError, ImportError):
    """A package is needed that is not installed."""
