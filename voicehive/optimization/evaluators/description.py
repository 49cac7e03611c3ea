"""What every evaluator's description offers; the arithmetic of each stands in a module of its own."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

from pydantic import JsonValue

from voicehive.model import Model
from voicehive.optimization.parameter import Parameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Columns: TypeAlias = Mapping[str, NDArray[Any]]
    """One array (N,) for each setting's name: whole numbers, floats, booleans or text."""

    Outcomes: TypeAlias = dict[str, NDArray[np.float64]]
    """One array (N,) for each outcome's name; NaN where a candidate could not be evaluated."""


class EvaluatorDescription(Model):
    """Says how outcomes are computed, without computing any: it imports no numerical library."""

    @property
    def has_data(self) -> bool:
        """Whether every file it names has been read; until then its outcomes and columns may be unknown."""
        return True

    @property
    @abstractmethod
    def outcome_names(self) -> tuple[str, ...]:
        """The outcomes it computes, in their order."""

    def check_parameters(self, parameters: Sequence[Parameter]) -> None:
        """Check that the parameters are those it needs.

        Raises:
            ValueError: an unknown, missing or ill-typed parameter.
        """
        if not parameters:
            raise ValueError("parameters is empty; name at least one thing that may change")

    def with_data(self, base: Path) -> Self:
        """Return a copy with every file it names read and inlined; itself where it names none.

        Args:
            base: the folder that relative paths are resolved against: the request's own.

        Raises:
            OptimizationError: a file cannot be used.
        """
        return self

    @abstractmethod
    def structure(self) -> JsonValue:
        """What stays the same while the data moves: problems of one structure can start from each other's fronts."""


class PopulationEvaluator(Protocol):
    """Computes outcomes for whole populations at a time."""

    def evaluate(self, columns: "Columns") -> "Outcomes":
        """Compute every outcome for N candidates.

        Args:
            columns: an array (N,) for each parameter of the problem.

        Returns:
            An array (N,) for each of the description's `outcome_names`. NaN marks a candidate that could not be
            evaluated; it is quarantined.

        Raises:
            EvaluatorFailed: nothing could be evaluated.
        """
        ...
