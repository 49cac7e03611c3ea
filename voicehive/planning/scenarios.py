"""What may happen, how likely, and what it does to metrics over time: scenarios with their drivers and impacts."""

from collections import Counter
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, FiniteFloat, model_validator

from voicehive.model import Identifier, Model
from voicehive.planning.copula import Dependence
from voicehive.planning.distributions import Distribution
from voicehive.planning.errors import DuplicateName, UnknownName
from voicehive.planning.metric_name import MetricName
from voicehive.planning.pooling import ProbabilityInvalid

Period: TypeAlias = Annotated[int, Field(ge=0, le=10_000)]
"""Whole periods from the plan's start."""

_ROUNDING = 1e-9


class Driver(Model):
    """A number that nobody knows yet, such as the growth of calls in percent."""

    name: MetricName
    distribution: Distribution
    unit: str = ""


class Step(Model):
    """The whole effect at once, for good."""

    kind: Literal["step"] = "step"

    def share(self, elapsed: int) -> float:
        """The share of the effect that is felt `elapsed` periods after its first."""
        return 1.0 if elapsed >= 0 else 0.0


class Ramp(Model):
    """An effect that grows evenly and is whole in the last of `periods`."""

    kind: Literal["ramp"] = "ramp"
    periods: Annotated[int, Field(ge=1)]

    def share(self, elapsed: int) -> float:
        """The share of the effect that is felt `elapsed` periods after its first."""
        return min(1.0, (elapsed + 1) / self.periods) if elapsed >= 0 else 0.0


class Decay(Model):
    """The whole effect at once, of which half is left after each `half_life`, in periods."""

    kind: Literal["decay"] = "decay"
    half_life: Annotated[FiniteFloat, Field(gt=0)]

    def share(self, elapsed: int) -> float:
        """The share of the effect that is felt `elapsed` periods after its first."""
        return 0.5 ** (elapsed / self.half_life) if elapsed >= 0 else 0.0


Profile: TypeAlias = Annotated[Step | Ramp | Decay, Field(discriminator="kind")]
"""How an effect goes over the periods."""


class Impact(Model):
    """What a scenario does to a metric: `size` for each unit of `driver`, or `size` as it is where there is none.

    An additive impact adds size x driver x share to the metric, in the metric's unit. A multiplicative one multiplies
    it by 1 + size x driver x share, at least 0: size -0.1 takes a tenth away. `share` is that of the profile, from
    `delay` periods after the scenario's start.
    """

    metric: MetricName
    size: FiniteFloat
    driver: MetricName | None = None
    effect: Literal["additive", "multiplicative"] = "additive"
    profile: Profile = Step()
    delay: Period = 0

    def coefficient(self, period: int, start: int) -> float:
        """The size times the share felt in `period`, where the scenario starts in `start`."""
        return self.size * self.profile.share(period - start - self.delay)


class Scenario(Model):
    """Something that happens with `probability`, in or from period `start`, and then has its impacts.

    With probability 1 it holds what is uncertain in any case. Of the scenarios of one `group` at most one happens. What
    an AI proposed (`origin`) does not count until a person has `accepted` it. An initiative is a scenario too: its
    probability is that of its success. Scenarios may share a driver, defined alike.
    """

    id: Identifier
    name: Annotated[str, Field(min_length=1, max_length=200)]
    probability: Annotated[FiniteFloat, Field(ge=0, le=1)]
    group: Identifier | None = None
    start: Period = 0
    drivers: tuple[Driver, ...] = ()
    impacts: tuple[Impact, ...] = ()
    origin: Literal["person", "ai"] = "person"
    accepted: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "Scenario":
        names = Counter(driver.name for driver in self.drivers)
        for name, count in names.items():
            if count > 1:
                raise DuplicateName(f"scenario {self.id}: drivers", f"{name} is given {count} times", "keep one")
        for place, impact in enumerate(self.impacts):
            if impact.driver is not None and impact.driver not in names:
                known = ", ".join(names) or "none"
                raise UnknownName(
                    f"scenario {self.id}: impacts[{place}].driver",
                    f"{impact.driver} is no driver of this scenario (it has {known})",
                    "add it to drivers, or name one of them",
                )
        return self

    @property
    def counts(self) -> bool:
        """Whether it enters the simulation: stated by a person, or accepted by one."""
        return self.origin == "person" or self.accepted


class ScenarioSet(Model):
    """All scenarios of a plan, and how their drivers depend on each other. Checked as a whole.

    Which scenarios happen is independent of all drivers and, but within a group, of each other.
    """

    scenarios: tuple[Scenario, ...] = ()
    dependence: Dependence = Dependence()

    @model_validator(mode="after")
    def _consistent(self) -> "ScenarioSet":
        for identifier, count in Counter(scenario.id for scenario in self.scenarios).items():
            if count > 1:
                raise DuplicateName(f"scenario {identifier}", f"its id is used {count} times", "make each id unique")
        self._check_drivers()
        self._check_groups()
        return self

    @property
    def counting(self) -> tuple[Scenario, ...]:
        """Those that enter the simulation."""
        return tuple(scenario for scenario in self.scenarios if scenario.counts)

    @property
    def drivers(self) -> tuple[Driver, ...]:
        """The drivers of the scenarios that count, each once."""
        return tuple({driver.name: driver for scenario in self.counting for driver in scenario.drivers}.values())

    def _check_drivers(self) -> None:
        known: dict[str, tuple[Driver, str]] = {}
        for scenario in self.scenarios:
            for driver in scenario.drivers:
                first, where = known.setdefault(driver.name, (driver, scenario.id))
                if first != driver:
                    raise DuplicateName(
                        f"scenario {scenario.id}: driver {driver.name}",
                        f"differs from that of scenario {where}",
                        "define both alike to share it, or rename one",
                    )
        for place, correlation in enumerate(self.dependence.correlations):
            for name in correlation.drivers:
                if name not in known:
                    raise UnknownName(
                        f"dependence.correlations[{place}]",
                        f"no scenario has a driver {name}",
                        f"name two of {', '.join(known) or 'none'}",
                    )

    def _check_groups(self) -> None:
        groups: dict[str, list[Scenario]] = {}
        for scenario in self.counting:
            if scenario.group is not None:
                groups.setdefault(scenario.group, []).append(scenario)
        for group, members in groups.items():
            total = sum(scenario.probability for scenario in members)
            if total > 1.0 + _ROUNDING:
                listed = " + ".join(f"{scenario.id} {scenario.probability:g}" for scenario in members)
                raise ProbabilityInvalid(
                    f"group {group}",
                    f"the probabilities of what excludes each other sum to {total:g} ({listed})",
                    "lower them to at most 1: the rest is that none of them happens",
                )
