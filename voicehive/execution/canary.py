"""A canary: a step that is applied to a growing share of the traffic, and watched at each.

Sato, "CanaryRelease", martinfowler.com, 2014; stages with an analysis after each are what Argo Rollouts' canary
strategy and Flagger declare too.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias, cast

from pydantic import Field, JsonValue, model_validator

from voicehive.autonomy.outcomes.progress import RunWatch
from voicehive.model import Model

Arguments: TypeAlias = dict[str, JsonValue]

SHARE, PERCENT = "{share}", "{percent}"
"""In a canary's arguments these stand for the share: 0.05, and 5."""


class CanaryStage(Model):
    """A share of the traffic, from 0.0001 to 1, and what is watched once the step applies to it."""

    share: Annotated[float, Field(ge=0.0001, le=1)]
    watch: RunWatch

    @model_validator(mode="after")
    def _can_be_compared(self) -> "CanaryStage":
        controlled = [metric.name for metric in self.watch.metrics if metric.control is not None]
        if self.share == 1 and controlled:
            raise ValueError(
                f"metric {controlled[0]!r} has a control, but at a share of 1 no traffic is left for it; "
                "compare with a baseline there"
            )
        return self


class Canary(Model):
    """Stages, one after another; a bad outcome of any undoes the plan, a good one lets the next begin.

    `on_unclear` says what an outcome that is neither means: `ask` whoever the step's gate names, or else the policy's
    ladder, and undo where they refuse or do not answer; `go_on`; or `roll_back`.
    """

    stages: Annotated[tuple[CanaryStage, ...], Field(max_length=20)]
    on_unclear: Literal["ask", "go_on", "roll_back"] = "ask"

    @model_validator(mode="after")
    def _grows_to_all(self) -> "Canary":
        shares = [stage.share for stage in self.stages]
        if len(shares) < 2:
            raise ValueError(f"stages: there is {len(shares)}; give at least 2, or leave the canary out")
        if any(after <= before for before, after in pairwise(shares)):
            raise ValueError(f"stages: the shares are {_listed(shares)}; let each be larger than the one before")
        if shares[-1] != 1:
            raise ValueError(f"stages: the shares are {_listed(shares)}; end with 1, which is all traffic")
        return self

    @property
    def shares(self) -> Iterator[tuple[float, float]]:
        """Each stage's share, after the share before it, which is 0 for the first."""
        return pairwise((0.0, *(stage.share for stage in self.stages)))


def percent(share: float) -> int | float:
    """A share in percent, as an integer where it is one, which is what most traffic routers take."""
    amount = round(share * 100.0, 6)
    return int(amount) if amount.is_integer() else amount


def with_share(arguments: Arguments, share: float) -> Arguments:
    """The arguments at a share: what is `{share}` or `{percent}` as a whole becomes a number, within a text its digits.

    Names of fields stay as they are.
    """
    return cast("Arguments", _filled(arguments, share))


def _filled(value: JsonValue, share: float) -> JsonValue:
    match value:
        case dict():
            return {name: _filled(inner, share) for name, inner in value.items()}
        case list():
            return [_filled(inner, share) for inner in value]
        case "{share}":
            return share
        case "{percent}":
            return percent(share)
        case str():
            return value.replace(SHARE, str(share)).replace(PERCENT, str(percent(share)))
        case _:
            return value


def _listed(shares: list[float]) -> str:
    return ", ".join(f"{share:g}" for share in shares)
