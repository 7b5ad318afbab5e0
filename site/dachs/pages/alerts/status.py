"""What has become of an alert, in plain words. This needs only the standard library."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """The state of an alert.

    Attributes
    ----------
    label : str
        In a word or two.
    kind : str
        ``bad`` for alerts that should not be followed up, ``good`` for those that may, and
        an empty string for what was never an observation.
    """

    label: str
    kind: str


@dataclass(frozen=True)
class Step:
    """A notice that withdrew an alert, or made it valid again.

    Attributes
    ----------
    place : int
        Its place in the history, from 1.
    notice : dict
        Its row.
    before : dict or None
        The row of the notice before.
    """

    place: int
    notice: dict

    before: dict | None

    def is_dated_earlier(self):
        """Return whether the notice is dated before the one that precedes it by its number."""
        dates = self.notice["notice_mjd"], self.before and self.before["notice_mjd"]
        return None not in dates and dates[0] < dates[1]


def state(history):
    """Return the state of an alert.

    Parameters
    ----------
    history : list of dict
        Its notices in their order, with columns of ``alerts.notices``.
    """
    newest = history[-1]
    if _is_retraction(newest):
        return Status("Retracted", "bad")
    if retractions(history):
        return Status("Valid again", "good")
    return Status("Valid", "good")


def nature(notice):
    """Return what a notice is if it is no observation, and an explanation; else None."""
    if notice["is_injection"]:
        return "Injected signal", (
            "An artificial signal was injected into the data, to test the search. There was no"
            " such event in the sky."
        )
    if notice["is_test"]:
        return "Test", (
            "This is a test of the alert system, marked so by its sender. Nothing in it was"
            " observed in the sky."
        )
    if notice["role"] == "prediction":
        return "Prediction", "This is a prediction, not an observation."
    if notice["role"] == "utility":
        return "Utility", (
            "This packet serves the operation of a network or an observatory. It does not"
            " report an observation."
        )
    return None


def retractions(history):
    """Return the steps at which an alert was withdrawn: retractions after a valid notice."""
    return [
        step
        for step in _steps(history)
        if _is_retraction(step.notice) and not _is_retraction(step.before)
    ]


def revivals(history):
    """Return the steps at which an alert became valid again: notices after a retraction."""
    return [
        step
        for step in _steps(history)
        if _is_retraction(step.before) and not _is_retraction(step.notice)
    ]


def with_values(history):
    """Return the newest notice that has values: retractions have none, if there are others."""
    others = [one for one in history if not _is_retraction(one)]
    return (others or history)[-1]


def _steps(history):
    pairs = zip([None, *history[:-1]], history, strict=True)
    return [Step(place, notice, before) for place, (before, notice) in enumerate(pairs, 1)]


def _is_retraction(notice):
    return notice is not None and notice["notice_type"] == "retraction"
