"""Goals as a tree of objectives and key results, and their progress rolled up to the top."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from voicehive.model import Model
from voicehive.planning.errors import DuplicateName
from voicehive.planning.goals import StrategicGoal
from voicehive.planning.milestones import check_order


class RolledUp(Model):
    """A goal's progress with what lies below it: a share of the way, None where nothing below is known.

    `known` is the share of the weight below that the figure rests on, from 0 to 1.
    """

    progress: float | None
    known: float


class GoalTree:
    """Goals by id, checked to be a forest.

    Raises:
        DuplicateName: two goals share an id.
        UnknownName: a parent is not there.
        CycleFound: goals are each other's ancestors.
    """

    def __init__(self, goals: Iterable[StrategicGoal]) -> None:
        self.goals: dict[str, StrategicGoal] = {}
        for index, goal in enumerate(goals):
            if goal.id in self.goals:
                raise DuplicateName(f"goals[{index}] ({goal.id})", "has the id of another", "give each its own id")
            self.goals[goal.id] = goal
        self._from_the_top = check_order(
            "goals: parent", {g.id: [g.parent] if g.parent else [] for g in self.goals.values()}
        )
        self._children: dict[str, list[StrategicGoal]] = defaultdict(list)
        for goal in self.goals.values():
            if goal.parent is not None:
                self._children[goal.parent].append(goal)

    def children(self, goal: str) -> tuple[StrategicGoal, ...]:
        """The goals directly below one."""
        return tuple(self._children.get(goal, ()))

    def roll_up(self, own: Mapping[str, float | None], left_out: frozenset[str] = frozenset()) -> dict[str, RolledUp]:
        """Every goal's progress by id: a leaf's is its own, another's the mean of its children's by weight.

        Progress is held to 0 to 1 on the way up, so that a child beyond its target does not hide one that is behind.
        Children in `left_out` (abandoned, for instance) do not count at all.
        """
        rolled: dict[str, RolledUp] = {}
        for name in reversed(self._from_the_top):
            below = [child for child in self._children.get(name, ()) if child.id not in left_out]
            rolled[name] = _mean(below, rolled) if below else _leaf(own.get(name))
        return rolled


def _leaf(progress: float | None) -> RolledUp:
    return RolledUp(progress=progress, known=0.0 if progress is None else 1.0)


def _mean(below: list[StrategicGoal], rolled: Mapping[str, RolledUp]) -> RolledUp:
    total = sum(child.weight for child in below)
    parts = [(child.weight * rolled[child.id].known, rolled[child.id].progress) for child in below]
    known = [(weight, min(max(progress, 0.0), 1.0)) for weight, progress in parts if progress is not None]
    weight = sum(weight for weight, _ in known)
    if weight == 0.0:
        return RolledUp(progress=None, known=0.0)
    return RolledUp(progress=sum(weight * progress for weight, progress in known) / weight, known=weight / total)
