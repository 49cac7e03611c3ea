"""A contact centre's day as the optimisation sees it: arrivals, staffing blocks, model tiers, prices.

Only the description; `contact_centre_evaluator` holds the arithmetic, `arrivals` reads files.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, FiniteFloat, JsonValue, model_validator

from voicehive.model import Model
from voicehive.optimization.evaluators.description import EvaluatorDescription
from voicehive.optimization.parameter import Parameter, Setting, Settings

ClockTime: TypeAlias = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
"""A time of day, HH:MM; 24:00 ends a day."""

Positive: TypeAlias = Annotated[FiniteFloat, Field(gt=0)]
NotNegative: TypeAlias = Annotated[FiniteFloat, Field(ge=0)]
Share: TypeAlias = Annotated[FiniteFloat, Field(ge=0, le=1)]

TIER = "model.tier"
THRESHOLD = "callback.threshold"
AGENTS = "agents."


class Arrivals(Model):
    """The calls that arrive in one interval; `minutes` is its length where it is not the centre's usual one."""

    start: ClockTime
    calls: NotNegative
    minutes: Annotated[int, Field(gt=0, le=1440)] | None = None


class Period(Model):
    """A part of the day, from `start` up to, and without, `end`."""

    start: ClockTime
    end: ClockTime

    @model_validator(mode="after")
    def _forward(self) -> "Period":
        if self.start >= self.end:
            raise ValueError(f"the period {self.start} to {self.end} does not go forward; write 24:00 for midnight")
        return self

    def __contains__(self, time: object) -> bool:
        return isinstance(time, str) and self.start <= time < self.end


class Tier(Model):
    """One model tier: its price for a minute of talk, the share of answered calls that it resolves, and its pace.

    `handling_time_factor` multiplies the centre's handling time.
    """

    price_per_minute: NotNegative
    quality: Share
    handling_time_factor: Positive = 1.0


