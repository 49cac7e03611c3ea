"""Milestones: what must be true by when on the way to a goal."""

from collections.abc import Iterable, Mapping
from datetime import date
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from voicehive.model import Identifier, Model
from voicehive.planning.criteria import Criterion, Judgement
from voicehive.planning.errors import CycleFound, DuplicateName, GoalInvalid, UnknownName

MilestoneStanding: TypeAlias = Literal["reached", "reached_late", "pending", "waiting", "overdue"]
"""`waiting` for what it depends on; `overdue` once its due date is past and it was not reached."""


class Milestone(Model):
    """A step on the way: `criterion` must be true by the end of `due`, once those in `after` were reached.

    `weight` is its share of the goal's planned value.
    """

    id: Identifier
    name: Annotated[str, Field(max_length=200)] = ""
    due: date
    criterion: Annotated[str, Field(min_length=1, max_length=2_000)]
    after: Annotated[tuple[Identifier, ...], Field(max_length=50)] = ()
    weight: Annotated[float, Field(gt=0, le=1e6)] = 1.0


def check_order(item: str, waits_for: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The names in an order in which each comes after what it waits for.

    Raises:
        UnknownName: one waits for a name that there is not.
        CycleFound: they wait for one another in a circle.
    """
    for name, others in waits_for.items():
        if unknown := sorted(set(others) - waits_for.keys()):
            there = ", ".join(sorted(waits_for))
            raise UnknownName(f"{item} ({name})", f"names the unknown {', '.join(unknown)}", f"there are: {there}")
    try:
        return tuple(TopologicalSorter(waits_for).static_order())
    except CycleError as error:
        # graphlib names them from what is waited for to what waits.
        circle = list(reversed(error.args[1]))
        way = " -> ".join(circle)
        raise CycleFound(f"{item} ({circle[0]})", f"cycle {way}", "take one of these links out") from None


def check_milestones(item: str, milestones: Iterable[Milestone]) -> tuple[Milestone, ...]:
    """Milestones in an order in which each comes after those it waits for.

    Raises:
        DuplicateName, UnknownName, CycleFound: as they say.
        GoalInvalid: one is due before another that it waits for.
    """
    by_id: dict[str, Milestone] = {}
    for milestone in milestones:
        if milestone.id in by_id:
            raise DuplicateName(f"{item} ({milestone.id})", "is there twice", "give each milestone its own id")
        by_id[milestone.id] = milestone
    order = check_order(item, {milestone.id: milestone.after for milestone in by_id.values()})
    for milestone in by_id.values():
        for earlier in milestone.after:
            if milestone.due < by_id[earlier].due:
                problem = f"is due {milestone.due}, before {earlier} ({by_id[earlier].due}), for which it waits"
                raise GoalInvalid(f"{item} ({milestone.id})", problem, "move one of the two")
    return tuple(by_id[name] for name in order)


def judge_milestone(
    milestone: Milestone,
    criterion: Criterion,
    values: Mapping[str, float | None],
    reached: Mapping[str, date],
    today: date,
) -> tuple[MilestoneStanding, Judgement | None]:
    """How a milestone stands today, and how its criterion was judged (None where that was not asked).

    `reached` gives the dates of milestones reached before: once reached, a milestone stays so.
    """
    if (on := reached.get(milestone.id)) is not None:
        return ("reached" if on <= milestone.due else "reached_late"), None
    late = today > milestone.due
    if any(earlier not in reached for earlier in milestone.after):
        return ("overdue" if late else "waiting"), None
    judgement = criterion.judge(values)
    if judgement.is_met:
        return ("reached_late" if late else "reached"), judgement
    return ("overdue" if late else "pending"), judgement
