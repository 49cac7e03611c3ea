"""`voicehive optimize`: what it reads, prints and writes; no server anywhere."""

import asyncio
import io
import json
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyarrow import csv
from rich.console import Console
from typer.testing import CliRunner, Result

from tests.cli.command import CAPACITY, COMMAND, Command
from tests.optimization.results import objectives, result
from voicehive.cli.app import app
from voicehive.cli.budgets import read_budget
from voicehive.cli.errors import InputInvalid
from voicehive.cli.optimization_report import report
from voicehive.optimization.documents.result_files import read_parquet
from voicehive.optimization.models import Budget
from voicehive.optimization.result import (
    Adjustment,
    AdviceReport,
    Conflict,
    EvaluatedProposal,
    OptimizationResult,
    RedundantObjective,
    Relaxation,
)

EXAMPLES = CAPACITY.parents[1] / "problems"
FLEET, VENDORS = EXAMPLES / "fleet.yaml", EXAMPLES / "vendors.csv"
SHORT = ("--budget", "40x15")


def run(*arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, ["optimize", *map(str, arguments)], catch_exceptions=False)


def fleet(path: Path, **changes: Any) -> Path:
    """The example with some of its fields changed."""
    content = yaml.safe_load(FLEET.read_text()) | {"budget": {"population": 40, "generations": 15}}
    path.write_text(yaml.safe_dump(content | changes))
    return path


def shown(whole: OptimizationResult, count: int) -> str:
    file = io.StringIO()
    console = Console(file=file, width=80, highlight=False)
    for renderable in report(whole, objectives(count)):
        console.print(renderable)
    return file.getvalue()


def test_problem_is_optimised_and_explained_within_80_columns() -> None:
    answer = run(FLEET, *SHORT)
    assert answer.exit_code == 0, answer.output
    text = answer.stdout
    assert max(map(len, text.splitlines())) <= 80
    for said in ("today", "recommended", "better", "alternatives", "knee", "cheapest", "why", "confidence", "changed"):
        assert said in text
    assert "what each change does alone" in text
    assert answer.stderr == "", "no bar where there is no terminal"


def test_json_is_the_result_and_nothing_else() -> None:
    answer = run(FLEET, *SHORT, "--seed", "7", "--json")
    found = OptimizationResult.model_validate_json(answer.stdout)
    assert found.seed == 7
    assert found.evaluations == 40 * 15 + 1
    assert "recommended" in answer.stderr, "people still read it, elsewhere"
    again = OptimizationResult.model_validate_json(run(FLEET, *SHORT, "--seed", "7", "--json").stdout)
    assert again.front == found.front
    assert again.recommended == found.recommended


def test_decision_request_is_taken_for_its_problem() -> None:
    answer = run(CAPACITY, *SHORT, "--json")
    assert answer.exit_code == 0
    assert set(json.loads(answer.stdout)["current"]["outcomes"]) >= {"cost", "abandonment"}


@pytest.mark.parametrize("strategy", ["pareto", "weighted_sum", "constraint_satisfaction", "hybrid_ai"])
def test_each_strategy_ends_with_a_result(strategy: str) -> None:
    answer = run(FLEET, *SHORT, "--strategy", strategy, "--json")
    assert answer.exit_code == 0
    assert json.loads(answer.stdout)["strategy"] == strategy
    if strategy == "weighted_sum":
        assert "stays the winner" in answer.stderr
    if strategy == "hybrid_ai":
        assert "advice from" in answer.stderr


