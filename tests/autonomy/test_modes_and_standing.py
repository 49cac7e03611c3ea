"""What the mode, the rung, the budgets, the freezes and the kill switches make of a verdict."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.autonomy.policies import context, policy, rule, step
from voicehive.autonomy.context import AfterContext
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.errors import FactsMissing, PolicyInvalid, SafetyViolation
from voicehive.autonomy.standing import Standing
from voicehive.storage.allowances import Shortage, Stop

TUESDAY = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW = Standing(at=TUESDAY)
LADDER = [{"name": name, "roles": ["supervisor"], "deadline": "PT4H"} for name in ("supervisors", "directors", "board")]


@pytest.mark.parametrize(
    ("autonomy", "verdict", "reason"),
    [
        ({"mode": "autonomous"}, "execute", "every rule holds"),
        ({"mode": "manual"}, "escalate", "the policy's mode is manual"),
        ({"mode": "manual", "alone": ["capacity"]}, "escalate", "the policy's mode is manual"),
        ({"mode": "supervised"}, "escalate", "supervised, which lets only nothing run alone"),
        ({"mode": "supervised", "alone": ["routing"]}, "escalate", "supervised, which lets only routing run alone"),
        ({"mode": "supervised", "alone": ["capacity"]}, "execute", "every rule holds"),
        ({"mode": "shadow"}, "execute", "every rule holds"),
    ],
)
def test_the_mode_says_whether_it_may_run_alone(autonomy: dict[str, Any], verdict: str, reason: str) -> None:
    result = AutonomousController(policy(autonomy={"threshold": 0.0, **autonomy})).assess(context())
    assert (result.verdict, result.mode) == (verdict, autonomy["mode"])
    assert reason in result.reasons[0]
    assert result.is_shadow == (autonomy["mode"] == "shadow")


def test_supervised_kinds_still_obey_the_rules() -> None:
    wanted = policy(rule("false", "escalate"), autonomy={"threshold": 0.0, "mode": "supervised", "alone": ["capacity"]})
    assert AutonomousController(wanted).assess(context()).verdict == "escalate"


def test_in_shadow_no_step_runs_but_what_people_approved() -> None:
    controller = AutonomousController(policy(autonomy={"threshold": 0.0, "mode": "shadow"}))
    with pytest.raises(SafetyViolation, match="mode is shadow"):
        controller.check_step(step(), None)
    with pytest.raises(SafetyViolation, match="mode is shadow"):
        controller.check_step(step(), "digest of an earlier policy")
    controller.check_step(step(), controller.policy_digest)


def test_the_highest_rung_that_a_violated_rule_names_is_asked_first() -> None:
    rules = (
        rule("false", "escalate", "low", rung="supervisors"),
        rule("false", "escalate", "high", rung="directors"),
        rule("true", "escalate", "holds", rung="board"),
        rule("false", "escalate", "none"),
    )
    review = {"ladder": LADDER}
    assert AutonomousController(policy(*rules, review=review)).assess(context()).review.rung == "directors"
    assert AutonomousController(policy(rules[3], review=review)).assess(context()).review.rung is None


def test_a_rung_that_the_ladder_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="'rule': 'nobody' is no rung of the ladder; use supervisors"):
        policy(rule("false", "escalate", rung="nobody"))
    with pytest.raises(PolicyInvalid, match="'nobody' is no rung of the ladder"):
        AutonomousController(policy(), (rule("false", "escalate", rung="nobody"),))
    with pytest.raises(ValueError, match="only an escalate rule has a rung"):
        rule("false", "block", rung="supervisors")


def test_after_a_step_its_result_is_judged() -> None:
    controller = AutonomousController(
        policy(
            rule("int(result.status) < 500", "block", "works", when="after"),
            rule("int(result.status) < 300", "escalate", "well", when="after"),
            rule("int(result.status) < 200", "warn", "note", when="after"),
        )
    )

    def ran(status: Any) -> AfterContext:
        return AfterContext(**step().model_dump(), result={"status": status})

    controller.check_after(ran(204), None)
    with pytest.raises(SafetyViolation, match=r"ran, but must be undone: .*well"):
        controller.check_after(ran(404), None)
    controller.check_after(ran(404), controller.policy_digest)
    for spoilt in (503, "x", None):
        with pytest.raises(SafetyViolation, match="works"):
            controller.check_after(ran(spoilt), controller.policy_digest)


@pytest.mark.parametrize(("severity", "verdict"), [("escalate", "escalate"), ("block", "reject")])
def test_a_shortage_speaks_as_strictly_as_its_budget(severity: Any, verdict: str) -> None:
    limited = policy(budgets=[{"id": "rate", "at_most": 5, "period": "PT1H", "severity": severity}])
    controller = AutonomousController(limited)
    short = Shortage(
        id="rate", severity=severity, reason="5 of 5 actions used up", free_at=TUESDAY + timedelta(hours=1)
    )
    result = controller.assess(context(), (), Standing(at=TUESDAY, shortages=(short,)))
    assert result.verdict == verdict
    assert result.reasons == ("5 of 5 actions used up; free again at 2026-11-24 13:00:00 UTC (rate)",)
    assert controller.assess(context(), (), NOW).verdict == "execute"


@pytest.mark.parametrize(
    "fields",
    [
        {"budgets": [{"id": "b", "at_most": 5, "period": "PT1H"}]},
        {"concurrency": [{"id": "b"}]},
        {"freezes": [{"id": "b", "weekdays": ["sun"], "start": "00:00", "end": "12:00"}]},
    ],
)
def test_without_a_standing_whatever_depends_on_it_is_violated(fields: dict[str, Any]) -> None:
    controller = AutonomousController(policy(**fields))
    assert controller.assess(context()).verdict == "escalate"
    assert controller.assess(context(), (), NOW).verdict == "execute"
    elsewhere = {name: [{**each, "deployments": ["other"]} for each in given] for name, given in fields.items()}
    assert AutonomousController(policy(**elsewhere)).assess(context()).verdict == "execute"


def test_a_kill_switch_lets_nothing_run_alone_and_says_who_turned_it() -> None:
    stop = Stop(everywhere=True, author="carol", reason="storm", at=TUESDAY)
    result = AutonomousController(policy()).assess(context(), (), Standing(at=TUESDAY, stops=(stop,)))
    assert result.verdict == "escalate"
    assert "carol stopped autonomous work everywhere at 2026-11-24 12:00 UTC: storm" in result.reasons[0]


def test_a_freeze_speaks_within_its_window_and_says_when_it_ends() -> None:
    freeze = {
        "id": "weekend", "weekdays": ["sat", "sun"], "start": "00:00", "end": "00:00", "zone": "Europe/Berlin",
        "severity": "block",
    }  # fmt: skip
    controller = AutonomousController(policy(freezes=[freeze]))
    saturday = Standing(at=datetime(2026, 11, 28, 12, tzinfo=UTC))
    result = controller.assess(context(), (), saturday)
    assert result.verdict == "reject"
    assert result.reasons == ("changes are frozen; free again at 2026-11-29 23:00:00 UTC (weekend)",)
    assert controller.assess(context(), (), NOW).verdict == "execute"


def test_what_a_decision_takes_is_computed_from_its_facts() -> None:
    wanted = policy(
        limits={"tenth": 0.1},
        budgets=[
            {"id": "actions", "at_most": 5, "period": "PT1H", "per": "deployment"},
            {"id": "spend", "at_most": 400, "period": "P1D", "charge": "current.cost - proposed.cost", "unit": "EUR"},
            {"id": "saving", "at_most": 400, "period": "P1D", "charge": "proposed.cost - current.cost"},
            {"id": "share", "at_most": 1, "period": "P1D", "charge": "limits.tenth * double(size(changed))"},
            {"id": "missing", "at_most": 400, "period": "P1D", "charge": "proposed.nothing"},
            {"id": "infinite", "at_most": 400, "period": "P1D", "charge": "proposed.cost / 0.0"},
            {"id": "other", "at_most": 400, "period": "P1D", "kinds": ["routing"]},
        ],
        concurrency=[{"id": "one"}, {"id": "few", "per": "tenant", "at_most": 3}],
    )
    elsewhere = step().model_copy(update={"deployment": "e"})
    demand = AutonomousController(wanted).demand(context(), (step(), elsewhere))
    amounts = {(charge.budget, charge.deployment): charge.amount for charge in demand.charges}
    assert amounts == {
        ("actions", "d"): 1.0, ("actions", "e"): 1.0, ("spend", None): 10.0, ("saving", None): 0.0,
        ("share", None): pytest.approx(0.1), ("missing", None): None, ("infinite", None): None,
    }  # fmt: skip
    causes = {charge.budget: charge.cause for charge in demand.charges if charge.cause}
    assert "nothing" in causes["missing"]
    assert "arithmetic gave inf" in causes["infinite"]
    assert [(slot.limit, slot.deployment) for slot in demand.slots] == [("one", "d"), ("one", "e"), ("few", None)]
    assert AutonomousController(wanted).assess(context(), (step(), elsewhere), NOW).demand == demand


@pytest.mark.parametrize(
    ("charge", "told"),
    [("proposed.cots", "did you mean 'cost'"), ("kind", "must be a number"), ("1 +", "Syntax error")],
)
def test_a_charge_that_cannot_be_meant_is_refused_at_load(charge: str, told: str) -> None:
    wanted = policy(
        context={"outcomes": {"cost": {}}}, budgets=[{"id": "b", "at_most": 5, "period": "PT1H", "charge": charge}]
    )
    with pytest.raises(PolicyInvalid) as error:
        AutonomousController(wanted)
    assert "budget 'b'" in str(error.value)
    assert told in str(error.value)


def test_rules_on_outcomes_that_a_request_will_not_have_are_named_before_the_search() -> None:
    controller = AutonomousController(
        policy(
            rule("proposed.cost <= 5.0", identifier="cost"),
            rule("!has(proposed.quality) || proposed.quality > 0.5", identifier="guarded"),
            rule("'a' in settings && settings.a > 1", identifier="also-guarded"),
            rule("settings.b > 1", identifier="setting"),
            rule("proposed.calls > 1.0", identifier="other", kinds=("routing",)),
        )
    )
    controller.check_facts("t", "capacity", "d", {"cost"}, {"b"})
    with pytest.raises(FactsMissing) as error:
        controller.check_facts("t", "capacity", "d", {"spend"}, {"c"})
    assert "constraint 'cost' asks for proposed['cost'], which this request will not have; it has spend" in str(
        error.value
    )
    assert "'setting'" in str(error.value)
    assert "guarded" not in str(error.value)
