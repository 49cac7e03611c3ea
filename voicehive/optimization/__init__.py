"""Multi-objective optimisation of operational settings: searched, ranked, explained.

`MultiObjectiveOptimizer(problem).optimize()` searches; `.evaluate(candidates)` only ranks what it is given. The models
import without numerical libraries; the optimiser loads them when it is first named.
"""

from typing import TYPE_CHECKING

from voicehive.optimization.errors import (
    EvaluatorFailed,
    EvaluatorRefused,
    InvalidArrivals,
    InvalidCandidate,
    InvalidCheckpoint,
    InvalidData,
    InvalidFormula,
    InvalidOutcome,
    OptimizationError,
)
from voicehive.optimization.evaluators.contact_centre import ContactCentre
from voicehive.optimization.evaluators.formula import Formula
from voicehive.optimization.evaluators.http_simulator import HttpSimulator
from voicehive.optimization.evaluators.python_function import PythonFunction
from voicehive.optimization.evaluators.surrogate import Surrogate
from voicehive.optimization.evaluators.table import Table
from voicehive.optimization.models import Budget, Constraint, Objective, Progress, Solution
from voicehive.optimization.parameter import Parameter, Setting, Settings
from voicehive.optimization.problem import Problem
from voicehive.optimization.result import OptimizationResult

if TYPE_CHECKING:
    from voicehive.optimization.optimizer import MultiObjectiveOptimizer
    from voicehive.optimization.search import Search

__all__ = [
    "Budget",
    "Constraint",
    "ContactCentre",
    "EvaluatorFailed",
    "EvaluatorRefused",
    "Formula",
    "HttpSimulator",
    "InvalidArrivals",
    "InvalidCandidate",
    "InvalidCheckpoint",
    "InvalidData",
    "InvalidFormula",
    "InvalidOutcome",
    "MultiObjectiveOptimizer",
    "Objective",
    "OptimizationError",
    "OptimizationResult",
    "Parameter",
    "Problem",
    "Progress",
    "PythonFunction",
    "Search",
    "Setting",
    "Settings",
    "Solution",
    "Surrogate",
    "Table",
]


def __getattr__(name: str) -> object:
    """Load the optimiser, and with it NumPy and SciPy, only where it is used."""
    if name == "MultiObjectiveOptimizer":
        from voicehive.optimization.optimizer import MultiObjectiveOptimizer  # noqa: PLC0415

        return MultiObjectiveOptimizer
    if name == "Search":
        from voicehive.optimization.search import Search  # noqa: PLC0415

        return Search
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
