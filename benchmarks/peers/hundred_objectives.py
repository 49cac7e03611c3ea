"""Three problems with 100 objectives, vectorised, alike for every method, and what trivial methods make of them."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pymoo.core.problem import Problem
from pymoo.problems import get_problem
from scipy.optimize import minimize

from benchmarks.peers.run import Floats, Run, answer, timed

Marks: TypeAlias = NDArray[np.bool_]

OBJECTIVES = 100
_DISTANCE_VARIABLES = 10
_VARIABLES = OBJECTIVES - 1 + _DISTANCE_VARIABLES


class Sphere(Problem):
    """DTLZ2 (Deb, Thiele, Laumanns & Zitzler 2005): the front is the unit sphere. Like pymoo's, only faster."""

    name = "DTLZ2"

    def __init__(self) -> None:
        super().__init__(n_var=_VARIABLES, n_obj=OBJECTIVES, n_ieq_constr=0, xl=0.0, xu=1.0)

    def _evaluate(self, x: Floats, out: dict[str, Any], *_: Any, **__: Any) -> None:
        angles = x[:, : OBJECTIVES - 1] * (np.pi / 2.0)
        radius = 1.0 + np.square(x[:, OBJECTIVES - 1 :] - 0.5).sum(axis=1, keepdims=True)
        products = np.cumprod(np.concatenate([radius, np.cos(angles)], axis=1), axis=1)
        objectives = products[:, ::-1].copy()
        objectives[:, 1:] *= np.sin(angles)[:, ::-1]
        out["F"] = objectives

    def centre(self) -> Floats:
        """The point of the front (1, P) where all objectives are equal."""
        return _on_sphere(np.full(OBJECTIVES, 1.0 / OBJECTIVES))

    def least_sums(self, slopes: Floats) -> Floats | None:
        """The least sum of slope times objective on the front, for each row of `slopes` (W, M); None if unknown."""
        return slopes.min(axis=1)

    def reached(self, objectives: Floats) -> Marks:
        """Whether each row (N, M) lies on the front or beyond it."""
        return np.square(np.maximum(objectives, 0.0)).sum(axis=1) >= 1.0


class ConvexSphere(Sphere):
    """Convex DTLZ2 (Deb & Jain 2014, NSGA-III part I): each objective to the fourth power, the last squared."""

    name = "convex DTLZ2"

    def _evaluate(self, x: Floats, out: dict[str, Any], *_: Any, **__: Any) -> None:
        super()._evaluate(x, out)
        squared = np.square(out["F"])
        squared[:, :-1] *= squared[:, :-1]
        out["F"] = squared

    def centre(self) -> Floats:
        """The point of the front (1, P) where all objectives are equal."""
        root = np.sqrt(0.25 * (OBJECTIVES - 1) ** 2 + 1.0) - 0.5 * (OBJECTIVES - 1)
        return _on_sphere(np.append(np.full(OBJECTIVES - 1, root), np.square(root)))

    def least_sums(self, slopes: Floats) -> Floats:
        """As `Sphere.least_sums`; on the front the roots of all objectives but the last, and the last, sum to 1."""
        last = slopes[:, -1]
        curvature = 1.0 / (1.0 / slopes[:, :-1]).sum(axis=1)
        part = np.minimum(last / (2.0 * curvature), 1.0)
        return curvature * np.square(part) + last * (1.0 - part)

    def reached(self, objectives: Floats) -> Marks:
        """As `Sphere.reached`."""
        inside = np.maximum(objectives, 0.0)
        return np.sqrt(inside[:, :-1]).sum(axis=1) + inside[:, -1] >= 1.0


