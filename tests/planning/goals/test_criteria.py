import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicehive.planning.criteria import Criterion, judge_all
from voicehive.planning.errors import CriterionInvalid

KNOWN = ("a", "b", "queue.wait")


def criterion(text: str) -> Criterion:
    return Criterion("goal g: criteria[0]", text, KNOWN)


@pytest.mark.parametrize(
    ("text", "values", "judged"),
    [
        ("metrics.a >= 80.0", {"a": 80.0}, "met"),
        ("metrics.a >= 80.0", {"a": 79.9}, "unmet"),
        ("metrics['queue.wait'] < 20.0", {"queue.wait": 19.0}, "met"),
        ("metrics.a > 1.0 && metrics.b > 1.0", {"a": 2.0, "b": 0.0}, "unmet"),
        ("metrics.a > 1.0 || metrics.b > 1.0", {"a": 2.0}, "met"),
        ("metrics.a >= 80.0", {}, "unknown"),
        ("metrics.a >= 80.0", {"a": None}, "unknown"),
        ("!(metrics.a >= 80.0)", {}, "unknown"),
        ("metrics.a != 80.0", {"a": math.nan}, "unknown"),
        ("!(metrics.a < 80.0)", {"a": math.nan}, "unknown"),
        ("metrics.a > 80.0", {"a": math.inf}, "unknown"),
        ("metrics.a / metrics.b > 0.5", {"a": 1.0, "b": 0.0}, "unknown"),
        ("!(metrics.a / metrics.b < 0.5)", {"a": 0.0, "b": 0.0}, "unknown"),
    ],
)
def test_only_what_is_known_to_be_true_is_met(text, values, judged):
    judgement = criterion(text).judge(values)
    assert judgement.judged == judged
    assert judgement.is_met == (judged == "met")
    assert bool(judgement.cause) == (judged == "unknown")


def test_what_is_missing_is_named():
    assert criterion("metrics.a + metrics.b > 1.0").judge({"a": 1.0}).cause == "no value of b"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metrics.a >=", "does not compile"),
        ("metrics.a >= 80", "decimal point"),
        ("metrics.a", "is of type DOUBLE"),
        ("metrics.c > 1.0", "unknown metric 'c'"),
        ("metrics.que > 1.0", "unknown metric 'que'"),
        ("has(metrics.a)", "does not read each metric by its name"),
        ("!has(metrics.a)", "does not read each metric by its name"),
        ("'a' in metrics", "does not read each metric by its name"),
        ("metrics.all(name, metrics[name] > 1.0)", "does not read each metric by its name"),
        ("true", "reads no metric"),
        ("proposed.a > 1.0", "does not compile"),
    ],
)
def test_an_expression_that_cannot_be_judged_is_refused_when_it_is_loaded(text, said):
    with pytest.raises(CriterionInvalid, match=r"goal g: criteria\[0\]") as caught:
        criterion(text)
    assert said in str(caught.value)


def test_all_must_be_met():
    a, b = criterion("metrics.a > 1.0"), criterion("metrics.b > 1.0")
    assert judge_all([a, b], {"a": 2.0, "b": 2.0}).judged == "met"
    assert judge_all([a, b], {"a": 2.0}).judged == "unknown"
    assert judge_all([a, b], {"b": 0.0}).judged == "unmet"
    assert judge_all([], {}).judged == "unknown"


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True))
def test_a_comparison_and_its_negation_are_never_both_met(value, limit):
    if not math.isfinite(limit):
        limit = 1.0
    both = [
        criterion(text).judge({"a": value}).is_met for text in (f"metrics.a > {limit:f}", f"!(metrics.a > {limit:f})")
    ]
    assert sum(both) == (1 if math.isfinite(value) else 0)
