"""What is believed about an uncertain number: distributions that people can state, and their inverses, vectorised.

Every distribution is evaluated by its inverse at probabilities (`quantile`) or, faster, at scores of the standard
normal distribution (`at_scores`), which is what a copula draws.
"""

import math
from functools import cached_property
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, FiniteFloat, model_validator
from scipy import special

from voicehive.model import Model
from voicehive.planning.johnson import JohnsonTransform
from voicehive.planning.score_tables import LIMIT, Floats, ScoreTable, StepTable

_GREATEST_RATE = 1e6
_LEAST_SIDE = 0.05


class _Distribution(Model):
    """What all distributions share. Each has, besides, its `mean` and its standard deviation `sd`."""

    def quantile(self, u: ArrayLike) -> Floats:
        """Invert the distribution function: the value that is not exceeded with probability `u`, of any shape.

        At 0 and 1 these are the ends of the support, which may be infinite. Raises ValueError outside 0..1.
        """
        probabilities = np.asarray(u, dtype=np.float64)
        if not bool(((probabilities >= 0.0) & (probabilities <= 1.0)).all()):
            raise ValueError("u: every probability must lie from 0 to 1; clip or correct them before asking")
        return self.at_scores(np.asarray(special.ndtri(probabilities), dtype=np.float64))

    def at_scores(self, scores: Floats) -> Floats:
        """Give the values where a standard normal variable would have these scores: quantile(Phi(scores))."""
        raise NotImplementedError


class Constant(_Distribution):
    """A number that is known."""

    kind: Literal["constant"] = "constant"
    value: FiniteFloat

    def at_scores(self, scores: Floats) -> Floats:
        """Give `value` everywhere."""
        return np.full(np.shape(scores), self.value)

    @property
    def mean(self) -> float:
        """The value itself."""
        return self.value

    @property
    def sd(self) -> float:
        """None: 0."""
        return 0.0


class Normal(_Distribution):
    """The normal distribution."""

    kind: Literal["normal"] = "normal"
    mean: FiniteFloat
    sd: Annotated[FiniteFloat, Field(gt=0)]

    def at_scores(self, scores: Floats) -> Floats:
        """Scale and shift the scores."""
        return self.mean + self.sd * scores


class LogNormal(_Distribution):
    """A positive number whose logarithm is normal, by its median and the standard deviation `sigma` of its logarithm.

    Two thirds of the values lie between median / exp(sigma) and median x exp(sigma).
    """

    kind: Literal["lognormal"] = "lognormal"
    median: Annotated[FiniteFloat, Field(gt=0)]
    sigma: Annotated[FiniteFloat, Field(gt=0, le=5)]

    def at_scores(self, scores: Floats) -> Floats:
        """Raise e to the scaled scores."""
        return self.median * np.exp(self.sigma * scores)

    @property
    def mean(self) -> float:
        """Median times exp(sigma^2 / 2)."""
        return self.median * math.exp(self.sigma**2 / 2)

    @property
    def sd(self) -> float:
        """Mean times sqrt(exp(sigma^2) - 1)."""
        return self.mean * math.sqrt(math.expm1(self.sigma**2))


class _ThreePoints(_Distribution):
    """Distributions between `low` and `high` that peak at `mode`."""

    low: FiniteFloat
    mode: FiniteFloat
    high: FiniteFloat

    @model_validator(mode="after")
    def _ordered(self) -> "_ThreePoints":
        if not self.low <= self.mode <= self.high or self.low == self.high:
            raise ValueError(
                f"low {self.low:g}, mode {self.mode:g}, high {self.high:g}: low <= mode <= high and low < high must "
                "hold; order them, or use kind constant for one value"
            )
        return self


class Triangular(_ThreePoints):
    """The triangular distribution."""

    kind: Literal["triangular"] = "triangular"

    def at_scores(self, scores: Floats) -> Floats:
        """Invert in closed form."""
        left, right, width = self.mode - self.low, self.high - self.mode, self.high - self.low
        below = np.asarray(special.ndtr(scores), dtype=np.float64)
        rising = below * width < left
        roots = np.sqrt(width * np.where(rising, left * below, right * (1.0 - below)))
        return np.where(rising, self.low + roots, self.high - roots)

    @property
    def mean(self) -> float:
        """The mean of the three points."""
        return (self.low + self.mode + self.high) / 3

    @property
    def sd(self) -> float:
        """By the sides' lengths: sqrt((left^2 + left x right + right^2) / 18)."""
        left, right = self.mode - self.low, self.high - self.mode
        return math.sqrt((left**2 + left * right + right**2) / 18)


