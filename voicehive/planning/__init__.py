"""Goals, scenarios, roadmaps and their tracking: what is wanted by when, how likely it is, and how it stands.

`StrategicPlanner(plan).simulate()` tells what becomes of a plan's goals, `.roadmap()` what to do about it and when. All
names are loaded where they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voicehive.planning.documents import read_plan
    from voicehive.planning.errors import PlanningError
    from voicehive.planning.goals import StrategicGoal
    from voicehive.planning.horizon import Horizon
    from voicehive.planning.initiatives import Initiative
    from voicehive.planning.plan import MetricWorth, StrategicPlan
    from voicehive.planning.planner import PlanForecast, PlannedRoadmap, StrategicPlanner
    from voicehive.planning.roadmap.planner import SearchTime
    from voicehive.planning.roadmap.result import StrategicRoadmap
    from voicehive.planning.scenarios import Driver, Impact, Scenario, ScenarioSet

__all__ = [
    "Driver",
    "Horizon",
    "Impact",
    "Initiative",
    "MetricWorth",
    "PlanForecast",
    "PlannedRoadmap",
    "PlanningError",
    "Scenario",
    "ScenarioSet",
    "SearchTime",
    "StrategicGoal",
    "StrategicPlan",
    "StrategicPlanner",
    "StrategicRoadmap",
    "read_plan",
]

_MODULES = {
    "documents": ("read_plan",),
    "errors": ("PlanningError",),
    "goals": ("StrategicGoal",),
    "horizon": ("Horizon",),
    "initiatives": ("Initiative",),
    "plan": ("MetricWorth", "StrategicPlan"),
    "planner": ("PlanForecast", "PlannedRoadmap", "StrategicPlanner"),
    "roadmap.planner": ("SearchTime",),
    "roadmap.result": ("StrategicRoadmap",),
    "scenarios": ("Driver", "Impact", "Scenario", "ScenarioSet"),
}


def __getattr__(name: str) -> object:
    """Load a public name where it is first used."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
