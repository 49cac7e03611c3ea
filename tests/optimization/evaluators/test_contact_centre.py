"""The contact centre: its outcomes against first principles, its arrivals file, its refusals."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import optimize, special

from tests.optimization.evaluators.test_erlang_a import generator_solution
from tests.optimization.problems import example, problem, small
from voicehive.optimization import ContactCentre, InvalidArrivals, MultiObjectiveOptimizer, Problem
from voicehive.optimization.arrays import Floats
from voicehive.optimization.evaluators.contact_centre_evaluator import ContactCentreEvaluator

CSV = "business_day,interval_start,calls\n" + "\n".join(
    [*(f"1,09:{minute:02d},{10 + minute}" for minute in range(0, 60, 5)), "1,10:00,30", "1,10:05,40", "2,09:00,5"]
)


def day_from_first_principles(centre: ContactCentre, settings: dict[str, Any]) -> dict[str, float]:
    """Every outcome by the generator matrix, the mixture of betas and root finding."""
    tier = centre.tiers[settings["model.tier"]]
    handling = centre.handling_time_seconds * tier.handling_time_factor
    theta, mu = 1.0 / centre.patience_seconds, 1.0 / handling
    calls = abandoned = called_back = agent_hours = at_once = 0.0
    mixtures: list[tuple[float, Floats, float, Floats]] = []
    for interval in centre.arrivals:
        minutes = interval.minutes or centre.interval_minutes
        agents = int(settings["agents." + centre.block_of(interval.start)])
        lam = interval.calls / (60.0 * minutes)
        room = int(settings["callback.threshold"] * agents / handling)
        states = generator_solution(lam, mu, theta, agents, room)
        calls += interval.calls
        abandoned += interval.calls * theta * float(states[agents:] @ np.arange(room + 1.0)) / lam
        called_back += interval.calls * float(states[-1])
        agent_hours += agents * minutes / 60.0
        at_once += interval.calls * float(states[:agents].sum())
        mixtures.append((interval.calls, states[agents:-1], agents * mu / theta, np.arange(float(room))))
    answered = calls - abandoned - called_back

    def late(wait: float) -> float:
        total = 0.0
        for many, states, c, behind in mixtures:
            shares = c / (c + behind + 1.0)
            total += many * float(states @ (shares * special.betainc(c + 1.0, behind + 1.0, math.exp(-theta * wait))))
        return total

    def excess(wait: float) -> float:
        return late(wait) - 0.05 * answered

    assert late(0.0) == pytest.approx(answered - at_once, rel=1e-6)
    talk_hours = answered * handling / 3600.0
    return {
        "cost": centre.price_per_agent_hour * agent_hours
        + tier.price_per_minute * 60.0 * talk_hours
        + centre.price_per_callback * called_back,
        "answer_wait_p95": float(optimize.brentq(excess, 0.0, 1000.0)) if excess(0.0) > 0 else 0.0,
        "abandonment": abandoned / calls,
        "quality": tier.quality * (answered + centre.callback_quality_factor * called_back) / calls,
        "callback_share": called_back / calls,
        "occupancy": talk_hours / agent_hours,
    }


class TestOutcomes:
    @pytest.mark.parametrize("tier", ["economy", "standard", "premium"])
    @pytest.mark.parametrize("threshold", [12, 60])
    def test_first_principles(self, tier: str, threshold: int):
        centre = example("capacity.json").evaluator
        settings = {"model.tier": tier, "callback.threshold": threshold}
        settings |= {"agents.morning": 57, "agents.peak": 82, "agents.afternoon": 74, "agents.evening": 52}
        columns = {name: np.array([value]) for name, value in settings.items()}
        outcomes = ContactCentreEvaluator(centre).evaluate(columns)
        assert tuple(outcomes) == ContactCentre.OUTCOMES
        for name, value in day_from_first_principles(centre, settings).items():
            assert outcomes[name][0] == pytest.approx(
                value, rel=1e-4, abs=0.002 if name == "answer_wait_p95" else 0.0
            ), name

    def test_remembering_changes_nothing(self, monkeypatch: pytest.MonkeyPatch):
        centre, rng = example("capacity.json").evaluator, np.random.default_rng(5)
        columns = {f"agents.{block}": rng.integers(30, 100, 200) for block in centre.blocks}
        columns |= {"model.tier": rng.choice(list(centre.tiers), 200), "callback.threshold": rng.integers(10, 90, 200)}
        fresh = ContactCentreEvaluator(centre).evaluate(columns)
        monkeypatch.setattr("voicehive.optimization.evaluators.contact_centre_evaluator._ROWS_REMEMBERED", 50)
        monkeypatch.setattr("voicehive.optimization.evaluators.contact_centre_evaluator._SERIES_REMEMBERED", 3)
        forgetful = ContactCentreEvaluator(centre)
        for start in range(0, 200, 20):
            part = forgetful.evaluate({name: column[start : start + 20] for name, column in columns.items()})
            for name, values in part.items():
                assert values == pytest.approx(fresh[name][start : start + 20], rel=1e-12), name

    def test_without_a_threshold_nobody_is_called_back(self):
        result = MultiObjectiveOptimizer(problem()).evaluate([])
        assert result.current.outcomes["callback_share"] == 0.0

    def test_no_agents_answer_nobody(self):
        content = small()
        content["parameters"][1] |= {"current": 0}
        night = {"agents.day": 30, "agents.night": 0, "model.tier": "plain"}
        outcomes = MultiObjectiveOptimizer(problem(content)).solutions([night])[0].outcomes
        assert outcomes["abandonment"] > 150 / 590


class TestArrivalsFile:
    def centre(self, **changes: Any) -> ContactCentre:
        content: dict[str, Any] = small()["evaluator"]
        content.pop("arrivals")
        return problem(small() | {"evaluator": content | {"arrivals_file": "calls.csv"} | changes}).evaluator

    def read(self, folder: Path, text: str, **changes: Any) -> ContactCentre:
        (folder / "calls.csv").write_text(text)
        return self.centre(**changes).with_data(folder)

    def test_five_minutes_become_half_hours(self, tmp_path: Path):
        centre = self.read(tmp_path, CSV, business_day=1)
        assert [(i.start, i.calls, i.minutes) for i in centre.arrivals] == [
            ("09:00", 10 + 15 + 20 + 25 + 30 + 35, 30),
            ("09:30", 40 + 45 + 50 + 55 + 60 + 65, 30),
            ("10:00", 70, 10),
        ]
        assert centre.arrivals_file is None

    def test_a_problem_inlines_what_it_names(self, tmp_path: Path):
        (tmp_path / "calls.csv").write_text(CSV)
        whole = Problem.model_validate(dict(problem()) | {"evaluator": self.centre(business_day="2")})
        assert [i.calls for i in whole.with_data(tmp_path).evaluator.arrivals] == [5]
        assert problem().with_data(tmp_path) == problem()

    @pytest.mark.parametrize(
        ("text", "changes", "message"),
        [
            ("day,interval_start,calls\n", {}, r"'business_day' is missing; the file has \['day'"),
            ("business_day,interval_start,calls\n", {}, "no rows"),
            ("business_day,interval_start,calls\n1,09:00,3\n1,09:05,many\n", {}, "line 3: calls 'many'"),
            ("business_day,interval_start,calls\n1,09:00,nan\n", {}, "line 2: calls 'nan'"),
            ("business_day,interval_start,calls\n1,09:00,-1\n", {}, "line 2: calls '-1'"),
            ("business_day,interval_start,calls\n1,9h,3\n", {}, "line 2: interval_start '9h'"),
            ("business_day,interval_start,calls\n1,25:00,3\n", {}, "line 2: interval_start '25:00'"),
            ("business_day,interval_start,calls\n1,09:00\n", {}, "line 2: calls ''"),
            ("business_day,interval_start,calls\n1,09:00,3\n1,09:00,3\n", {}, "same interval_start"),
            ("business_day,interval_start,calls\n1,09:00,3\n1,10:00,3\n", {}, "60 minutes apart"),
            (CSV, {}, "holds 2 days; pick one with business_day: 1, 2"),
            (CSV, {"business_day": 3}, "'3' is not in the file; it has 1, 2"),
        ],
    )
    def test_refusals_say_where(self, tmp_path: Path, text: str, changes: dict[str, Any], message: str):
        with pytest.raises(InvalidArrivals, match=message):
            self.read(tmp_path, text, **changes)

    def test_missing_file(self, tmp_path: Path):
        with pytest.raises(InvalidArrivals, match=r"calls.csv: cannot be read"):
            self.centre().with_data(tmp_path)

    def test_an_interval_no_block_covers(self, tmp_path: Path):
        with pytest.raises(ValidationError, match="interval at 03:00 must fall into exactly one block; no block"):
            self.read(tmp_path, "business_day,interval_start,calls\n1,03:00,3\n")

    def test_unread_file_is_not_evaluated(self):
        with pytest.raises(InvalidArrivals, match="call with_data"):
            ContactCentreEvaluator(self.centre())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arrivals": []}, "exactly one of arrivals"),
        ({"arrivals_file": "calls.csv"}, "exactly one of arrivals"),
        ({"business_day": 3}, "business_day picks a day"),
        ({"arrivals": [{"start": "09:00", "calls": 0}]}, "no interval has a call"),
        ({"arrivals": [{"start": "09:00", "calls": 1}, {"start": "09:00", "calls": 2}]}, "09:00 appears twice"),
        ({"arrivals": [{"start": "9:00", "calls": 1}]}, "arrivals.0.start"),
        ({"arrivals": [{"start": "09:00", "calls": -1}]}, "arrivals.0.calls"),
        ({"blocks": {"day": [{"start": "17:00", "end": "09:00"}]}}, "does not go forward"),
        (
            {"blocks": {"day": [{"start": "09:00", "end": "17:00"}], "night": [{"start": "09:30", "end": "24:00"}]}},
            r"blocks \['day', 'night'\] overlap",
        ),
        ({"patience_seconds": 0}, "patience_seconds"),
        ({"fixed": {"agents.dusk": 3}}, "'agents.dusk': the contact centre has no such setting; it has"),
        ({"fixed": {"agents.day": 3}}, "both a parameter and in evaluator.fixed"),
        ({"fixed": {"callback.threshold": -3}}, "not a number of seconds"),
    ],
)
def test_bad_centre(changes: dict[str, Any], message: str):
    content = small()
    content["evaluator"] |= changes
    with pytest.raises(ValidationError, match=message):
        problem(content)
