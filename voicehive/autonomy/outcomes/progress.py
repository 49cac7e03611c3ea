"""What passes between a run that observes and the activities that read for it."""

from datetime import datetime, timedelta
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from voicehive.autonomy.outcomes.verdict import OutcomeVerdict
from voicehive.autonomy.outcomes.watch import OutcomeWatch
from voicehive.autonomy.policy import SafetyConstraint
from voicehive.model import Model

LARGEST_OBSERVATION = 1_000
"""At most so many readings in one run: each leaves about eleven events in its history, which may hold some 50,000."""


def _bounded(watch: OutcomeWatch) -> OutcomeWatch:
    if watch.readings > LARGEST_OBSERVATION:
        raise ValueError(
            f"the window holds {watch.readings} readings and a run makes at most {LARGEST_OBSERVATION}; "
            "lengthen interval or shorten window"
        )
    return watch


RunWatch: TypeAlias = Annotated[OutcomeWatch, AfterValidator(_bounded)]
"""A watch that one run can observe."""


class ObservationBeginning(Model):
    """Before a plan starts at `at`: what is to be watched after it, by the run `run` (its workflow and run id)."""

    tenant: str
    run: str
    watch: OutcomeWatch
    constraints: tuple[SafetyConstraint, ...]
    at: datetime


class ObservationReading(Model):
    """The reading of a run's interval `number`, counted from 1; the first one began at `started_at`."""

    tenant: str
    run: str
    constraints: tuple[SafetyConstraint, ...]
    started_at: datetime
    number: int

    def ends_at(self, interval: timedelta) -> datetime:
        """When the interval ends, which is when it is read."""
        return self.started_at + interval * self.number


class Observation(Model):
    """How an observation stands after `readings` intervals. It goes on until `until` at the latest.

    `verdict.metrics` is filled once the verdict is final: it would weigh much in a run's history after every reading.
    `trouble` says why the newest reading lacks a metric.
    """

    started_at: datetime
    until: datetime
    readings: int = 0
    verdict: OutcomeVerdict | None = None
    trouble: str = ""

    @property
    def is_final(self) -> bool:
        """Whether nothing more needs to be read."""
        return self.verdict is not None and self.verdict.final

    @property
    def is_bad(self) -> bool:
        """Whether the outcome was found bad."""
        return self.verdict is not None and self.verdict.verdict == "bad"

    @property
    def is_good(self) -> bool:
        """Whether the outcome was found good."""
        return self.verdict is not None and self.verdict.verdict == "good"

    def in_words(self) -> str:
        """What was observed, and what says so."""
        if self.verdict is None:
            return "unclear: nothing could be read" + (f": {self.trouble}" if self.trouble else "")
        missing = f"; {self.trouble}" if self.trouble and not self.is_bad else ""
        return f"{self.verdict.verdict}: {'; '.join(self.verdict.reasons)}{missing}"
