"""The fallback, which judges without any model: what its word costs as it is stated, and once outcomes are measured."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.reasoning.questions import question
from voicehive.autonomy.trust.calibration import fit_confidence
from voicehive.autonomy.trust.confidence_model import probability
from voicehive.autonomy.trust.outcome import Outcome
from voicehive.reasoning.reasoner import FALLBACK_DROP, FallbackReasoner


@pytest.mark.parametrize("drop", [FALLBACK_DROP, 0.25])
async def test_without_a_model_the_recommended_is_taken_with_the_stated_drop(drop: float):
    judgement = await FallbackReasoner(drop).judge(question(recommended=2))
    assert (judgement.choice, judgement.source, judgement.calls) == (2, "fallback", ())
    assert judgement.confidence == judgement.parts["fallback"] == 1.0 - drop
    assert judgement == await FallbackReasoner(drop).judge(question(recommended=2))


def outcomes(model: float, fallback: float) -> list[Outcome]:
    """Four hundred decisions, every other one the fallback's; how often each is right is given."""
    generator = np.random.default_rng(3)
    return [
        Outcome(
            decision_id=f"d{number}",
            kind="capacity",
            parts={"reasoning": 1.0 - FALLBACK_DROP if number % 2 else 1.0},
            confidence=0.9,
            loss=float(generator.random() >= (fallback if number % 2 else model)),
            at=datetime(2026, 11, 24, tzinfo=UTC),
        )
        for number in range(400)
    ]


@pytest.mark.parametrize(("model", "fallback"), [(0.95, 0.65), (0.9, 0.9)])
def test_measured_outcomes_say_what_it_costs_in_the_place_of_the_stated_drop(model: float, fallback: float):
    fitted = fit_confidence(outcomes(model, fallback), np.random.default_rng(0))
    assert fitted.summary.calibrated
    judged = probability(fitted.model, {"reasoning": 1.0})
    fallen = probability(fitted.model, {"reasoning": 1.0 - FALLBACK_DROP})
    # Shares of two hundred: a standard deviation of at most 0.034 each.
    assert judged - fallen == pytest.approx(model - fallback, abs=0.1)