def test_table_is_ranked_under_named_objectives() -> None:
    answer = run(VENDORS, "--minimize", "cost_per_minute", "--maximize", "containment", "--label", "vendor", "--json")
    assert answer.exit_code == 0
    found = OptimizationResult.model_validate_json(answer.stdout)
    rows = csv.read_csv(VENDORS).to_pylist()
    undominated = {
        row["vendor"]
        for row in rows
        if not any(
            other["cost_per_minute"] <= row["cost_per_minute"]
            and other["containment"] >= row["containment"]
            and other["vendor"] != row["vendor"]
            for other in rows
        )
    }
    assert {each.settings["vendor"] for each in found.front} == undominated
    assert found.stopped_by == "ranked"
    header = next(line for line in answer.stderr.splitlines() if "recommended" in line)
    assert "today" not in header, "a table without parameters knows of no today"


def test_a_tables_alternatives_go_by_their_labels() -> None:
    asked = ("--minimize", "cost_per_minute", "--maximize", "containment")
    text = run(VENDORS, *asked, "--label", "vendor").stdout
    rows = csv.read_csv(VENDORS).to_pylist()
    cheapest = min(rows, key=lambda row: (row["cost_per_minute"], -row["containment"]))["vendor"]
    line = next(line for line in text.splitlines() if "cheapest" in line)
    assert cheapest in line
    numbered = run(VENDORS, *asked).stdout
    line = next(line for line in numbered.splitlines() if "cheapest" in line)
    assert f" {[row['vendor'] for row in rows].index(cheapest) + 1} " in line, "the row's number, from 1"


@pytest.mark.parametrize(
    ("interval", "told"),
    [
        ((0.1987, 0.2031), "from 0.1987 to 0.2031 (now 0.2000)"),
        ((0.1, 0.6), "from 0.10 to 0.60 (now 0.20)"),
        ((0.2, 0.2), "from 0.20 to 0.20 (now 0.20)"),
    ],
)
def test_weight_intervals_have_the_digits_that_tell_their_ends_apart(interval: tuple[float, float], told: str) -> None:
    whole = result(5, 20)
    name = objectives(5)[0].name
    assert {each.weight for each in objectives(5)} == {1.0}
    assert told in shown(whole.model_copy(update={"weight_intervals": {name: interval}}), 5)


async def test_a_simulator_that_is_not_there_has_its_own_code_and_says_why(alone: Command, tmp_path: Path) -> None:
    evaluator = {"kind": "http", "url": "http://127.0.0.1:9/run", "outcomes": ["cost"], "attempts": 2}
    objective = [{"name": "cost", "direction": "minimize"}]
    answer = await alone(
        "optimize", fleet(tmp_path / "p.yaml", evaluator=evaluator, objectives=objective, constraints=[])
    )
    assert answer.code == 7
    attempt, *_, last = answer.stderr.splitlines()
    assert "127.0.0.1:9/run" in attempt
    assert "asked again in" in " ".join(answer.stderr.split())
    assert "stamina" not in answer.stderr
    assert "try again later" in " ".join(answer.stderr.split()), last


async def test_table_without_objectives_says_what_to_type(alone: Command) -> None:
    answer = await alone("optimize", VENDORS)
    assert answer.code == 2
    for name in ("cost_per_minute", "latency_p95_ms", "uptime"):
        assert name in answer.stderr
    assert f"voicehive optimize {VENDORS} --minimize 'cost_per_minute' --maximize 'latency_p95_ms'" in answer.stderr
    assert "vendor," not in answer.stderr
    assert "Traceback" not in answer.stderr


def test_infeasible_problem_has_its_own_code_and_says_why(tmp_path: Path) -> None:
    constraints = [
        {"name": "few sessions", "formula": "sessions <= 250"},
        {"name": "many sessions", "formula": "sessions >= 300"},
    ]
    answer = run(fleet(tmp_path / "p.yaml", constraints=constraints), "--json")
    assert answer.exit_code == 8
    found = OptimizationResult.model_validate_json(answer.stdout)
    assert not found.feasible
    text = answer.stderr
    assert "infeasible" in text
    assert "cannot hold together" in text
    assert "few sessions" in text
    assert "the cheapest way out" in text


