import numpy as np
import pytest
from scipy.stats import norm

from tests.planning.tracking.tracked import DAY, START, compiled, point, tracked
from voicehive.planning.tracking import forecast as module
from voicehive.planning.tracking.forecast import forecast_completion
from voicehive.planning.tracking.pace import Pace, observed_pace


def test_a_steady_pace_arrives_when_it_must():
    goal = compiled(days=100)
    state = tracked(goal, [point(day, 70.0 + 0.2 * day) for day in range(21)])
    forecast = forecast_completion(state, goal.goal, np.random.default_rng(1))
    assert forecast.probability == 1.0
    # 80 is reached at day 50, which ends at 51.
    assert all(abs(at - (START + 51 * DAY)) <= DAY for at in forecast.completion.values())
    assert forecast.at_due["0.5"] == pytest.approx(70 + 0.2 * 99)


def test_a_pace_too_slow_never_arrives_and_too_few_points_say_nothing():
    goal = compiled(days=100)
    state = tracked(goal, [point(day, 70.0 + 0.01 * day) for day in range(21)])
    forecast = forecast_completion(state, goal.goal, np.random.default_rng(1))
    assert forecast.probability == 0.0
    assert set(forecast.completion.values()) == {None}
    assert forecast_completion(tracked(goal, [point(0, 70.0)]), goal.goal, np.random.default_rng(1)) is None


def test_a_target_that_is_reached_is_reached_now():
    goal = compiled(days=100, baseline=90.0, target=80.0, direction="minimize")
    state = tracked(goal, [point(day, 88.0 - day) for day in range(9)])
    forecast = forecast_completion(state, goal.goal, np.random.default_rng(1))
    assert forecast.probability == 1.0
    assert forecast.completion["0.8"] == START + 9 * DAY


def test_first_passage_agrees_with_the_inverse_gaussian_law(monkeypatch):
    """Brownian motion with drift mu reaches a > 0 by time t with probability
    Phi((mu t - a) / (s sqrt t)) + exp(2 mu a / s^2) Phi((-a - mu t) / (s sqrt t)); seen once a step, the barrier lies
    0.5826 s further off (Broadie, Glasserman and Kou 1997).
    """
    mu, sd, days, steps = 0.1, 1.0, 60, 30
    residuals = norm.ppf((np.arange(1_000) + 0.5) / 1_000) * sd
    np.random.default_rng(5).shuffle(residuals)
    monkeypatch.setattr(module, "observed_pace", lambda state: Pace(mu, residuals, 0.0, 1e9))
    goal = compiled(days=days, baseline=60.0, target=80.0)
    state = tracked(goal, [point(days - 1 - steps, 74.0)])
    a, root = 6.0 + 0.5826 * sd, sd * np.sqrt(steps)
    expected = norm.cdf((mu * steps - a) / root) + np.exp(2 * mu * a / sd**2) * norm.cdf((-a - mu * steps) / root)
    forecast = forecast_completion(state, goal.goal, np.random.default_rng(7), paths=20_000)
    assert forecast.probability == pytest.approx(expected, abs=4 * forecast.standard_error + 0.005)


def test_gaps_count_as_the_steps_they_took():
    goal = compiled(days=100)
    days = [0, 1, 2, 5, 6, 9, 10, 11]
    pace = observed_pace(tracked(goal, [point(day, 70.0 + 0.3 * day) for day in days]))
    assert pace.drift == pytest.approx(0.3)
    assert np.abs(pace.residuals).max() < 1e-9
    assert pace.steps == 11


def test_changes_over_gaps_spread_as_much_as_others_once_they_are_scaled():
    """Of 200 random walks seen at first daily, then every fourth day."""
    generator = np.random.default_rng(9)
    days = [*range(20), *range(23, 100, 4)]
    walks = 70 + np.cumsum(generator.normal(0, 0.5, (200, 100)), axis=1)
    paces = [observed_pace(tracked(compiled(), [point(day, walk[day]) for day in days])) for walk in walks]
    spread = np.std([pace.residuals for pace in paces], axis=0)
    assert spread[20:].mean() == pytest.approx(spread[:19].mean(), rel=0.1)
    assert spread.mean() == pytest.approx(0.5, rel=0.1)


def test_the_drift_is_as_uncertain_as_it_turns_out_to_be():
    """Over 300 random walks, and over as many levels with independent noise, for which it is too
    cautious, though not eightfold as the changes' own variance would be.
    """
    generator = np.random.default_rng(3)
    steps = generator.normal(0.1, 0.5, (300, 60))
    for values, most in ((70 + np.cumsum(steps, axis=1), 1.15), (70 + steps, 4.0)):
        paces = [observed_pace(tracked(compiled(), [point(n, x) for n, x in enumerate(each)])) for each in values]
        errors = np.array([pace.drift - np.diff(each).mean() for pace, each in zip(paces, values, strict=True)])
        assert np.abs(errors).max() < 1e-9
        told = np.sqrt(np.mean([pace.drift_error**2 for pace in paces]))
        actual = np.std([pace.drift for pace in paces])
        assert 0.85 <= told / actual <= most


def test_foretold_probabilities_come_true_as_often_as_they_say():
    """400 random walks of unknown drift, each forecast at a third of its time."""
    generator = np.random.default_rng(11)
    goal = compiled(days=90, baseline=60.0, target=80.0)
    foretold, came_true = [], []
    for _ in range(400):
        values = 70 + np.cumsum(generator.normal(generator.normal(0.05, 0.1), 0.6, 90))
        state = tracked(goal, [point(day, values[day]) for day in range(30)])
        foretold.append(forecast_completion(state, goal.goal, generator, paths=300).probability)
        came_true.append(values.max() >= 80.0)
    foretold, came_true = np.array(foretold), np.array(came_true)
    error = 3 * np.sqrt((foretold * (1 - foretold)).sum()) / 400
    assert foretold.mean() == pytest.approx(came_true.mean(), abs=error + 0.03)
    likely = foretold > 0.7
    assert likely.sum() > 30
    assert came_true[likely].mean() > 0.7
    assert came_true[foretold < 0.3].mean() < 0.3


def test_noise_that_reverts_does_not_wander():
    """Independent noise about a level: its spread at the due date stays near its own, not that of a random walk."""
    generator = np.random.default_rng(2)
    goal = compiled(days=120, baseline=60.0, target=95.0)
    state = tracked(goal, [point(day, 70 + noise) for day, noise in enumerate(generator.normal(0, 1, 60))])
    wandering = np.std(np.diff(generator.normal(0, 1, 60))) * np.sqrt(60)
    at_due = forecast_completion(state, goal.goal, generator).at_due
    assert at_due["0.8"] - at_due["0.1"] < 0.9 * wandering * (norm.ppf(0.8) - norm.ppf(0.1))


def test_a_seed_gives_one_forecast():
    goal = compiled()
    state = tracked(goal, [point(day, 70 + 0.1 * day + day % 3) for day in range(30)])
    once, again, other = (forecast_completion(state, goal.goal, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert once == again != other
