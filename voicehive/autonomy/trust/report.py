"""What stands in force: the confidence model, the threshold certified for it, and the watch over what runs alone."""

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import AwareDatetime

from voicehive.autonomy.trust.calibration import CalibrationSummary, fit_confidence
from voicehive.autonomy.trust.confidence_model import ConfidenceModel, probability
from voicehive.autonomy.trust.guarantee import Certificate, certify
from voicehive.autonomy.trust.in_force import MeasuredTrust, ThresholdInForce
from voicehive.autonomy.trust.outcome import Floats, Outcome, is_training, losses_of, part_names
from voicehive.autonomy.trust.promise import RiskPromise
from voicehive.autonomy.trust.threshold_sequence import learn_sequence
from voicehive.autonomy.trust.withdrawal import RiskMonitor, begin_monitor, fold_outcome
from voicehive.model import Identifier, Model


class TrustReport(Model):
    """Trust in decisions of one kind, as of one moment. Its confidence model and its threshold belong together.

    The certainty is that of one fit: of reports made at times that do not depend on the outcomes, at most the share
    delta certifies a threshold that breaks the promise. The monitor guards what happens after, however long.
    `parts` are those of the outcomes it was fitted on.
    """

    kind: Identifier
    at: AwareDatetime
    calibration: CalibrationSummary
    model: ConfidenceModel
    certificate: Certificate
    monitor: RiskMonitor
    parts: tuple[Identifier, ...] = ()

    @property
    def measured(self) -> MeasuredTrust:
        """As the controller needs it."""
        return MeasuredTrust(
            promise=self.certificate.promise,
            parts=frozenset(self.parts),
            model=self.model,
            calibrated=self.calibration.calibrated,
            in_force=ThresholdInForce(
                threshold=self.threshold, reason=self.reason, more_faultless=self.certificate.more_faultless
            ),
        )

    @property
    def threshold(self) -> float | None:
        """The threshold in force; None where nothing may run alone."""
        return None if self.monitor.withdrawn else self.certificate.threshold

    @property
    def reason(self) -> str:
        """Why the threshold in force is what it is."""
        watch = self.monitor
        if watch.withdrawn:
            return (
                f"withdrawn at outcome {watch.withdrawn_at} of those that ran alone: they show a risk above "
                f"{watch.alpha:g}; a person must look into it and begin a new monitor"
            )
        return self.certificate.reason

    def confidence(self, parts: Mapping[str, float]) -> float:
        """The probability of being right, in [0, 1]. Raises PartsMismatch for parts the model does not know."""
        return probability(self.model, parts)

    def allows(self, parts: Mapping[str, float]) -> bool:
        """Whether a decision with these parts may run alone. Raises PartsMismatch for parts the model does not know."""
        return self.threshold is not None and self.confidence(parts) >= self.threshold

    def observed(self, loss: float) -> "TrustReport":
        """The report after one more decision that ran alone turned out; its threshold may be withdrawn at once."""
        return self.model_copy(update={"monitor": fold_outcome(self.monitor, loss)})


def measure_trust(
    kind: str,
    outcomes: Sequence[Outcome],
    promise: RiskPromise,
    generator: np.random.Generator,
    *,
    at: AwareDatetime,
    monitor: RiskMonitor | None = None,
    training_share: float = 0.5,
) -> TrustReport:
    """Fits and orders on the training outcomes, certifies on the others (`is_training` tells which is which).

    `outcomes`: all recorded of this kind, in the order they came, whoever decided in the end: they must be a fair
    sample of the decisions to come (shadow mode records all). `monitor`: the one that already runs; None begins one.
    Raises OutcomesUnusable where parts differ, or losses are not what the promise declares.
    """
    ours = [outcome for outcome in outcomes if outcome.kind == kind]
    names = part_names(ours)
    training = [outcome for outcome in ours if is_training(outcome.decision_id, training_share)]
    held_back = [outcome for outcome in ours if not is_training(outcome.decision_id, training_share)]
    fitted = fit_confidence(training, generator)
    thresholds = learn_sequence(fitted.out_of_fold, losses_of(training), len(held_back), promise, generator)
    certificate = certify(thresholds, confidences_of(fitted.model, held_back), losses_of(held_back), promise)
    return TrustReport(
        kind=kind,
        at=at,
        calibration=fitted.summary,
        model=fitted.model,
        certificate=certificate,
        monitor=monitor or begin_monitor(promise.alpha, promise.delta),
        parts=names,
    )


def confidences_of(model: ConfidenceModel, outcomes: Sequence[Outcome]) -> Floats:
    """What the model says of each outcome (N,)."""
    return np.asarray([probability(model, outcome.parts) for outcome in outcomes], dtype=np.float64)