class Pert(_ThreePoints):
    """The PERT distribution: a beta distribution whose mean is (low + 4 mode + high) / 6.

    `concentration` is that 4; more of it believes the mode more. Source: Malcolm, Roseboom, Clark and Fazar (1959),
    Operations Research 7(5); as a beta distribution, Vose (2008), Risk Analysis, 3rd edition, appendix III.
    """

    kind: Literal["pert"] = "pert"
    concentration: Annotated[FiniteFloat, Field(gt=0, le=1_000)] = 4.0

    def at_scores(self, scores: Floats) -> Floats:
        """Invert by the beta distribution."""
        return self._beta.at_scores(scores)

    @property
    def mean(self) -> float:
        """(low + concentration x mode + high) / (concentration + 2)."""
        return self._beta.mean

    @property
    def sd(self) -> float:
        """sqrt((mean - low) (high - mean) / (concentration + 3))."""
        return self._beta.sd

    @cached_property
    def _beta(self) -> "Beta":
        share = self.concentration / (self.high - self.low)
        alpha, beta = 1.0 + share * (self.mode - self.low), 1.0 + share * (self.high - self.mode)
        return Beta(alpha=alpha, beta=beta, low=self.low, high=self.high)


class Beta(_Distribution):
    """The beta distribution, from `low` to `high`. With alpha and beta 1 it is the uniform one.

    Tabulated: within 1e-5 of the range of the exact inverse, for shapes from 0.05 up.
    """

    kind: Literal["beta"] = "beta"
    alpha: Annotated[FiniteFloat, Field(ge=0.05, le=1e6)]
    beta: Annotated[FiniteFloat, Field(ge=0.05, le=1e6)]
    low: FiniteFloat = 0.0
    high: FiniteFloat = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> "Beta":
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} must be below high {self.high:g}; exchange them")
        return self

    def at_scores(self, scores: Floats) -> Floats:
        """Read the tabulated inverse."""
        return self._table(scores)

    @property
    def mean(self) -> float:
        """Low plus alpha / (alpha + beta) of the range."""
        return self.low + (self.high - self.low) * self.alpha / (self.alpha + self.beta)

    @property
    def sd(self) -> float:
        """The range times sqrt(alpha beta / (alpha + beta + 1)) / (alpha + beta)."""
        total = self.alpha + self.beta
        return (self.high - self.low) * math.sqrt(self.alpha * self.beta / (total + 1)) / total

    @cached_property
    def _table(self) -> ScoreTable:
        at = ScoreTable.nodes(-LIMIT, LIMIT)
        lower = special.betaincinv(self.alpha, self.beta, special.ndtr(np.minimum(at, 0.0)))
        upper = special.betaincinv(self.beta, self.alpha, special.ndtr(-np.maximum(at, 0.0)))
        unit = np.where(at < 0.0, lower, 1.0 - upper)
        return ScoreTable(-LIMIT, LIMIT, self.low + (self.high - self.low) * unit)


class _Steps(_Distribution):
    """Distributions of separate values: steps in the scores."""

    def at_scores(self, scores: Floats) -> Floats:
        """Find each score's step."""
        return self._table(np.asarray(scores))

    @cached_property
    def _table(self) -> StepTable:
        raise NotImplementedError


class Poisson(_Steps):
    """A count of independent events of which `rate` are expected; beyond a million use a normal distribution."""

    kind: Literal["poisson"] = "poisson"
    rate: Annotated[FiniteFloat, Field(gt=0, le=_GREATEST_RATE)]

    @property
    def mean(self) -> float:
        """The rate."""
        return self.rate

    @property
    def sd(self) -> float:
        """The rate's root."""
        return math.sqrt(self.rate)

    @cached_property
    def _table(self) -> StepTable:
        reach = 10.0 * math.sqrt(self.rate) + 40.0
        counts = np.arange(max(0, math.floor(self.rate - reach)), math.ceil(self.rate + reach) + 1, dtype=np.float64)
        below, above = special.pdtr(counts[:-1], self.rate), special.pdtrc(counts[:-1], self.rate)
        return StepTable(counts, np.where(below < 0.5, special.ndtri(below), -special.ndtri(above)))