def test_pictures_and_files_are_written(tmp_path: Path) -> None:
    page, image = tmp_path / "front.html", tmp_path / "front.png"
    table, document = tmp_path / "r.parquet", tmp_path / "r.json"
    files = ("--plot", page, "--output", table, "--plot", image, "--output", document)
    assert run(FLEET, *SHORT, *files).exit_code == 0
    assert "fleet.yaml" in page.read_text()
    assert image.read_bytes().startswith(b"\x89PNG")
    written = OptimizationResult.model_validate_json(document.read_bytes())
    assert read_parquet(table).front == written.front


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--strategy", "best"), "use one of pareto, weighted_sum"),
        (("--budget", "soon"), "write 5s"),
        (("--budget", "2x3"), "population"),
        (("--plot", "front.svg"), "must end in .html or .png"),
        (("--output", "nowhere/r.json"), "there is no folder nowhere"),
        (("--output", "r.xlsx"), "must end in .json or .parquet"),
        (("--model", "gpt"), "add --strategy hybrid_ai"),
        (("--strategy", "hybrid_ai", "--model", "a b"), "no model's name"),
        (("--minimize", "cost"), "names its objectives itself"),
    ],
)
def test_wrong_options_are_refused_before_the_search(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(ValueError if "itself" in said else InputInvalid, match=said):
        run(FLEET, *arguments)


async def test_errors_are_told_in_one_message(alone: Command, tmp_path: Path) -> None:
    broken = fleet(tmp_path / "p.yaml", objectives=[{"name": "profit", "direction": "maximize"}])
    answer = await alone("optimize", broken, "--json")
    assert answer.code == 2
    assert "'profit'" in answer.document["error"]
    assert answer.document["exit_code"] == 2
    assert "Traceback" not in answer.stderr


async def test_interrupt_shows_the_best_so_far_and_a_terminal_has_a_bar(alone: Command, tmp_path: Path) -> None:
    long = fleet(tmp_path / "p.yaml", budget={"population": 40, "generations": 100_000, "time": "PT60S"})
    primary, secondary = os.openpty()
    process = await asyncio.create_subprocess_exec(
        COMMAND, "optimize", long, env=alone.environment | {"TERM": "xterm"},
        stdout=asyncio.subprocess.PIPE, stderr=secondary, stdin=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    os.close(secondary)
    bar = b""
    try:
        while b"Ctrl-C stops" not in bar:
            bar += await asyncio.wait_for(asyncio.to_thread(os.read, primary, 4_096), 30)
        process.send_signal(signal.SIGINT)
        drain = asyncio.get_running_loop().run_in_executor(None, _drain, primary)
        stdout, _ = await asyncio.wait_for(process.communicate(), 30)
        await drain
    finally:
        if process.returncode is None:
            process.kill()
        os.close(primary)
    assert process.returncode == 0
    assert b"generations" in bar
    assert "you stopped it; this is the best so far" in " ".join(stdout.decode().split())
    assert "recommended" in stdout.decode()


def _drain(primary: int) -> None:
    """Read on, so that the program can write; the system ends it with an error once nobody writes any more."""
    try:
        while os.read(primary, 4_096):
            pass
    except OSError:
        return


def test_budget_has_three_forms_that_combine() -> None:
    own = Budget(population=50, generations=60, time=timedelta(seconds=30))
    lasting = own.model_copy(update={"time": timedelta(seconds=5), "generations": 100_000})
    assert read_budget("5s", own) == lasting, "as many generations as there is time for"
    assert read_budget("1.5m", own).time == timedelta(seconds=90)
    assert read_budget("500ms", own).time == timedelta(milliseconds=500)
    assert read_budget("100x200", own) == own.model_copy(update={"population": 100, "generations": 200})
    evaluations = read_budget("20000", own)
    assert (evaluations.evaluations, evaluations.generations) == (20_000, 400), "as many generations as it takes"
    assert read_budget("5s, 20000, 100x200", own) == Budget(
        population=100, generations=200, evaluations=20_000, time=timedelta(seconds=5)
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "write 5s"), ("5", None), ("5 s", None), ("-5s", "write 5s"), ("0", "evaluations"), ("0s", "time"),
        ("2h", "time"), ("9" * 400 + "h", "time"), ("9" * 5_000, "out of bounds"), ("7x10", "population"),
        ("10x0", "generations"), ("5s,6s", "names time twice"), ("1e3", "write 5s"), ("٥s", "write 5s"),
    ],
)  # fmt: skip
def test_budget_says_what_is_wrong(text: str, said: str | None) -> None:
    if said is None:
        read_budget(text, Budget())
    else:
        with pytest.raises(InputInvalid, match=said):
            read_budget(text, Budget())


