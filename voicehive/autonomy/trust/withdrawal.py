"""Watches the outcomes of what ran alone, and withdraws autonomy as soon as they show a risk above alpha.

An e-process by betting (Waudby-Smith and Ramdas 2023): wealth that can only grow, on average, if the risk is above
alpha. It is spread over stakes, and over the outcomes at which the risk may have changed: what is kept back after t
outcomes is 1 / (1 + ln(1 + t)), so that a long good record hardly delays the alarm (mixtures of start times as in the
e-detectors of Shin, Ramdas and Rinaldo 2023). All of it together is a supermartingale that starts at 1: by Ville's
inequality it ever reaches 1 / level with probability at most `level`, however often it is looked at.
"""

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from voicehive.autonomy.trust.promise import Level
from voicehive.model import Model

_WORSE = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
"""Multiples of alpha for which one stake each is best (the growth-optimal one, Kelly 1956)."""

Wealth = Annotated[float, Field(ge=0.0)]


class RiskMonitor(Model):
    """All that is remembered of the outcomes so far. Each `stake` is in units of 1 / loss, `wealth` is what it won.

    `withdrawn_at`: the number of the outcome that showed the risk; None while nothing did. Once set it stays.
    """

    alpha: Level
    level: Level
    stakes: Annotated[tuple[float, ...], Field(min_length=1, max_length=100)]
    wealth: tuple[Wealth, ...]
    outcomes: Annotated[int, Field(ge=0)] = 0
    loss: Annotated[float, Field(ge=0.0)] = 0.0
    withdrawn_at: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _stakes_never_lose_more_than_all(self) -> Self:
        if len(self.wealth) != len(self.stakes):
            raise ValueError("wealth: must have one entry a stake")
        if not all(0 <= stake <= 1 / self.alpha for stake in self.stakes):
            raise ValueError("stakes: must lie in 0 to 1 / alpha, or wealth could turn negative")
        return self

    @property
    def evidence(self) -> float:
        """The e-value against "the risk is at most alpha"; 1 / evidence is an anytime-valid p-value where above 1."""
        return math.fsum(self.wealth) + _kept_back(self.outcomes)

    @property
    def withdrawn(self) -> bool:
        """Whether the risk has been shown to be above alpha."""
        return self.withdrawn_at is not None


def begin_monitor(alpha: float, level: float = 0.05) -> RiskMonitor:
    """A monitor before its first outcome; `level` bounds the probability that it ever withdraws wrongly."""
    stakes = tuple((min(alpha * worse, (1 + alpha) / 2) - alpha) / (alpha * (1 - alpha)) for worse in _WORSE)
    return RiskMonitor(alpha=alpha, level=level, stakes=stakes, wealth=(0.0,) * len(stakes))


def fold_outcome(monitor: RiskMonitor, loss: float) -> RiskMonitor:
    """The monitor after one more outcome, of loss 0 to 1. Raises ValueError for any other. A withdrawn one only counts.

    The outcome's mean given all before it must be at most alpha for a right machine; independence is not needed.
    """
    if not 0 <= loss <= 1:
        raise ValueError(f"loss: {loss} is not in 0 to 1; divide each cost by the greatest one possible")
    count = monitor.outcomes + 1
    counted = {"outcomes": count, "loss": monitor.loss + loss}
    if monitor.withdrawn:
        return monitor.model_copy(update=counted)
    fresh = (_kept_back(monitor.outcomes) - _kept_back(count)) / len(monitor.stakes)
    pairs = zip(monitor.stakes, monitor.wealth, strict=True)
    wealth = tuple((won + fresh) * (1 + stake * (loss - monitor.alpha)) for stake, won in pairs)
    after = monitor.model_copy(update=counted | {"wealth": wealth})
    return after.model_copy(update={"withdrawn_at": count}) if after.evidence >= 1 / monitor.level else after


def _kept_back(outcomes: int) -> float:
    """The share of the wealth that is not staked before the next outcome; 1 before the first."""
    return 1 / (1 + math.log1p(outcomes))
