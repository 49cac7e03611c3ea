import pytest
from pydantic import ValidationError

from voicehive.planning.copula import Correlation, Dependence
from voicehive.planning.distributions import Normal
from voicehive.planning.scenarios import Decay, Driver, Impact, Ramp, Scenario, ScenarioSet, Step

GROWTH = Driver(name="growth", distribution=Normal(mean=0.0, sd=1.0))


def scenario(identifier, **fields):
    return Scenario(id=identifier, name=identifier, **({"probability": 0.4} | fields))


def test_profiles_go_as_they_say():
    assert [Step().share(elapsed) for elapsed in (-1, 0, 5)] == [0, 1, 1]
    assert [Ramp(periods=4).share(elapsed) for elapsed in (-1, 0, 1, 3, 9)] == [0, 0.25, 0.5, 1, 1]
    assert [Decay(half_life=2.0).share(elapsed) for elapsed in (-1, 0, 2, 4)] == [0, 1, 0.5, 0.25]


def test_a_delay_counts_from_the_scenarios_start():
    impact = Impact(metric="m", size=8.0, profile=Ramp(periods=2), delay=3)
    assert [impact.coefficient(period, start=2) for period in (4, 5, 6, 7)] == [0, 4, 8, 8]


def test_a_group_whose_probabilities_pass_one_is_refused_by_name_and_members():
    with pytest.raises(ValidationError, match=r"group demand: .* sum to 1.2 \(boom 0.4 \+ slump 0.8\)"):
        ScenarioSet(scenarios=(scenario("boom", group="demand"), scenario("slump", probability=0.8, group="demand")))
    ScenarioSet(
        scenarios=(scenario("boom", probability=0.7, group="demand"), scenario("b", probability=0.3, group="demand"))
    )


def test_what_an_ai_proposed_counts_only_once_accepted():
    proposed = scenario("slump", probability=0.8, group="demand", origin="ai", drivers=(GROWTH,))
    waiting = ScenarioSet(scenarios=(scenario("boom", group="demand"), proposed))
    assert [one.id for one in waiting.counting] == ["boom"]
    assert waiting.drivers == ()
    accepted = proposed.model_copy(update={"accepted": True})
    assert ScenarioSet(scenarios=(accepted,)).drivers == (GROWTH,)
    with pytest.raises(ValidationError, match=r"sum to 1\.2"):
        ScenarioSet(scenarios=(scenario("boom", group="demand"), accepted))


def test_scenarios_share_a_driver_that_is_defined_alike_and_no_other():
    impacts = (Impact(metric="m", size=1.0, driver="growth"),)
    shared = ScenarioSet(
        scenarios=(scenario("a", drivers=(GROWTH,), impacts=impacts), scenario("b", drivers=(GROWTH,)))
    )
    assert shared.drivers == (GROWTH,)
    other = Driver(name="growth", distribution=Normal(mean=0.0, sd=2.0))
    with pytest.raises(ValidationError, match="scenario b: driver growth: differs from that of scenario a"):
        ScenarioSet(scenarios=(scenario("a", drivers=(GROWTH,)), scenario("b", drivers=(other,))))


def test_unknown_and_repeated_names_are_refused():
    with pytest.raises(ValidationError, match=r"scenario a: impacts\[0\].driver: price is no driver .*has growth"):
        scenario("a", drivers=(GROWTH,), impacts=(Impact(metric="m", size=1.0, driver="price"),))
    with pytest.raises(ValidationError, match="growth is given 2 times"):
        scenario("a", drivers=(GROWTH, GROWTH))
    with pytest.raises(ValidationError, match="scenario a: its id is used 2 times"):
        ScenarioSet(scenarios=(scenario("a"), scenario("a")))
    unknown = Dependence(correlations=(Correlation(drivers=("growth", "price"), coefficient=0.1),))
    with pytest.raises(ValidationError, match=r"correlations\[0\]: no scenario has a driver price"):
        ScenarioSet(scenarios=(scenario("a", drivers=(GROWTH,)),), dependence=unknown)
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        scenario("a", probability=1.2)


def test_a_scenario_set_survives_json():
    whole = ScenarioSet(
        scenarios=(
            scenario(
                "a",
                drivers=(GROWTH,),
                impacts=(Impact(metric="m", size=1.0, driver="growth", profile=Decay(half_life=3.0)),),
            ),
        )
    )
    assert ScenarioSet.model_validate_json(whole.model_dump_json()) == whole