class Empirical(_Steps):
    """What was observed, each value as likely as its weight says; equally where there are no weights."""

    kind: Literal["empirical"] = "empirical"
    values: Annotated[tuple[FiniteFloat, ...], Field(min_length=1, max_length=1_000_000)]
    weights: tuple[Annotated[FiniteFloat, Field(ge=0)], ...] = ()

    @model_validator(mode="after")
    def _weighted(self) -> "Empirical":
        if self.weights and len(self.weights) != len(self.values):
            raise ValueError(f"{len(self.values)} values but {len(self.weights)} weights: give one each, or none")
        if self.weights and not sum(self.weights) > 0.0:
            raise ValueError("weights: all are 0; give at least one value a positive weight")
        return self

    @property
    def mean(self) -> float:
        """The weighted mean."""
        return float(np.average(self.values, weights=self.weights or None))

    @property
    def sd(self) -> float:
        """The weighted standard deviation, of the values as the whole population."""
        squares = np.square(np.asarray(self.values) - self.mean)
        return math.sqrt(float(np.average(squares, weights=self.weights or None)))

    @cached_property
    def _table(self) -> StepTable:
        values, weights = np.asarray(self.values), np.asarray(self.weights or np.ones(len(self.values)))
        values, weights = values[weights > 0.0], weights[weights > 0.0]
        order = np.argsort(values)
        share = np.cumsum(weights[order])
        share /= share[-1]
        return StepTable(values[order], np.asarray(special.ndtri(share[:-1]), dtype=np.float64))


class Quantiles(_Distribution):
    """A number known by three quantiles: a tenth of its values lie below `p10`, half below `p50`, a tenth above `p90`.

    The distribution is Johnson's, through exactly these quantiles: SU where neither `low` nor `high` bounds it, else
    the semi-bounded or the bounded J-QPD. Where the quantiles lie evenly they give a normal, with `low` a shifted
    log-normal distribution. With a bound every ordered triple is feasible; without, p50 must lie at least 5 % of
    p10..p90 from either, as the tails would have absurd moments beyond.

    Source: Hadlock and Bickel (2017), Johnson quantile-parameterized distributions, Decision Analysis 14(1); for the
    unbounded one, Hadlock and Bickel (2019), Decision Analysis 16(1).
    """

    kind: Literal["quantiles"] = "quantiles"
    p10: FiniteFloat
    p50: FiniteFloat
    p90: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    _TENTH: ClassVar[float] = float(special.ndtri(0.9))

    @model_validator(mode="after")
    def _feasible(self) -> "Quantiles":
        given = [one for one in (self.low, self.p10, self.p50, self.p90, self.high) if one is not None]
        if any(after <= before for before, after in pairwise(given)):
            raise ValueError(
                f"{', '.join(f'{one:g}' for one in given)}: (low <) p10 < p50 < p90 (< high) must hold; order them"
            )
        nearer = min(self.p50 - self.p10, self.p90 - self.p50)
        if self.low is None and self.high is None and nearer < _LEAST_SIDE * (self.p90 - self.p10):
            raise ValueError(
                f"p50 {self.p50:g} lies within 5 % of an end of p10..p90 ({self.p10:g} to {self.p90:g}): too skewed "
                "without a bound; give low or high, the value that cannot be passed"
            )
        if not (math.isfinite(self.mean) and math.isfinite(self.sd)):
            raise ValueError("the quantiles spread too widely for a finite mean; give both low and high")
        return self

    def at_scores(self, scores: Floats) -> Floats:
        """Transform the scores as Johnson does."""
        if self.low is not None and self.high is not None:
            return self.low + (self.high - self.low) * special.ndtr(self._transform.unbounded(scores))
        if self.low is not None:
            return self.low + self._transform.positive(scores)
        if self.high is not None:
            return self.high - self._transform.positive(-scores)
        return self._transform.unbounded(scores)

    @property
    def mean(self) -> float:
        """By the trapezoid rule over the scores, which is exact to rounding for what is smooth and dies away."""
        return self._moments[0]

    @property
    def sd(self) -> float:
        """As the mean."""
        return self._moments[1]

    @cached_property
    def _transform(self) -> "JohnsonTransform":
        triple = np.array([self.p10, self.p50, self.p90])
        if self.low is not None and self.high is not None:
            return JohnsonTransform(special.ndtri((triple - self.low) / (self.high - self.low)), self._TENTH)
        if self.low is not None:
            return JohnsonTransform(np.log(triple - self.low), self._TENTH)
        if self.high is not None:
            return JohnsonTransform(np.log(self.high - triple[::-1]), self._TENTH)
        return JohnsonTransform(triple, self._TENTH)

    @cached_property
    def _moments(self) -> tuple[float, float]:
        scores = np.linspace(-40.0, 40.0, 4_001)
        weights = np.exp(-0.5 * scores**2)
        weights /= weights.sum()
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.at_scores(scores)
            mean = float(weights @ values)
            return mean, float(np.sqrt(weights @ np.square(values - mean)))


Distribution: TypeAlias = Annotated[
    Constant | Normal | LogNormal | Triangular | Pert | Beta | Poisson | Empirical | Quantiles,
    Field(discriminator="kind"),
]
"""Any of the distributions, told apart by `kind`."""
