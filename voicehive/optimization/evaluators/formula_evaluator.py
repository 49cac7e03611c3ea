"""Computes outcomes given as formulas for whole populations at a time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from voicehive.optimization.evaluators.formula import Formula
from voicehive.optimization.parameter import Parameter

if TYPE_CHECKING:
    from voicehive.optimization.evaluators.description import Columns, Outcomes


class FormulaEvaluator:
    """Evaluates a description's formulas.

    Raises:
        ValueError: a formula cannot be computed from the parameters.
    """

    def __init__(self, description: Formula, parameters: Sequence[Parameter]) -> None:
        self._outcome_names = description.outcome_names
        self._expressions = description.expressions(parameters)

    def evaluate(self, columns: "Columns") -> "Outcomes":
        """Compute every outcome for N candidates; NaN where it is undefined or too large.

        Args:
            columns: an array (N,) for each parameter's name.
        """
        known = dict(columns)
        for name, expression in self._expressions.items():
            known[name] = expression.evaluate(known)
        return {name: np.where(np.isfinite(known[name]), known[name], np.nan) for name in self._outcome_names}
