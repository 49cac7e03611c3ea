"""Initiatives: what could be done towards the goals, what it takes, and what it brings."""

import math
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat, model_validator

from voicehive.execution.plan import ExecutionPlan
from voicehive.model import Identifier, Model
from voicehive.planning.distributions import Distribution
from voicehive.planning.metric_name import MetricName

Floats: TypeAlias = NDArray[np.float64]
NotNegative: TypeAlias = Annotated[FiniteFloat, Field(ge=0)]
_NEGLIGIBLE = 1e-9


class Prerequisite(Model):
    """Another initiative that must be finished, and `lag` whole periods over, before this one starts."""

    initiative: Identifier
    lag: Annotated[int, Field(ge=0, le=1_000)] = 0


class MetricEffect(Model):
    """What a finished initiative does to a metric: adds `change`, in the metric's unit, from `delay` periods after."""

    metric: MetricName
    change: Distribution
    delay: Distribution | None = None


class Initiative(Model):
    """Something that could be done.

    It lasts `duration` periods, and in any case as long as its `effort`, in person-periods, takes the `people` who work
    on it; at least one of the two is given. `people` names the skills and how many of each are needed in every period
    it runs in. Periods count from 0: it starts in `earliest` or later and is finished by the end of `latest`. It costs
    `cost_at_start` in its first period and `cost_per_period` in each one. With `failure_probability` it costs the same
    and brings nothing. What an AI proposed (`origin`) is in no roadmap until a person has `accepted` it. `execution` is
    what is run on the date it starts.

    Raises:
        ValidationError: it could never be done, whatever else is; the message names the field.
    """

    id: Identifier
    name: str = ""
    duration: Distribution | None = None
    effort: Distribution | None = None
    people: dict[Identifier, NotNegative] = {}
    cost_at_start: NotNegative = 0.0
    cost_per_period: NotNegative = 0.0
    prerequisites: tuple[Prerequisite, ...] = ()
    earliest: Annotated[int, Field(ge=0)] = 0
    latest: Annotated[int, Field(ge=0)] | None = None
    required: bool = False
    effects: tuple[MetricEffect, ...] = ()
    failure_probability: Annotated[FiniteFloat, Field(ge=0, lt=1)] = 0.0
    risk: str = ""
    reversible: bool = True
    execution: ExecutionPlan | None = None
    origin: Literal["person", "ai"] = "person"
    accepted: bool = False

    @model_validator(mode="after")
    def _possible(self) -> "Initiative":
        if self.duration is None and self.effort is None:
            raise ValueError(f"initiative {self.id!r}: duration: give duration or effort, or both")
        if self.effort is not None and sum(self.people.values()) <= 0.0:
            raise ValueError(f"initiative {self.id!r}: people: nobody works on its effort; name the people it needs")
        if self.latest is not None and self.latest < self.earliest:
            raise ValueError(
                f"initiative {self.id!r}: latest {self.latest} is before earliest {self.earliest}; "
                f"make latest at least {self.earliest}, or earliest at most {self.latest}"
            )
        return self

    @property
    def counts(self) -> bool:
        """Whether it may be in a roadmap: a person proposed or accepted it."""
        return self.origin == "person" or self.accepted

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.id

    def durations(self, u: Floats) -> Floats:
        """Give the durations in periods, at least 0, that are not exceeded with probabilities `u` of any shape.

        Effort and duration are taken to be large together (comonotone), so that the quantile of the longer of the two
        is the longer of their quantiles.
        """
        longest = np.zeros_like(u)
        if self.duration is not None:
            longest = np.maximum(longest, self.duration.quantile(u))
        if self.effort is not None:
            longest = np.maximum(longest, self.effort.quantile(u) / sum(self.people.values()))
        return longest

    def planned_duration(self, probability: float) -> int:
        """The whole periods that are planned, enough with this probability."""
        return math.ceil(float(self.durations(np.array([probability]))[0]) - _NEGLIGIBLE)
