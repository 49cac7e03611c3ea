"""How drivers depend on each other: correlations as people state them, their matrix, and scores drawn from it."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field, FiniteFloat, model_validator
from scipy import special

from voicehive.model import Model
from voicehive.planning.errors import DuplicateName, PlanningError
from voicehive.planning.score_tables import LIMIT, Floats, ScoreTable

_FLOOR = 1e-6
"""The least eigenvalue of a repaired matrix."""

_MOST_REPAIR = 0.1
_ITERATIONS = 500
_GREATEST_ARSINH = 26.0


class CorrelationInvalid(PlanningError):
    """Correlations that no numbers can have together."""


class Correlation(Model):
    """The correlation of two drivers' normal scores, the copula's own parameter.

    For a Gaussian copula it is within 0.02 of the rank correlation (Spearman's, 6/pi arcsin(coefficient / 2)).
    """

    drivers: tuple[str, str]
    coefficient: Annotated[FiniteFloat, Field(ge=-1, le=1)]

    @model_validator(mode="after")
    def _distinct(self) -> "Correlation":
        if self.drivers[0] == self.drivers[1]:
            raise ValueError(f"drivers: {self.drivers[0]!r} with itself; name two different drivers")
        return self


class Dependence(Model):
    """All correlations, and the copula that joins them; pairs that are not named are uncorrelated.

    The t copula makes extremes coincide, the more the fewer `degrees_of_freedom`; it joins those drivers that a
    correlation names, all others stay independent. `repair` says whether correlations that contradict each other
    slightly may be corrected, with a notice; otherwise they are refused.
    """

    correlations: tuple[Correlation, ...] = ()
    copula: Literal["gaussian", "t"] = "gaussian"
    degrees_of_freedom: Annotated[FiniteFloat, Field(ge=1, le=1_000)] | None = None
    repair: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> "Dependence":
        if (self.copula == "t") != (self.degrees_of_freedom is not None):
            raise ValueError("degrees_of_freedom: give it with copula t (4 is usual), and only then")
        seen: set[frozenset[str]] = set()
        for place, correlation in enumerate(self.correlations):
            pair = frozenset(correlation.drivers)
            if pair in seen:
                named = " with ".join(sorted(pair))
                raise DuplicateName(f"correlations[{place}] ({named})", "this pair is given twice", "keep one of them")
            seen.add(pair)
        return self


class CorrelationMatrix(NamedTuple):
    """A positive definite correlation matrix (K, K), and what was changed to make it so."""

    matrix: Floats
    notices: tuple[str, ...]


def correlation_matrix(names: Sequence[str], dependence: Dependence) -> CorrelationMatrix:
    """Put the correlations of the named drivers into a matrix, and repair it where that is needed and allowed.

    Correlations that name other drivers are left out. Raises CorrelationInvalid where they contradict each other
    by more than 0.1 in a coefficient, or at all if repair is not allowed.
    """
    place = {name: index for index, name in enumerate(names)}
    matrix = np.eye(len(names))
    for correlation in dependence.correlations:
        if all(name in place for name in correlation.drivers):
            first, second = (place[name] for name in correlation.drivers)
            matrix[first, second] = matrix[second, first] = correlation.coefficient
    if not len(names) or np.linalg.eigvalsh(matrix)[0] >= _FLOOR:
        return CorrelationMatrix(matrix, ())
    return _repaired(matrix, names, allowed=dependence.repair)


def _repaired(matrix: Floats, names: Sequence[str], *, allowed: bool) -> CorrelationMatrix:
    nearest = nearest_correlation(matrix)
    moved = np.abs(nearest - matrix)
    first, second = (int(one) for one in np.unravel_index(np.argmax(moved), moved.shape))
    change = (
        f"{names[first]} with {names[second]} from {matrix[first, second]:.3f} to {nearest[first, second]:.3f} "
        f"({int((np.triu(moved) > 5e-4).sum())} coefficients in all)"
    )
    if not allowed or moved[first, second] > _MOST_REPAIR:
        problem = f"no numbers can be correlated like this; the nearest that can be move {change}"
        raise CorrelationInvalid(
            "correlations", problem, "correct these" + ("" if allowed else ", or allow the repair")
        )
    return CorrelationMatrix(nearest, (f"correlations: made consistent, moving at most {change}",))


def nearest_correlation(matrix: Floats, floor: float = _FLOOR) -> Floats:
    """Find the nearest correlation matrix (K, K) by the Frobenius norm, with no eigenvalue below `floor`.

    Source: Higham (2002), Computing the nearest correlation matrix, IMA Journal of Numerical Analysis 22(3), algorithm
    3.3: alternating projections with Dykstra's correction.
    """
    found, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(_ITERATIONS):
        adjusted = found - correction
        values, vectors = np.linalg.eigh(adjusted)
        projected = (vectors * np.maximum(values, floor)) @ vectors.T
        correction = projected - adjusted
        step = np.abs(np.diag(projected) - 1.0).max()
        found = projected.copy()
        np.fill_diagonal(found, 1.0)
        if step < 1e-9:
            break
    # The last projection left the diagonal off by the tolerance: scaled, the matrix is both exactly.
    values, vectors = np.linalg.eigh(found)
    positive = (vectors * np.maximum(values, floor)) @ vectors.T
    scale = np.sqrt(np.diag(positive))
    return positive / np.outer(scale, scale)


def correlated(independent: Floats, matrix: Floats) -> Floats:
    """Correlate independent normal scores (N, K): (K, N), a row a driver."""
    if np.array_equal(matrix, np.eye(len(matrix))):
        return np.ascontiguousarray(independent.T)
    return np.linalg.cholesky(matrix) @ independent.T


def divisors(u: Floats, degrees_of_freedom: float) -> Floats:
    """Give sqrt(chi2 / degrees of freedom) at probabilities `u` (N,): what makes normal scores t-distributed.

    Source: Demarta and McNeil (2005), The t copula and related copulas, International Statistical Review 73(1).
    """
    at = ScoreTable.nodes(-LIMIT, LIMIT)
    half = degrees_of_freedom / 2
    lower = special.gammaincinv(half, special.ndtr(np.minimum(at, 0.0)))
    upper = special.gammainccinv(half, special.ndtr(-np.maximum(at, 0.0)))
    logarithms = 0.5 * np.log(np.maximum(np.where(at < 0.0, lower, upper) / half, 1e-300))
    return np.exp(ScoreTable(-LIMIT, LIMIT, logarithms)(np.asarray(special.ndtri(u), dtype=np.float64)))


class ScoresOfT:
    """Turns t-distributed numbers into normal scores of the same rank: Phi^-1(T(t)).

    Tabulated over arsinh(t), within 3e-5.
    """

    def __init__(self, degrees_of_freedom: float) -> None:
        at = ScoreTable.nodes(-_GREATEST_ARSINH, _GREATEST_ARSINH)
        below = np.maximum(special.stdtr(degrees_of_freedom, -np.sinh(np.abs(at))), 1e-300)
        self._table = ScoreTable(-_GREATEST_ARSINH, _GREATEST_ARSINH, np.sign(at) * -special.ndtri(below))

    def __call__(self, t: Floats) -> Floats:
        """Transform any number of them."""
        return self._table(np.arcsinh(t))


class ConditionalScore:
    """Draws one driver's score anew, given all other drivers' scores.

    The conditional of the multivariate normal, or t, distribution. Source: Eaton (1983), Multivariate Statistics,
    section 3.4; Ding (2016), On the conditional distribution of the multivariate t distribution, The American
    Statistician 70(3).
    """

    def __init__(self, scores: Floats, matrix: Floats, degrees_of_freedom: float | None) -> None:
        """`scores` (K, N) are normal, or t-distributed where `degrees_of_freedom` is given."""
        self._scores, self._degrees = scores, degrees_of_freedom
        self._precision = np.linalg.inv(matrix)
        self._weighted = self._precision @ scores
        self._squares = np.einsum("kn,kn->n", scores, self._weighted) if degrees_of_freedom else None

    def draw(self, driver: int, rng: np.random.Generator) -> Floats:
        """Give new scores (N,) of the driver, of the same kind as those given."""
        precision = float(self._precision[driver, driver])
        mean: Floats = self._scores[driver] - self._weighted[driver] / precision
        noise: Floats = rng.standard_normal(mean.shape) / math.sqrt(precision)
        if self._degrees is None or self._squares is None:
            return mean + noise
        degrees = self._degrees + len(self._precision) - 1
        others = self._squares - self._weighted[driver] ** 2 / precision
        spread: Floats = (self._degrees + others) / rng.chisquare(degrees, mean.shape)
        return mean + noise * np.sqrt(spread)
