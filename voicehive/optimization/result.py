"""The answer of an optimisation, and its parts."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, FiniteFloat

from voicehive.model import Model
from voicehive.optimization.models import Solution, Strategy
from voicehive.optimization.parameter import Setting, Settings

Share: TypeAlias = Annotated[FiniteFloat, Field(ge=0, le=1)]
NotNegative: TypeAlias = Annotated[FiniteFloat, Field(ge=0)]
Stop: TypeAlias = Literal["generations", "evaluations", "time", "convergence", "exhausted", "asked", "ranked"]
"""What ended a search: a budget, nothing new left to try, the caller, or that there was nothing to search."""


class Convergence(Model):
    """The front after so many evaluations: its size, and its hypervolume scaled as that of the result.

    Beyond 15 objectives, where next to none is dominated, the size is that of all solutions kept.
    """

    evaluations: int
    front: int
    hypervolume: NotNegative


class RedundantObjective(Model):
    """An objective that orders the front almost as another one does, by Spearman's rank correlation."""

    name: str
    explained_by: str
    correlation: Annotated[FiniteFloat, Field(ge=-1, le=1)]


class Adjustment(Model):
    """One parameter's change on the way from today to the recommendation, and what it does alone, from today.

    `effects` are changes of the objectives, in their own units. `share` is its part of what the recommendation gains
    in weighted scaled objectives, or, where that violates the constraints less than today's settings do, of that
    reduction (`share_of`), averaged over all orders in which the changes could be made (Shapley value). It is negative
    where a change costs more than it brings; without their signs the shares sum to 1.
    """

    parameter: str
    before: Setting
    after: Setting
    effects: dict[str, FiniteFloat]
    share: FiniteFloat
    share_of: Literal["gain", "violation"] = "gain"


class OptimizationConfidence(Model):
    """How far the recommendation may be relied on, from 0 to 1, and what that is made of.

    `acceptability` under other weights; `margin` over today's settings: the share of weightings under which the
    recommendation is the better weighted sum (1 where today's are unknown or infeasible, or are the recommendation);
    `certainty` of the evaluator: 1 less the mean posterior deviation, relative to each objective's extent on the front
    (1 for evaluators without uncertainty); `convergence`: how little the front still grew at the end (1 where
    everything was evaluated). `value` is their geometric mean, and 0 with nothing feasible: what breaks a constraint is
    not to be relied on.
    """

    value: Share
    acceptability: Share
    margin: Share
    certainty: Share
    convergence: Share


class Relaxation(Model):
    """A constraint's bound moved just so far that the problem becomes feasible, in the unit of what it bounds.

    `to` is the bound then; None where a formula holds it.
    """

    constraint: str
    by: Annotated[FiniteFloat, Field(gt=0)]
    to: FiniteFloat | None = None
    unit: str = ""


class Conflict(Model):
    """Why nothing is feasible.

    `constraints` cannot hold together, while any of them left out leaves the rest satisfiable (a minimal conflicting
    set); `proven` where this is certain, not only what a search saw. `relaxations` is the cheapest way out, measured
    in relative excess, that touches no safety constraint; with it `solution` is feasible. Where a constraint suffices
    if it alone gives way, `alone` says by how much.
    """

    constraints: tuple[str, ...]
    proven: bool
    relaxations: tuple[Relaxation, ...] = ()
    alone: tuple[Relaxation, ...] = ()
    solution: Solution | None = None


class EvaluatedProposal(Model):
    """A proposal of an adviser, evaluated like anything else.

    `predicted` and `actual` are changes of the objectives against the recommendation at that time, in their own units.
    It is `kept` if feasible and not dominated; otherwise `verdict` says why not.
    """

    settings: Settings
    explanation: str
    predicted: dict[str, FiniteFloat]
    actual: dict[str, FiniteFloat]
    kept: bool
    verdict: str


class AdviceReport(Model):
    """What an adviser said, and what became of it."""

    source: str
    preferences: dict[str, FiniteFloat]
    proposals: tuple[EvaluatedProposal, ...]


class OptimizationResult(Model):
    """The answer of an optimisation.

    `front` holds the non-dominated feasible solutions, `front[i].index == i`; with nothing feasible it holds the least
    violating ones and `feasible` is false. `current` is today's settings evaluated the same way: its index is its
    place in the front, or -1 where another solution beats it; None where a table holds no such row. `recommended` and
    `alternatives` are places in the front. `hypervolume` is that of the front, scaled by its ideal and nadir points, up
    to the reference point 1.1 in each objective. `acceptability` is the share of random weightings under which the
    recommendation is among the best tenth of the solutions it was chosen from (Lahdelma & Salminen 2001);
    `acceptabilities` the share under which each named alternative, and the recommendation, is the very best.
    `correlations` are Spearman's, between the objectives over the front, in their order. `weight_intervals` are the
    normalised weights over which the winner of a weighted sum stays the winner. `quarantined` counts candidates that
    the evaluator could not give finite outcomes for; they are ranked nowhere.
    """

    front: Annotated[tuple[Solution, ...], Field(min_length=1)]
    current: Solution | None
    recommended: Annotated[int, Field(ge=0)]
    alternatives: dict[str, int]
    reasons: tuple[str, ...]
    feasible: bool
    hypervolume: NotNegative
    hypervolume_exact: bool = True
    acceptability: Share
    acceptabilities: dict[str, Share] = {}
    convergence: tuple[Convergence, ...] = ()
    correlations: tuple[tuple[FiniteFloat, ...], ...] = ()
    redundant_objectives: tuple[RedundantObjective, ...] = ()
    weight_intervals: dict[str, tuple[Share, Share]] = {}
    adjustments: tuple[Adjustment, ...] = ()
    confidence: OptimizationConfidence
    conflict: Conflict | None = None
    advice: AdviceReport | None = None
    evaluations: Annotated[int, Field(ge=0)]
    quarantined: Annotated[int, Field(ge=0)] = 0
    duration_seconds: NotNegative
    timings: dict[str, NotNegative] = {}
    seed: int
    strategy: Strategy
    algorithm: str
    algorithm_reason: str
    stopped_by: Stop
    from_cache: bool = False
    warm_started: bool = False

    @property
    def recommendation(self) -> Solution:
        """The recommended solution itself."""
        return self.front[self.recommended]
