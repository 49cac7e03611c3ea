"""Green, amber or red, with reasons, and without flapping."""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from pydantic import Field

from voicehive.model import Model
from voicehive.planning.tracking.state import Colour, Standing

SEVERITY: dict[Colour, int] = {"green": 0, "amber": 1, "red": 2}


class StatusRules(Model):
    """Where a status turns.

    The probability of success is amber under `amber_below` and red under the goal's floor; the schedule is amber where
    SPI(t) is under `index_below`. What has turned worse turns better again only `band` beyond where it turned
    (`band` / 2 for the index), and the status as a whole only after `steady_reviews` such reviews in a row; it turns
    worse at once. A value is stale after `stale_after` intervals without a point.
    """

    amber_below: Annotated[float, Field(gt=0, lt=1)] = 0.8
    index_below: Annotated[float, Field(gt=0, lt=1)] = 0.9
    band: Annotated[float, Field(ge=0, le=0.3)] = 0.1
    steady_reviews: Annotated[int, Field(ge=1, le=100)] = 2
    stale_after: Annotated[int, Field(ge=1, le=1_000)] = 3


class Part(NamedTuple):
    """One part of a status: how it is, and the reason in words where it is not green."""

    colour: Colour
    reason: str


class Figures(NamedTuple):
    """What a status is made of; None: not known. `overdue` names milestones."""

    probability: float | None
    floor: float
    schedule_index: float | None
    overdue: tuple[str, ...]
    missing_intervals: int
    past_due: bool


def judge_parts(figures: Figures, before: Mapping[str, Colour], rules: StatusRules) -> dict[str, Part]:
    """The parts of a status, given their colours before."""
    return {
        "probability": _probability(figures, before.get("probability", "green"), rules),
        "schedule": _schedule(figures, before.get("schedule", "green"), rules),
        "milestones": _milestones(figures.overdue),
        "data": _data(figures.missing_intervals, rules),
        "due": Part("red", "the due date is past and success is not shown") if figures.past_due else Part("green", ""),
    }


def next_standing(
    before: Standing, parts: Mapping[str, Part], probability: float | None, floor: float, rules: StatusRules
) -> Standing:
    """The standing after a review: worse at once, better only after `steady_reviews` reviews in a row that say so."""
    wanted = max(parts.values(), key=lambda part: SEVERITY[part.colour]).colour
    improves = SEVERITY[wanted] < SEVERITY[before.colour]
    better_reviews = before.better_reviews + 1 if improves else 0
    settled = not improves or better_reviews >= rules.steady_reviews
    return Standing(
        colour=wanted if settled else before.colour,
        parts={name: part.colour for name, part in parts.items()},
        better_reviews=0 if settled else better_reviews,
        below_floor=_below_floor(before.below_floor, probability, floor, rules.band),
    )


def _below_floor(before: bool, probability: float | None, floor: float, band: float) -> bool:
    if probability is None:
        return before
    return probability < (_clear_of(floor, band) if before else floor)


def _clear_of(threshold: float, band: float) -> float:
    """Where what fell under a threshold is clear of it again: at most half-way to certainty."""
    return min(threshold + band, (1 + threshold) / 2)


def _worse_than(value: float, threshold: float, band: float, *, was_worse: bool) -> bool:
    """A Schmitt trigger: two thresholds, of which the one to cross depends on the side it was on."""
    return value < (threshold + band if was_worse else threshold)


def _probability(figures: Figures, before: Colour, rules: StatusRules) -> Part:
    probability, floor = figures.probability, figures.floor
    if probability is None:
        return Part("green", "")
    said = f"the probability of success is {probability:.0%}"
    if _below_floor(before == "red", probability, floor, rules.band):
        return Part("red", f"{said}, and not clear of the floor {floor:.0%}")
    amber_below = max(rules.amber_below, _clear_of(floor, rules.band))
    if probability < (_clear_of(amber_below, rules.band) if before != "green" else amber_below):
        return Part("amber", f"{said}, and not clear of {amber_below:.0%}")
    return Part("green", "")


def _schedule(figures: Figures, before: Colour, rules: StatusRules) -> Part:
    index = figures.schedule_index
    if index is None or not _worse_than(index, rules.index_below, rules.band / 2, was_worse=before != "green"):
        return Part("green", "")
    return Part("amber", f"SPI(t) is {index:.2f}: the work goes slower than planned (1.00)")


def _milestones(overdue: tuple[str, ...]) -> Part:
    if not overdue:
        return Part("green", "")
    verb = "is" if len(overdue) == 1 else "are"
    return Part("amber" if len(overdue) == 1 else "red", f"{', '.join(overdue)} {verb} overdue")


def _data(missing: int, rules: StatusRules) -> Part:
    if missing < rules.stale_after:
        return Part("green", "")
    return Part("amber", f"no usable point for {missing} intervals")