class MixedFactors(Problem):
    """What a table of measured candidates looks like: 100 correlated objectives of 30 parameters, two budgets.

    Every objective mixes 8 conflicting factors, and has a small part and a unit of its own. A factor is the weighted
    squared distance of the parameters from its own target. About a fifth of the cube is feasible.
    """

    name = "table-like"

    def __init__(self) -> None:
        super().__init__(n_var=30, n_obj=OBJECTIVES, n_ieq_constr=2, xl=0.0, xu=1.0)
        rng, factors = np.random.default_rng(20261124), 8
        self._targets, self._relevance = rng.random((factors, 30)), rng.dirichlet(np.full(30, 0.5), factors)
        self._mixture = rng.dirichlet(np.full(factors, 0.3), OBJECTIVES)
        self._own = rng.normal(size=(30, OBJECTIVES)) / np.sqrt(30)
        self._phase = rng.random(OBJECTIVES) * 2.0 * np.pi
        self._unit = np.exp(rng.normal(size=OBJECTIVES) * 2.0)
        self._price = rng.dirichlet(np.ones(30), 2)

    def _evaluate(self, x: Floats, out: dict[str, Any], *_: Any, **__: Any) -> None:
        squared = np.square(x) @ self._relevance.T - 2.0 * x @ (self._relevance * self._targets).T
        factors = squared + (self._relevance * np.square(self._targets)).sum(axis=1)
        out["F"] = (factors @ self._mixture.T + 0.03 * np.sin(3.0 * x @ self._own + self._phase)) * self._unit
        out["G"] = x @ self._price.T - 0.46

    def centre(self) -> Floats:
        """The feasible point (1, P) whose objectives, scaled by what random search sees, are least far from the ideal.

        By SLSQP on their 16-norm, a smooth stand-in for the greatest.
        """
        seen, excesses = self.evaluate(np.random.default_rng(0).random((50_000, 30)), return_values_of=["F", "G"])
        seen = seen[(excesses <= 0.0).all(axis=1)]
        ideal, extent = seen.min(axis=0), np.ptp(seen, axis=0)

        def distance(point: Floats) -> float:
            values = self.evaluate(point[None, :], return_values_of=["F"])[0]
            return float(np.linalg.norm(np.maximum((values - ideal) / extent + 0.2, 0.0), 16))

        room = {"type": "ineq", "fun": lambda point: 0.46 - 1e-7 - self._price @ point}
        bounds = [(0.0, 1.0)] * 30
        return minimize(distance, np.full(30, 0.45), bounds=bounds, constraints=room, method="SLSQP").x[None, :]

    def least_sums(self, slopes: Floats) -> None:
        """As `Sphere.least_sums`; not known."""


PROBLEMS = (Sphere, ConvexSphere, MixedFactors)


def check_definitions() -> None:
    """Raise AssertionError where DTLZ2 or convex DTLZ2 is not the function that pymoo defines."""
    points = np.random.default_rng(0).random((50, _VARIABLES))
    for own, name in ((Sphere(), "dtlz2"), (ConvexSphere(), "convex_dtlz2")):
        theirs = get_problem(name, n_var=_VARIABLES, n_obj=OBJECTIVES).evaluate(points, return_values_of=["F"])
        np.testing.assert_allclose(own.evaluate(points, return_values_of=["F"]), theirs, err_msg=name)


def run_centre(problem: Sphere | MixedFactors) -> Run:
    """One point that serves every objective alike; how it is found is not counted."""
    (values, excesses), seconds = timed(lambda: problem.evaluate(problem.centre(), return_values_of=["F", "G"]))
    return answer(values, excesses, 1, seconds)


def run_random_search(problem: Problem, size: int, evaluations: int, seed: int) -> Run:
    """Of random points those that are best for some of `size` random weightings, half by sum and half by maximum."""
    (values, excesses), seconds = timed(lambda: _random_search(problem, size, evaluations, seed))
    return answer(values, excesses, evaluations, seconds)


def _random_search(problem: Problem, size: int, evaluations: int, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    points = rng.random((evaluations, problem.n_var))
    values, excesses = problem.evaluate(points, return_values_of=["F", "G"])
    feasible = (excesses <= 0.0).all(axis=1)
    values, excesses = values[feasible], excesses[feasible]
    scaled = ((values - values.min(axis=0)) / np.ptp(values, axis=0)).astype(np.float32)
    weights = rng.dirichlet(np.ones(problem.n_obj), size).astype(np.float32)
    best = set((scaled @ weights[: size // 2].T).argmin(axis=0).tolist())
    columns = np.ascontiguousarray(scaled.T)
    weighted = np.empty_like(columns)
    for weighting in weights[size // 2 :]:
        np.multiply(columns, weighting[:, None], out=weighted)
        best.add(int(weighted.max(axis=0).argmin()))
    rows = sorted(best)
    return values[rows], excesses[rows]


def _on_sphere(squares: Floats) -> Floats:
    """The settings (1, P) whose DTLZ2 objectives, squared, are `squares` (M,); they sum to 1."""
    sums = np.cumsum(squares)
    angles = np.arcsin(np.sqrt(squares[1:] / sums[1:]))[::-1] / (np.pi / 2.0)
    return np.append(angles, np.full(_DISTANCE_VARIABLES, 0.5))[None, :]
