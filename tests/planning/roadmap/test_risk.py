import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from tests.planning.roadmap.portfolios import initiative, portfolio, problem
from voicehive.planning.distributions import Constant, Normal
from voicehive.planning.errors import UnknownName
from voicehive.planning.initiatives import MetricEffect
from voicehive.planning.roadmap.program import program_of
from voicehive.planning.roadmap.relaxed import branch, relax
from voicehive.planning.roadmap.tail import outcome, tail_rows
from voicehive.planning.roadmap.values import ValueSamples, discounted, values_of_effects


def test_risk_is_the_conditional_value_at_risk_of_the_normal():
    level, count = 0.95, 200_000
    draws = norm.ppf((np.arange(count) + 0.5) / count, loc=10.0, scale=3.0)
    made = problem(initiative("a"), periods=1, risk_level=level)
    program = program_of(made, ValueSamples(np.asarray(draws)[:, None, None]))
    found = outcome(program, np.array([0]))
    # Rockafellar & Uryasev (2000): CVaR of the loss -X is -mean + sd phi(z) / (1 - level).
    assert found.risk == pytest.approx(-10.0 + 3.0 * norm.pdf(norm.ppf(level)) / (1 - level), abs=2e-3)
    assert found.value == pytest.approx(10.0)


def test_the_worst_share_is_rounded_up_and_never_nothing():
    assert [tail_rows(*pair) for pair in ((1_000, 0.9), (1_000, 0.9995), (3, 0.9), (10, 0.85))] == [100, 1, 1, 2]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 50), st.data())
def test_the_cut_of_one_roadmap_bounds_the_worst_mean_of_every_other(seed: int, data: st.DataObject):
    program = program_of(*portfolio(seed % 5))
    columns = st.lists(st.integers(0, program.size - 1), max_size=5, unique=True)
    one, other = (np.array(data.draw(columns), dtype=np.intp) for _ in range(2))
    cut = outcome(program, one).cut
    assert -outcome(program, other).risk <= cut[other].sum() + 1e-9
    assert -outcome(program, one).risk == pytest.approx(cut[one].sum())


def test_the_relaxation_bounds_what_branch_and_bound_finds():
    program = program_of(*portfolio(1))
    relaxed = relax(program, np.inf)
    assert relaxed is not None
    found = branch(program, relaxed.cuts, 10.0)
    assert found.chosen is not None
    assert program.fits(found.chosen)
    assert outcome(program, found.chosen).utility <= found.bound + 1e-6 <= relaxed.bound + 2e-6


def test_effects_count_from_their_delay_after_the_finish_to_the_end():
    effect = MetricEffect(metric="service_level", change=Normal(mean=2.0, sd=0.5), delay=Constant(value=1.0))
    made = problem(initiative("a", 2, effects=(effect,), failure_probability=0.25), periods=12)
    values = values_of_effects(made, {"service_level": 10.0}, np.random.default_rng(0), 40_000).values
    # From the fourth period on, nine periods of 2 x 10, three times out of four; started in period 8, one period.
    assert values[:, 0, 0].mean() == pytest.approx(0.75 * 9 * 20.0, rel=0.01)
    assert values[:, 0, 8].mean() == pytest.approx(0.75 * 20.0, rel=0.01)
    assert (values[:, 0, 9:] == 0.0).all()
    assert (values[:, 0, 0] == 0.0).mean() == pytest.approx(0.25, abs=0.01)
    with pytest.raises(UnknownName, match="service_level"):
        values_of_effects(made, {"cost": 1.0}, np.random.default_rng(0), 10)


def test_values_are_discounted_by_the_start():
    assert discounted(np.array([[2.0, 4.0]]), np.array([1.0, 0.5])).tolist() == [[[2.0, 1.0], [4.0, 2.0]]]
