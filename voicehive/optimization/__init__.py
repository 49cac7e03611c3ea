"""Multi-objective optimisation of operational settings: searched, ranked, explained.

`MultiObjectiveOptimizer(problem).optimize()` searches; `.evaluate(candidates)` only ranks what it is given. The models
import without numerical libraries; the optimiser loads them when it is first named.
"""

from typing import TYPE_CHECKING

from voicehive.optimization.contact_centre import ContactCentre
from voicehive.optimization.errors import InvalidArrivals, InvalidCandidate, InvalidOutcome, OptimizationError
from voicehive.optimization.models import (
    Budget,
    Constraint,
    Objective,
    OptimizationResult,
    Parameter,
    Progress,
    Setting,
    Settings,
    Solution,
)
from voicehive.optimization.problem import Problem

if TYPE_CHECKING:
    from voicehive.optimization.search import MultiObjectiveOptimizer

__all__ = [
    "Budget",
    "Constraint",
    "ContactCentre",
    "InvalidArrivals",
    "InvalidCandidate",
    "InvalidOutcome",
    "MultiObjectiveOptimizer",
    "Objective",
    "OptimizationError",
    "OptimizationResult",
    "Parameter",
    "Problem",
    "Progress",
    "Setting",
    "Settings",
    "Solution",
]


def __getattr__(name: str) -> object:
    """Load the optimiser, and with it NumPy and SciPy, only where it is used."""
    if name == "MultiObjectiveOptimizer":
        from voicehive.optimization.search import MultiObjectiveOptimizer  # noqa: PLC0415

        return MultiObjectiveOptimizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
