"""Finds an installed evaluator and calls it with whole populations.

Source: the Python Packaging User Guide's entry points specification.
"""

from collections.abc import Callable
from copy import deepcopy
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from voicehive.optimization.errors import EvaluatorFailed, EvaluatorRefused, OptimizationError
from voicehive.optimization.evaluators.checked_outcomes import checked
from voicehive.optimization.evaluators.python_function import PythonFunction

if TYPE_CHECKING:
    from voicehive.optimization.evaluators.description import Columns, Outcomes

ENTRY_POINT_GROUP = "voicehive.evaluators"

_Evaluate: TypeAlias = Callable[[dict[str, NDArray[Any]]], dict[str, ArrayLike]]


class PythonEvaluator:
    """Evaluates by an installed function.

    Raises:
        EvaluatorRefused: nothing, or more than one thing, is installed under that name; it cannot be imported; or it
            does not accept the options.
    """

    def __init__(self, function: PythonFunction) -> None:
        self._function = function
        self._evaluate = _load(function)

    def evaluate(self, columns: "Columns") -> "Outcomes":
        """Call the function with N candidates; see `PopulationEvaluator`. The arrays it is given are read-only.

        Raises:
            EvaluatorRefused: the outcomes, their shapes or their types are not as described.
            EvaluatorFailed: the function raised an error.
        """
        size = len(next(iter(columns.values())))
        try:
            outcomes = self._evaluate({name: _read_only(column) for name, column in columns.items()})
        except OptimizationError:
            raise
        except Exception as error:
            raise EvaluatorFailed(f"{_named(self._function)} failed: {type(error).__name__}: {error}") from error
        try:
            return checked(outcomes, self._function.outcomes, size)
        except EvaluatorRefused as error:
            raise EvaluatorRefused(f"{_named(self._function)}: {error}") from None


def _read_only(column: NDArray[Any]) -> NDArray[Any]:
    view = np.asarray(column).view()
    view.flags.writeable = False
    return view


def _load(function: PythonFunction) -> _Evaluate:
    entry = _find(function.entry_point)
    try:
        factory = entry.load()
    except Exception as error:
        raise EvaluatorRefused(
            f"{_named(function)} cannot be imported from {entry.value!r}: {type(error).__name__}: {error}; "
            "reinstall or uninstall the package that declares it"
        ) from error
    try:
        made = factory(deepcopy(function.options))
    except Exception as error:
        raise EvaluatorRefused(
            f"{_named(function)} does not accept evaluator.options: {type(error).__name__}: {error}"
        ) from error
    evaluate = getattr(made, "evaluate", made)
    if not callable(evaluate):
        raise EvaluatorRefused(
            f"{_named(function)} made {type(made).__name__}; {entry.value!r} must return a function of the columns, "
            "or an object with evaluate(columns)"
        )
    return cast(_Evaluate, evaluate)


def _find(name: str) -> EntryPoint:
    installed = {(entry.name, entry.value): entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    found = [entry for entry in installed.values() if entry.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        values = " and ".join(sorted(entry.value for entry in found))
        raise EvaluatorRefused(f"the evaluator {name!r} is declared twice, by {values}; uninstall one of the packages")
    names = sorted({entry.name for entry in installed.values()})
    nearest = get_close_matches(name, names, n=1)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    raise EvaluatorRefused(
        f"the evaluator {name!r} is not installed; {hint}installed are {', '.join(names) or 'none'}; "
        f"install the package that declares it in the entry-point group {ENTRY_POINT_GROUP!r}"
    )


def _named(function: PythonFunction) -> str:
    return f"the evaluator {function.entry_point!r}"
