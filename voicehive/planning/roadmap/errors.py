"""What can go wrong with a roadmap, by name, besides what `voicehive.planning.errors` names."""

from voicehive.optimization.result import Relaxation
from voicehive.planning.errors import PlanningError


class RoadmapInvalid(PlanningError):
    """What a roadmap is asked from contradicts itself, or holds an impossible number."""


class InfeasibleRoadmap(PlanningError):
    """No roadmap meets every demand; `relaxations` are the smallest changes that make one possible, where known."""

    def __init__(self, item: str, problem: str, remedy: str, relaxations: tuple[Relaxation, ...] = ()) -> None:
        super().__init__(item, problem, remedy)
        self.relaxations = relaxations


class NoRoadmapInTime(PlanningError):
    """The time ended before a first roadmap was found, or before it was proven that there is none."""


class InitiativesUnreadable(PlanningError):
    """A file of initiatives cannot be read; the message names row and column."""