def test_a_hundred_objectives_fit_the_terminal() -> None:
    names = [each.name for each in objectives(100)]
    whole = result(
        100,
        300,
        weight_intervals={name: (0.0, place / 200) for place, name in enumerate(names)},
        acceptabilities={"recommended": 0.4, "knee": 0.1},
        adjustments=tuple(
            Adjustment(parameter=f"p{place}", before=1, after=2, effects=dict.fromkeys(names, 0.5), share=place / 100)
            for place in range(30)
        ),
        redundant_objectives=tuple(
            RedundantObjective(name=name, explained_by=names[0], correlation=0.97) for name in names[1:]
        ),
        reasons=tuple(f"{name} falls" for name in names),
    )
    text = shown(whole, 100)
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) < 120
    assert "and 90 more objectives, which move less" in text
    assert "and 96 more objectives, in --json" in text, "of the alternatives' table"
    assert "p29 1 -> 2" in text, "the change that counts most"
    assert "p3 1 -> 2" not in text
    assert "40%" in text


def test_where_todays_settings_stay_what_holds_them_is_named() -> None:
    whole = result(2, 20)
    assert whole.current
    stays = whole.model_copy(update={"current": whole.recommendation})
    assert "maximum_worsening" in shown(stays, 2)
    assert "maximum_worsening" not in shown(whole, 2)


def test_conflicts_advice_and_markup_are_told_as_they_are() -> None:
    whole = result(2, 20)
    violating = tuple(each.model_copy(update={"violation": 0.25}) for each in whole.front)
    conflict = Conflict(
        constraints=("cost at most [bold]5[/bold]", "b >= 3"),
        proven=True,
        relaxations=(Relaxation(constraint="b >= 3", by=1_250.5, to=1_749.5, unit="rps"),),
        alone=(Relaxation(constraint="b >= 3", by=1_250.5), Relaxation(constraint="cost", by=31.0, unit="EUR")),
        solution=violating[3],
    )
    proposal = EvaluatedProposal(
        settings={}, explanation="[/red] more agents", predicted={}, actual={}, kept=False, verdict="dominated"
    )
    advice = AdviceReport(source="rules", preferences={}, proposals=(proposal,))
    changes = {"front": violating, "feasible": False, "conflict": conflict, "advice": advice, "quarantined": 12}
    text = shown(whole.model_copy(update=changes), 2)
    assert "cannot hold together (proven)" in text
    assert "cost at most [bold]5[/bold]" in text
    assert "b >= 3: by 1,250 rps, to 1,750 rps" in text
    assert "this alone would do as well" in text
    assert "cost: by 31 EUR" in text
    assert text.count("b >= 3: by") == 1
    assert "[/red] more agents (dominated)" in text
    assert "0 of 1 proposals kept" in text
    assert "12 candidates had no finite outcomes" in text


def test_a_time_alone_enumerates_no_more_than_it_did_before() -> None:
    lasting = read_budget("5s", Budget())
    assert lasting.enumerates(7_200)
    assert not lasting.enumerates(7_201), "time might end in the midst of them"
    assert read_budget("20000", Budget()).enumerates(20_000)
