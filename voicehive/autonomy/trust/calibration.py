# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""Fits confidence to recorded outcomes: Platt or isotonic, chosen by cross-validation, with both errors reported.

Every figure is out of fold: each outcome is judged by a model that was fitted without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import minimize
from scipy.special import betaincinv, expit, logit

from voicehive.autonomy.trust.calibration_error import brier_score, expected_calibration_error
from voicehive.autonomy.trust.confidence_model import LOGIT_LIMIT, ConfidenceModel, probability
from voicehive.autonomy.trust.outcome import Floats, Outcome, Share, losses_of, part_matrix, part_names
from voicehive.model import Model

FEWEST = 50
"""Outcomes below which nothing is calibrated."""
FEWEST_EITHER_WAY = 10
"""Right and wrong outcomes needed each: about ten events for what is fitted (Peduzzi et al. 1996)."""
_FOLDS = 5
_CERTAINTY = 0.95

Method: TypeAlias = Literal["platt", "isotonic"]
_METHODS: tuple[Method, ...] = ("platt", "isotonic")


class CalibrationSummary(Model):
    """Whether confidence is calibrated, why not, and how honest it was before and after.

    `before` is what was said at the time, `after` what the model says, out of fold. `brier_*`: Brier score; `error_*`:
    expected calibration error in ten bins of equal mass; None where there is nothing to judge. `loss`: summed.
    """

    calibrated: bool
    reason: str
    method: Literal["platt", "isotonic", "bound"]
    outcomes: Annotated[int, Field(ge=0)]
    loss: Annotated[float, Field(ge=0.0)]
    brier_before: Share | None = None
    brier_after: Share | None = None
    error_before: Share | None = None
    error_after: Share | None = None


@dataclass(frozen=True)
class FittedConfidence:
    """The model to use, what is known of it, and out-of-fold probabilities (N,) of the outcomes it was fitted on."""

    model: ConfidenceModel
    summary: CalibrationSummary
    out_of_fold: Floats


def fit_confidence(outcomes: Sequence[Outcome], generator: np.random.Generator) -> FittedConfidence:
    """Fits on outcomes that share their parts; conservative, and saying so, where they are too few.

    Raises OutcomesUnusable where their parts differ.
    """
    names = part_names(outcomes)
    right = 1 - losses_of(outcomes)
    lacking = _lacking(right)
    if lacking:
        return _bounded(outcomes, right, lacking)
    features = logit(np.clip(part_matrix((outcome.parts for outcome in outcomes), names), LOGIT_LIMIT, 1 - LOGIT_LIMIT))
    folds = generator.permutation(len(right)) % _FOLDS
    held_out = {method: _held_out(method, names, features, right, folds) for method in _METHODS}
    method: Method = min(_METHODS, key=lambda each: brier_score(held_out[each], right))
    model = _fit(method, names, features, right)
    reason = f"{method} has the lower Brier score in {_FOLDS}-fold cross-validation"
    summary = _summary(outcomes, right, held_out[method], reason, method)
    return FittedConfidence(model, summary, held_out[method])


def _lacking(right: Floats) -> str:
    if len(right) < FEWEST:
        return f"{len(right)} outcomes of the {FEWEST} it takes: record {FEWEST - len(right)} more"
    good, bad = float(right.sum()), float((1 - right).sum())
    if min(good, bad) < FEWEST_EITHER_WAY:
        return f"{good:g} right and {bad:g} wrong outcomes; it takes {FEWEST_EITHER_WAY} of each to tell them apart"
    return ""


def _bounded(outcomes: Sequence[Outcome], right: Floats, lacking: str) -> FittedConfidence:
    """The least of the parts, lowered by the Clopper-Pearson limit of the rate of right outcomes (0 without any)."""
    wholly_right = int(np.sum(right == 1))
    bound = betaincinv(wholly_right, len(right) - wholly_right + 1, 1 - _CERTAINTY) if wholly_right else 0.0
    model = ConfidenceModel(method="bound", bound=float(bound))
    values = np.asarray([probability(model, outcome.parts) for outcome in outcomes], dtype=np.float64)
    reason = f"not calibrated: {lacking}; until then a lower limit stands in"
    return FittedConfidence(model, _summary(outcomes, right, values, reason, "bound"), values)


def _summary(
    outcomes: Sequence[Outcome],
    right: Floats,
    after: Floats,
    reason: str,
    method: Literal["platt", "isotonic", "bound"],
) -> CalibrationSummary:
    known = len(right) > 0
    before = np.asarray([outcome.confidence for outcome in outcomes], dtype=np.float64)
    return CalibrationSummary(
        calibrated=method != "bound",
        reason=reason,
        method=method,
        outcomes=len(right),
        loss=float((1 - right).sum()),
        brier_before=brier_score(before, right) if known else None,
        brier_after=brier_score(after, right) if known else None,
        error_before=expected_calibration_error(before, right) if known else None,
        error_after=expected_calibration_error(after, right) if known else None,
    )


def _held_out(
    method: Method, names: tuple[str, ...], features: Floats, right: Floats, folds: NDArray[np.intp]
) -> Floats:
    values = np.empty(len(right))
    for fold in range(_FOLDS):
        out = folds == fold
        model = _fit(method, names, features[~out], right[~out])
        rows = expit(features[out])
        values[out] = [probability(model, dict(zip(names, row, strict=True))) for row in rows.tolist()]
    return values


def _fit(method: Method, names: tuple[str, ...], features: Floats, right: Floats) -> ConfidenceModel:
    weights, intercept = fit_platt(features, right)
    model = ConfidenceModel(
        method="platt", weights=dict(zip(names, weights.tolist(), strict=True)), intercept=intercept
    )
    if method == "platt":
        return model
    knots = _isotonic_knots(features @ weights + intercept, right)
    return model.model_copy(update={"method": "isotonic", "knots": knots})


def fit_platt(features: Floats, right: Floats) -> tuple[Floats, float]:
    """Weights (D,), none negative, and intercept of a logistic regression on features (N, D); `right` (N,) in [0, 1].

    Targets are drawn in as by Platt 1999, section 2.2, so that a separable record does not end at certainty; weights
    have a standard normal prior (ridge), so that parts which say the same share it.
    """
    good = right.sum()
    high, low = (good + 1) / (good + 2), 1 / (len(right) - good + 2)
    targets = right * high + (1 - right) * low

    def objective(values: Floats) -> tuple[float, Floats]:
        scores = features @ values[:-1] + values[-1]
        loss = np.logaddexp(0.0, scores).sum() - targets @ scores + 0.5 * values[:-1] @ values[:-1]
        residuals = expit(scores) - targets
        return float(loss), np.append(features.T @ residuals + values[:-1], residuals.sum())

    width = features.shape[1]
    start = np.append(np.full(width, 1.0 / width), 0.0)
    bounds = [(0.0, None)] * width + [(None, None)]
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x[:-1], dtype=np.float64), float(found.x[-1])


def _isotonic_knots(scores: Floats, right: Floats) -> tuple[tuple[float, float], ...]:
    """The steps of the isotonic regression, kept off 0 and 1 by Laplace's rule of succession."""
    # Only where it is fitted: reports are read before every decision, and this import takes a second.
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415

    edge = 1 / (len(right) + 2)
    fitted = IsotonicRegression(y_min=edge, y_max=1 - edge).fit(scores, right)
    return tuple(zip(fitted.X_thresholds_.tolist(), fitted.y_thresholds_.tolist(), strict=True))
