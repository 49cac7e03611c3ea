import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.autonomy.outcomes.watches import SERIES, metric, watch
from voicehive.autonomy.outcomes.sources import HttpSource, PrometheusSource
from voicehive.autonomy.outcomes.watch import OutcomeWatch

DOCUMENT: dict[str, Any] = {
    "metrics": [
        {
            "name": "answer_time",
            "source": {
                "kind": "prometheus",
                "url": "https://prometheus.example.com/team",
                "query": "avg(answer_seconds)",
                "headers_from_environment": {"Authorization": "VOICEHIVE_OUTCOME_DEFAULT__TOKEN"},
            },
            "direction": "minimize",
            "unit": "s",
            "planned_degradation": 0.5,
            "guard_rail": {"limit": 8.0, "in_a_row": 3},
        },
        {
            "name": "containment",
            "source": {"kind": "http", "url": "https://metrics.example.com/canary", "pointer": "/containment/0"},
            "control": {"kind": "http", "url": "https://metrics.example.com/rest", "pointer": "/containment/0"},
            "direction": "maximize",
            "planned_degradation": 0.02,
        },
    ],
    "window": "PT2H",
    "interval": "PT1M",
    "baseline_period": "PT4H",
}


def test_a_watch_is_read_from_json():
    declared = OutcomeWatch.model_validate_json(json.dumps(DOCUMENT))
    assert declared.readings == 120
    assert declared.alpha_per_metric == 0.025
    assert declared.miss == pytest.approx(0.075)
    assert [one.sign for one in declared.metrics] == [1, -1]
    assert OutcomeWatch.model_validate_json(declared.model_dump_json()) == declared


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": timedelta(seconds=30)}, "window holds 0 readings"),
        ({"window": timedelta(days=30), "interval": timedelta(minutes=1)}, "window holds 43200 readings"),
        ({"baseline_period": timedelta(seconds=1)}, "baseline_period must hold"),
        ({"least_window": timedelta(hours=3)}, "least_window is longer"),
        ({"alpha": 0.0}, "alpha"),
        ({"power": 1.0}, "power"),
    ],
)
def test_a_watch_that_cannot_work_is_refused(change: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message):
        watch(**change)


def test_a_name_given_twice_is_refused():
    with pytest.raises(ValidationError, match="answer_time is declared more than once"):
        watch(metric(), metric())


def test_a_metric_with_nothing_to_compare_with_is_refused():
    with pytest.raises(ValidationError, match="nothing to be compared with"):
        watch(metric(baseline=()))
    assert watch(metric(baseline=()), baseline_period=timedelta(hours=1))
    assert watch(metric(baseline=(), control=SERIES))
    present = HttpSource(kind="http", url="https://example.com/now")
    with pytest.raises(ValidationError, match="knows only its present value"):
        watch(metric(baseline=(), source=present), baseline_period=timedelta(hours=1))


@pytest.mark.parametrize(
    "change",
    [{"planned_degradation": 0.0}, {"planned_degradation": float("inf")}, {"baseline": (float("nan"),) * 30}],
)
def test_numbers_that_are_no_measurements_are_refused(change: dict[str, Any]):
    with pytest.raises(ValidationError):
        metric(**change)


@pytest.mark.parametrize("url", ["ftp://example.com", "https://user:secret@example.com", "prometheus", ""])
def test_an_address_that_cannot_be_asked_is_refused(url: str):
    with pytest.raises(ValidationError):
        HttpSource(kind="http", url=url)
    with pytest.raises(ValidationError):
        PrometheusSource(kind="prometheus", url=url, query="up")


def test_a_secret_is_named_and_never_given():
    with pytest.raises(ValidationError):
        HttpSource(kind="http", url="https://example.com", headers_from_environment={"Authorization": "PATH"})
    with pytest.raises(ValidationError, match="set by the reader itself"):
        HttpSource(
            kind="http", url="https://example.com", headers_from_environment={"Host": "VOICEHIVE_OUTCOME_DEFAULT__X"}
        )
