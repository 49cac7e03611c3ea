"""`voicehive plan simulate` and `voicehive plan roadmap`: what they print and write; no server anywhere."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar
from typer.testing import CliRunner, Result

from tests.planning.test_plan import EXAMPLE, GOAL, INITIATIVE, SURGE, written
from voicehive.cli.app import app
from voicehive.cli.errors import explain
from voicehive.cli.exit_codes import ExitCode
from voicehive.planning.errors import PlanningError
from voicehive.planning.roadmap.errors import InfeasibleRoadmap

DAY = ("--today", "2026-12-01", "--samples", "2000")


def run(command: str, *arguments: str | Path) -> Result:
    runner = CliRunner(env={"COLUMNS": "80"})
    return runner.invoke(app, ["plan", command, *map(str, arguments), *DAY], catch_exceptions=False)


def refused(command: str, *arguments: str | Path) -> tuple[str, ExitCode]:
    with pytest.raises(PlanningError) as caught:
        run(command, *arguments)
    told = explain(caught.value)
    assert told is not None
    return told


def test_example_is_simulated_and_told_within_80_columns() -> None:
    shown = run("simulate", EXAMPLE)
    assert shown.exit_code == ExitCode.DONE
    for goal in ("faster-answer", "resolved-at-once", "satisfied", "cheaper", "people-stay"):
        assert goal in shown.stdout
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())


def test_decided_initiatives_count_unless_nothing_is_asked() -> None:
    decided, nothing = (json.loads(run("simulate", EXAMPLE, "--json", *flags).stdout) for flags in ((), ("--nothing",)))
    assert nothing["starts"] == {}
    for after, before in zip(decided["result"]["goals"], nothing["result"]["goals"], strict=True):
        assert after["probability"]["value"] > before["probability"]["value"] + 0.3


def test_roadmap_is_shown_and_written_for_other_programs(tmp_path: Path) -> None:
    path = written(tmp_path / "plan.json", initiatives=[INITIATIVE, INITIATIVE | {"id": "j", "name": "Jay"}])
    files = ("--calendar", tmp_path / "r.ics", "--csv", tmp_path / "r.csv", "--report", tmp_path / "report")
    shown = run("roadmap", path, "--time", "5", *files)
    assert shown.exit_code == ExitCode.DONE, shown.output
    assert "proven" in shown.stdout
    assert "● Jay" in " ".join(shown.stdout.split())
    events = Calendar.from_ical((tmp_path / "r.ics").read_bytes()).walk("VEVENT")
    assert [str(event["dtstart"].dt) for event in events] == ["2027-01-01", "2027-01-01"]
    with (tmp_path / "r.csv").open(newline="") as rows:
        assert [row["initiative"] for row in csv.DictReader(rows)] == ["i", "j"]
    assert (tmp_path / "report" / "gantt.png").is_file()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"goals": [GOAL | {"start": "2026-01-01", "due": "2026-11-30"}]}, "before the plan starts"),
        ({"scenarios": [SURGE | {"group": "g"}, SURGE | {"id": "t", "group": "g", "probability": 0.9}]}, "sum to 1.15"),
        ({"capacities": {"dev": [-1]}}, "capacities.dev[0]: is -1, below 0"),
        ({"initiatives": [INITIATIVE | {"prerequisites": [{"initiative": "i"}]}]}, "cycle i -> i"),
    ],
)
def test_bad_plan_is_told_in_one_message(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    message, code = refused("roadmap", written(tmp_path / "plan.json", **changes))
    assert told in message
    assert code == ExitCode.BAD_INPUT


def test_budget_that_is_too_small_is_infeasible_and_says_by_how_much(tmp_path: Path) -> None:
    needed = INITIATIVE | {"required": True, "cost_at_start": 50}
    with pytest.raises(InfeasibleRoadmap) as caught:
        run("roadmap", written(tmp_path / "plan.json", initiatives=[needed], budgets=[20]))
    told = explain(caught.value)
    assert told is not None
    assert told[1] == ExitCode.INFEASIBLE
    assert "budget" in told[0]


def test_missing_file_and_wrong_date_are_bad_input(tmp_path: Path) -> None:
    assert refused("simulate", tmp_path / "none.yaml")[1] == ExitCode.BAD_INPUT
    assert "check the path" in refused("simulate", tmp_path / "none.yaml")[0]
