# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""Learns a surrogate from observed history, and predicts outcomes with their uncertainty. The one user of scikit-learn.

Source: Rasmussen & Williams (2006), "Gaussian Processes for Machine Learning": algorithm 2.1 for the prediction,
section 4.2.1 for the Matern kernel with nu = 5/2, section 5.1 for a length scale a coordinate (automatic relevance
determination), section 5.4.1 for hyperparameters by the greatest marginal likelihood.
"""

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from threadpoolctl import ThreadpoolController

from voicehive.optimization.arrays import Floats
from voicehive.optimization.errors import InvalidData
from voicehive.optimization.evaluators.column_arrays import array_of
from voicehive.optimization.evaluators.surrogate import LEAST_ROWS, Surrogate, deviation_of
from voicehive.optimization.evaluators.surrogate_inputs import SurrogateInputs
from voicehive.optimization.front import farthest_first
from voicehive.optimization.parameter import Parameter

if TYPE_CHECKING:
    from voicehive.optimization.evaluators.description import Columns, Outcomes

_ROWS_AT_ONCE = 4096


class SurrogateEvaluator:
    """Predicts outcomes by Gaussian processes that are learnt when first needed.

    Attributes:
        rows_dropped: observations left out because a value is missing.
        rows_used: observations learnt from, after `maximum_rows`.

    Raises:
        InvalidData: the history has not been read, has under 5 complete rows, an outcome that never varies, or a value
            that a parameter has no place for.
    """

    def __init__(self, surrogate: Surrogate, parameters: Sequence[Parameter]) -> None:
        if not surrogate.has_data:
            raise InvalidData(f"file {surrogate.file!r} has not been read; call with_data(folder of the request) first")
        self._surrogate = surrogate
        known = [parameter for parameter in parameters if parameter.name in surrogate.columns]
        history = {name: array_of(surrogate.columns[name]) for name in (*(p.name for p in known), *surrogate.outcomes)}
        complete = np.all([_present(values) for values in history.values()], axis=0)
        history = {name: values[complete] for name, values in history.items()}
        rows = int(complete.sum())
        self.rows_dropped = len(complete) - rows
        if rows < LEAST_ROWS:
            raise InvalidData(
                f"the history has {rows} complete rows and {self.rows_dropped} that lack a parameter or an outcome; "
                f"a surrogate needs at least {LEAST_ROWS} complete ones"
            )
        self._inputs = SurrogateInputs(known, history)
        points = self._inputs.encode(history)
        kept = _kept(surrogate, points)
        self.rows_used = len(kept)
        self._points = points[kept]
        self._targets = {name: history[name][kept] for name in surrogate.outcomes}
        for name, target in self._targets.items():
            _refuse_constant(name, target)

    def evaluate(self, columns: "Columns") -> "Outcomes":
        """Predict N candidates' outcomes and their deviations; see `PopulationEvaluator`."""
        points = self._inputs.encode(columns)
        outcomes = {name: np.empty(len(points)) for name in self._surrogate.outcome_names}
        with self._threads.limit(limits=1):
            for start in range(0, len(points), _ROWS_AT_ONCE):
                rows = slice(start, start + _ROWS_AT_ONCE)
                for name, process in self._processes.items():
                    predicted = process.predict(points[rows], return_std=True)
                    outcomes[name][rows], outcomes[deviation_of(name)][rows] = predicted
        return outcomes

    @cached_property
    def _threads(self) -> ThreadpoolController:
        """One thread for linear algebra: sums come out the same on any number of cores, and sooner at this size."""
        return ThreadpoolController()

    @cached_property
    def _processes(self) -> dict[str, GaussianProcessRegressor]:
        return {name: _learn(self._points, target) for name, target in self._targets.items()}


def _learn(points: Floats, target: Floats) -> GaussianProcessRegressor:
    scales: Any = np.ones(points.shape[1])  # one a coordinate; the hints know only a common one
    kernel = ConstantKernel(1.0, (1e-2, 1e3)) * Matern(scales, (5e-2, 1e2), nu=2.5) + WhiteKernel(1e-2, (1e-6, 2.0))
    process = GaussianProcessRegressor(kernel, normalize_y=True)
    with warnings.catch_warnings():
        # A length scale at its bound says that a coordinate does not matter, which is no fault.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return process.fit(points, target)


def _present(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which cells of a column hold something, as `array_of` marks it."""
    if values.dtype.kind == "f":
        return ~np.isnan(values)
    return np.array([value is not None for value in values.tolist()], dtype=np.bool_)


def _refuse_constant(name: str, target: Floats) -> None:
    if np.ptp(target) == 0.0:
        raise InvalidData(
            f"outcome {name!r} is {target[0]:g} in all {len(target)} rows used, from which nothing can be learnt; "
            "leave it out of evaluator.outcomes"
        )


def _kept(surrogate: Surrogate, points: Floats) -> NDArray[np.intp]:
    """Which rows of `points` (R, D) to learn from, in their order: the latest, or the last and those far from it."""
    if len(points) <= surrogate.maximum_rows or surrogate.keep == "latest":
        return np.arange(len(points))[-surrogate.maximum_rows :]
    return np.sort(farthest_first(points, surrogate.maximum_rows, [len(points) - 1]))
