"""The drop of the fallback's confidence: against published intervals and simulated outcomes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicehive.reasoning.fallback_drop import FEWEST_OUTCOMES, Record, calibrated_drop
from voicehive.reasoning.reasoner import FALLBACK_DROP


def record(right: int, decisions: int) -> Record:
    return Record(decisions=decisions, right=right)


def test_the_bound_is_newcombes():
    """56/70 - 48/80 is example (a) of Newcombe 1998, table II: 0.0524 to 0.3339 at 95 %, two-sided."""
    assert calibrated_drop(record(56, 70), record(48, 80), level=0.975) == pytest.approx(0.3339, abs=5e-5)
    assert calibrated_drop(record(48, 80), record(56, 70), level=0.975) == 0.0


def test_with_too_little_it_stays_as_stated():
    few = FEWEST_OUTCOMES - 1
    assert calibrated_drop(record(few, few), record(0, 1_000)) == FALLBACK_DROP
    assert calibrated_drop(record(1_000, 1_000), record(0, few)) == FALLBACK_DROP


@given(st.integers(30, 500), st.integers(30, 500), st.floats(0, 1), st.floats(0, 1))
def test_it_lies_between_the_difference_and_certainty(first: int, second: int, one: float, other: float):
    model, fallback = record(round(one * first), first), record(round(other * second), second)
    difference = model.right / first - fallback.right / second
    assert max(difference, 0.0) <= calibrated_drop(model, fallback) <= 1.0


def test_it_covers_the_true_difference_at_its_level():
    generator = random.Random(7)
    held = 0
    for _ in range(2_000):
        model = record(sum(generator.random() < 0.95 for _ in range(200)), 200)
        fallback = record(sum(generator.random() < 0.88 for _ in range(100)), 100)
        held += calibrated_drop(model, fallback, level=0.9) >= 0.95 - 0.88
    # A binomial of 2,000 at 0.9 has a standard deviation of 0.0067; the interval itself is approximate.
    assert held / 2_000 >= 0.88


def test_no_more_can_be_right_than_there_were():
    with pytest.raises(ValidationError, match="more than the 3 decisions"):
        record(4, 3)
