"""The question as a model sees it, and the count of the answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reasoning.questions import OBJECTIVES, question, solution
from voicehive.optimization.models import Objective, Solution
from voicehive.reasoning.choosing import FACTORS, Vote, ballot, counted, eligible

values = st.floats(allow_nan=False, allow_infinity=False)


def scaled(sample: int = 0, **changes: Any) -> dict[int, dict[str, float]]:
    found = ballot(question(**changes), sample)
    return {found.candidates[candidate.code]: candidate.outcomes for candidate in found.digest.candidates}


def test_outcomes_are_scaled_so_that_less_is_better_whatever_the_direction():
    found = ballot(question(), 0).digest
    # Cost from 11,000 (best) to 14,000, abandonment from 0.02 to 0.05, quality from 0.92 down to 0.90.
    assert found.today == {"O1": 0.5, "O2": 0.833, "O3": 1.0}
    assert scaled()[2] == {"O1": 1.0, "O2": 0.0, "O3": 0.0}
    assert scaled()[3] == {"O1": 0.667, "O2": 0.367, "O3": 0.5}
    assert [objective.weight for objective in found.objectives] == [0.5, 0.25, 0.25]
    assert [objective.acceptable for objective in found.objectives] == [None, 2.0, None]
    assert [objective.target for objective in found.objectives] == [None, None, 1.0]


def test_each_sample_sees_the_same_candidates_in_an_order_of_its_own():
    orders = [list(ballot(question(), sample).candidates.values()) for sample in range(4)]
    assert orders == [[3, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 0], [2, 3, 0, 1]]
    assert scaled(0) == scaled(1) == scaled(2)
    for sample in range(4):
        found = ballot(question(), sample)
        assert found.candidates[found.digest.recommended] == 3
        assert list(found.candidates) == ["S1", "S2", "S3", "S4"]


def test_only_feasible_candidates_are_shown_the_recommended_one_always():
    infeasible = solution(0, (1.0, 0.5, 0.1), violation=2.0)
    many = tuple(solution(index, (1.0 * index, 0.1, 0.9)) for index in range(1, 40))
    shown = eligible(question(candidates=(infeasible, *many), recommended=37))
    assert [candidate.index for candidate in shown] == [37, *range(1, 12)]
    assert eligible(question(candidates=(infeasible, *many), recommended=0)) == ()
    assert eligible(question(candidates=many, recommended=0)) == ()


def test_names_leave_only_where_the_vocabulary_has_them():
    unknown = json.dumps(ballot(question(), 0).digest.model_dump())
    assert not any(word in unknown for word in ("cost", "quality", "capacity", "EUR", "agents", "plain", "balance"))
    known = ballot(question(), 0, {"cost", "capacity", "agents"})
    assert known.digest.kind == "capacity"
    assert set(known.digest.today) == {"cost", "O2", "O3"}
    assert known.objectives == {"cost": "cost", "O2": "abandonment", "O3": "quality"}


def test_a_name_that_looks_like_a_code_never_stands_for_itself():
    swapped = (OBJECTIVES[0].model_copy(update={"name": "O2"}), Objective(name="O1", direction="maximize"))
    outcome = Solution(index=3, settings={}, outcomes={"O1": 1.0, "O2": 2.0})
    found = ballot(question(objectives=swapped, current=outcome, candidates=(outcome,)), 0, {"O1", "O2"})
    assert found.objectives == {"O1": "O2", "O2": "O1"}


@given(st.lists(st.tuples(values, values, values), min_size=1, max_size=5), st.integers(0, 9))
def test_whatever_the_outcomes_are_the_digest_is_finite_and_bounded(outcomes: list[tuple[float, ...]], sample: int):
    candidates = tuple(solution(index, found) for index, found in enumerate(outcomes))
    digest = ballot(question(candidates=candidates, recommended=0), sample).digest
    for candidate in digest.candidates:
        assert all(0.0 <= value <= 1.0 for value in candidate.outcomes.values())


def test_agreement_is_the_share_of_votes_for_the_commonest_choice():
    votes = [Vote(2, "none", "a"), Vote(1, "some", "b"), Vote(2, "none", "c")]
    assert counted(votes, 1) == (2, 2 / 3, "some")
    assert counted([Vote(4, "none", "")] * 3, 1) == (4, 1.0, "none")


def test_between_equals_the_recommended_is_taken_and_else_the_first_on_the_front():
    votes = [Vote(3, "none", ""), Vote(1, "none", ""), Vote(2, "grave", "")]
    assert counted(votes, 2) == (2, 1 / 3, "grave")
    assert counted(votes, 9) == (1, 1 / 3, "grave")


def test_no_doubt_ever_adds_confidence():
    assert all(0.0 <= factor <= 1.0 for factor in FACTORS.values())
    assert FACTORS["none"] > FACTORS["some"] > FACTORS["grave"]


def test_a_question_without_a_feasible_recommendation_has_no_ballot():
    with pytest.raises(ValueError, match="missing or infeasible"):
        ballot(question(recommended=99), 0)