class ContactCentre(EvaluatorDescription):
    """One day of a voice contact centre, evaluated interval by interval as a stationary M/M/n+M queue (Erlang-A).

    The settings are `agents.<block>` (concurrent agents, integer), `model.tier` (one of `tiers`) and, if wanted,
    `callback.threshold` (seconds: a caller who would have to wait about that long is offered a call-back instead and
    leaves the queue; without it everybody queues). Each is a parameter of the problem or stands in `fixed`.

    Outcomes: `cost` of the day; `answer_wait_p95`, in seconds, over the day's answered calls; `abandonment` and
    `callback_share`, as shares of the day's calls; `quality`, the share of the day's calls resolved: the tier's quality
    for each answered call, times `callback_quality_factor` for each call-back, nothing for an abandoned one;
    `occupancy`, the share of the agents' hours spent talking.
    """

    OUTCOMES: ClassVar[tuple[str, ...]] = (
        "cost",
        "answer_wait_p95",
        "abandonment",
        "quality",
        "callback_share",
        "occupancy",
    )

    kind: Literal["erlang_a"]
    arrivals: tuple[Arrivals, ...] = ()
    arrivals_file: str | None = None
    business_day: int | str | None = None
    interval_minutes: Annotated[int, Field(gt=0, le=1440)] = 30
    handling_time_seconds: Positive
    patience_seconds: Positive
    blocks: Annotated[dict[str, tuple[Period, ...]], Field(min_length=1)]
    tiers: Annotated[dict[str, Tier], Field(min_length=1)]
    price_per_agent_hour: NotNegative
    price_per_callback: NotNegative = 0.0
    callback_quality_factor: Share = 1.0
    fixed: Settings = {}

    @model_validator(mode="after")
    def _consistent(self) -> "ContactCentre":
        if bool(self.arrivals) == (self.arrivals_file is not None):
            raise ValueError("give exactly one of arrivals (inline) and arrivals_file (a CSV beside the request)")
        if self.business_day is not None and self.arrivals_file is None:
            raise ValueError("business_day picks a day of arrivals_file; remove it, or name the file")
        if self.arrivals and not any(interval.calls for interval in self.arrivals):
            raise ValueError("arrivals: no interval has a call; there is nothing to decide")
        starts = [interval.start for interval in self.arrivals]
        if len(set(starts)) < len(starts):
            twice = next(start for start in starts if starts.count(start) > 1)
            raise ValueError(f"arrivals: {twice} appears twice; sum its calls into one interval")
        for start in starts:
            self.block_of(start)
        return self

    def block_of(self, start: str) -> str:
        """Name the block that an interval's start falls into.

        Raises:
            ValueError: no block, or more than one, covers it.
        """
        names = [name for name, periods in self.blocks.items() if any(start in period for period in periods)]
        if len(names) != 1:
            found = f"blocks {names} overlap there" if names else "no block covers it"
            raise ValueError(f"blocks: the interval at {start} must fall into exactly one block; {found}")
        return names[0]

    @property
    def has_data(self) -> bool:
        """Whether the day's arrivals are inline."""
        return self.arrivals_file is None

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """The day's measures; see `OUTCOMES`."""
        return self.OUTCOMES

    def structure(self) -> JsonValue:
        """The blocks and tiers by name: what the settings are, not what the day brings."""
        return {"kind": self.kind, "blocks": list(self.blocks), "tiers": list(self.tiers)}

    def check_parameters(self, parameters: Sequence[Parameter]) -> None:
        """Check that parameters and fixed settings together set the centre, each once.

        Raises:
            ValueError: an unknown, missing, doubled or ill-typed setting.
        """
        super().check_parameters(parameters)
        required = [*(AGENTS + block for block in self.blocks), TIER]
        known = [*required, THRESHOLD]
        by_name = {parameter.name: parameter for parameter in parameters}
        for name in [*by_name, *self.fixed]:
            if name not in known:
                raise ValueError(f"setting {name!r}: the contact centre has no such setting; it has {known}")
        for name in known:
            if name in by_name and name in self.fixed:
                raise ValueError(f"setting {name!r} is both a parameter and in evaluator.fixed; keep one")
            if name in required and name not in by_name and name not in self.fixed:
                raise ValueError(f"setting {name!r} is missing; make it a parameter, or give it in evaluator.fixed")
        for name, parameter in by_name.items():
            self._check_parameter(name, parameter)
        for name, value in self.fixed.items():
            self._check_fixed(name, value)

    def _check_parameter(self, name: str, parameter: Parameter) -> None:
        if parameter.kind == "fixed":
            self._check_fixed(name, parameter.current)
            return
        if name == TIER:
            unknown = [choice for choice in parameter.choices if choice not in self.tiers]
            if parameter.kind != "categorical" or unknown:
                raise ValueError(f"parameter {name!r} must be categorical over the tiers {list(self.tiers)}")
            return
        if name != THRESHOLD and parameter.kind != "integer":
            raise ValueError(f"parameter {name!r} counts agents: its kind must be 'integer', not {parameter.kind!r}")
        if not parameter.numeric or parameter.bounds[0] < 0:
            raise ValueError(f"parameter {name!r} must be a number with low at least 0")

    def _check_fixed(self, name: str, value: Setting) -> None:
        number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        if name == TIER and value not in self.tiers:
            raise ValueError(f"fixed setting {name!r}: {value!r} is not one of the tiers {list(self.tiers)}")
        if name == THRESHOLD and not number:
            raise ValueError(f"fixed setting {name!r}: {value!r} is not a number of seconds, 0 or more")
        if name.startswith(AGENTS) and not (number and isinstance(value, int)):
            raise ValueError(f"fixed setting {name!r}: {value!r} is not a count of agents, 0 or more")

    def with_data(self, base: Path) -> "ContactCentre":
        """Return a copy with the CSV's arrivals inline; itself where they are inline already.

        Args:
            base: the folder that a relative `arrivals_file` is resolved against: the request's own.

        Raises:
            InvalidArrivals: the file, a column, a number or the day is missing or wrong.
        """
        if self.arrivals_file is None:
            return self
        from voicehive.optimization.evaluators.arrivals import read_arrivals  # noqa: PLC0415 - it needs this module

        arrivals = read_arrivals(base / self.arrivals_file, self.business_day, self.interval_minutes)
        content = dict(self) | {"arrivals": arrivals, "arrivals_file": None, "business_day": None}
        return ContactCentre.model_validate(content)
