"""The error of an analysis whose parameters make no sense."""

from __future__ import annotations


class AnalysisError(ValueError):
    """A parameter that the analysis cannot use.

    Parameters
    ----------
    parameter : str
        Its name, such as ``dec``.
    value : object
        The value given.
    expected : str
        What is expected instead.
    remedy : str, optional
        What the user can do.
    """

    def __init__(
        self, parameter: str, value: object, expected: str, remedy: str | None = None
    ) -> None:
        super().__init__(parameter, value, expected, remedy)
        self.parameter = parameter
        self.value = value
        self.expected = expected
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.parameter} = {self.value}: expected {self.expected}"
        return text if self.remedy is None else f"{text}; {self.remedy}"
