"""The fallback's advice, against problems whose true effects are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reasoning.fronts import contact_centre, contact_centre_digest, front_of, linear
from voicehive.optimization.advising.advice import Advice
from voicehive.optimization.advising.front_digest import digest_of
from voicehive.optimization.models import Objective
from voicehive.optimization.parameter import Parameter
from voicehive.reasoning.fallback_adviser import FallbackAdviser

ADVISER = FallbackAdviser()


class TestEffects:
    @given(st.integers(1, 6), st.integers(2, 5), st.integers(0, 2**32 - 1))
    @settings(max_examples=50, deadline=None)
    def test_of_a_linear_problem_are_the_true_ones(self, parameters: int, objectives: int, seed: int):
        """Twelve solutions determine six coefficients; what is left is the digest's rounding."""
        rng = np.random.default_rng(seed)
        coefficients = rng.normal(size=(parameters, objectives))
        problem, goals, front = linear(coefficients, 40, rng)
        digest, codebook = digest_of(problem, goals, front, recommended=5, current=front[6], alternatives={"knee": 7})
        advice = ADVISER.advise(digest)
        assert advice.proposals
        for proposed in advice.proposals:
            changed = codebook.settings(proposed)
            move = [float(changed[p.name]) - float(front[5].settings[p.name]) for p in problem]
            true = np.array(move) @ coefficients
            for column, goal in enumerate(goals):
                values = [solution.outcomes[goal.name] for solution in front]
                tolerance = 0.02 * (max(values) - min(values))
                assert codebook.predicted(proposed)[goal.name] == pytest.approx(true[column], abs=tolerance)

    def test_with_more_parameters_than_solutions_they_are_still_bounded(self):
        rng = np.random.default_rng(1)
        problem, goals, front = linear(rng.normal(size=(30, 3)), 100, rng)
        digest, _ = digest_of(problem, goals, front, recommended=0, current=None, alternatives={})
        for proposed in ADVISER.advise(digest).proposals:
            assert all(abs(effect) <= 1.5 for effect in proposed.effects.values())

    def test_a_category_counts_as_itself(self):
        """The one category adds 3 whatever x does."""
        parameters = [
            Parameter(name="x", kind="real", low=0.0, high=1.0, current=0.0),
            Parameter(name="tier", kind="categorical", choices=("a", "b", "c"), current="a"),
        ]
        goals = [Objective(name="f", direction="minimize"), Objective(name="g", direction="minimize")]
        chosen = [{"x": x, "tier": tier} for x in (0.0, 0.3, 0.7, 1.0) for tier in "abc"]
        outcomes = {"f": lambda s: 2.0 * s["x"] + 3.0 * (s["tier"] == "b"), "g": lambda s: 1.0 - s["x"]}
        digest, codebook = digest_of(
            parameters, goals, front_of(chosen, outcomes), recommended=1, current=None, alternatives={"knee": 2}
        )
        proposed = next(p for p in ADVISER.advise(digest).proposals if codebook.settings(p)["tier"] == "c")
        assert codebook.settings(proposed) == {"x": 0.0, "tier": "c"}
        assert codebook.predicted(proposed) == {"f": pytest.approx(-3.0, abs=0.02), "g": pytest.approx(0.0, abs=0.02)}


class TestProposals:
    def test_can_all_be_taken_and_differ(self):
        digest, codebook = contact_centre_digest()
        parameters, _, front = contact_centre()
        proposed = [codebook.settings(proposal) for proposal in ADVISER.advise(digest).proposals]
        assert 3 <= len(proposed) <= 8
        for number, changed in enumerate(proposed):
            assert changed not in proposed[:number]
            assert changed != front[12].settings
            assert [parameter.fault_of(changed[parameter.name]) for parameter in parameters] == [None] * 5

    def test_a_step_helps_the_objective_that_is_worst_off(self):
        """Recommended are few agents in the plain tier: quality is at its worst, and the tier decides it."""
        digest, codebook = contact_centre_digest()
        advice = ADVISER.advise(digest)
        assert codebook.preferences(advice) == {"quality": 2.0}
        step = next(proposal for proposal in advice.proposals if set(proposal.changes) == {"P3"})
        assert codebook.settings(step)["tier"] == "fine"
        assert codebook.predicted(step)["quality"] == pytest.approx(0.1, abs=0.02)
        assert "-1.00" in step.explanation

    def test_half_of_the_way_to_the_knee(self):
        """Agents 26 and 30, thresholds by their logarithm; the category stays for the middle of numbers."""
        digest, codebook = contact_centre_digest()
        _, _, front = contact_centre()
        changed = codebook.settings(ADVISER.advise(digest).proposals[0])
        middle = np.sqrt(float(front[12].settings["threshold"]) * float(front[20].settings["threshold"]))
        assert changed["agents in Łódź"] == 28
        assert changed["threshold"] == pytest.approx(middle, rel=1e-3)
        assert changed["tier"] == "plain"

    def test_equal_digests_get_equal_advice(self):
        assert ADVISER.advise(contact_centre_digest()[0]) == ADVISER.advise(contact_centre_digest()[0])

    def test_survives_json(self):
        advice = ADVISER.advise(contact_centre_digest()[0])
        assert Advice.model_validate_json(advice.model_dump_json()) == advice

    def test_without_parameters_it_only_prefers(self):
        _, objectives, front = contact_centre()
        digest, _ = digest_of([], objectives, front, recommended=12, current=None, alternatives={})
        assert ADVISER.advise(digest) == Advice(preferences={"O3": 2.0}, source="fallback")

    def test_a_front_of_one_solution_leaves_nothing_to_say(self):
        parameters, objectives, front = contact_centre()
        digest, _ = digest_of(parameters, objectives, front[:1], recommended=0, current=None, alternatives={"knee": 0})
        assert ADVISER.advise(digest) == Advice(source="fallback")
