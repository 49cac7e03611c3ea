"""Everything fits a terminal of 80 columns and means the same without colour."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console, RenderableType

from tests.cli.command import CAPACITY
from voicehive.autonomy.outcomes.progress import Observation
from voicehive.autonomy.outcomes.verdict import OutcomeVerdict, OutcomeWord
from voicehive.autonomy.progress import Waiting
from voicehive.autonomy.request import DecisionRequest, DecisionStatus
from voicehive.cli import rendering
from voicehive.cli.exit_codes import ExitCode, of_outcome
from voicehive.cli.narration import Narrator
from voicehive.cli.runs import Run
from voicehive.execution.record import ExecutionStatus, StepRecord
from voicehive.optimization import MultiObjectiveOptimizer

LONG = "a-deployment-with-a-name-that-is-far-too-long-for-a-table-" + "x" * 60


def shown(*what: RenderableType, **options: Any) -> str:
    file = io.StringIO()
    console = Console(file=file, width=80, highlight=False, **options)
    for each in what:
        console.print(each)
    return file.getvalue()


@pytest.fixture(scope="module")
def request_() -> DecisionRequest:
    return DecisionRequest.model_validate_json(CAPACITY.read_bytes())


def test_comparison_says_better_or_worse_in_words(request_: DecisionRequest) -> None:
    problem = request_.problem
    today = dict(problem.current)
    optimizer = MultiObjectiveOptimizer(problem)
    current, cheaper = optimizer.solutions([today, today | {"agents.peak": 72}])
    text = shown(rendering.comparison(problem.objectives, current, cheaper))
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "better" in lines["cost"]
    assert "worse" in lines["abandonment"]
    assert "worse" in lines["quality"], "quality is maximised: less is worse"
    assert "changed" in lines["agents.peak"]
    assert "changed" not in lines["agents.evening"]
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_no_colour_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    record = StepRecord(name="s", summary="parameter.set a 1 -> 2", state="failed", detail="refused")
    assert "\x1b[31m" in shown(rendering.step(1, 2, record), force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = shown(rendering.step(1, 2, record), force_terminal=True)
    assert "\x1b[31m" not in plain
    assert "step 1/2 parameter.set a 1 -> 2: failed: refused" in plain


def test_long_names_are_folded_not_cut(request_: DecisionRequest) -> None:
    table = rendering.table("id", "stage", "verdict")
    table.add_row(LONG, "waiting for people", "escalate")
    text = shown(table, rendering.settings({LONG: 1}, {LONG: 2}))
    assert max(map(len, text.splitlines())) <= 80
    ids = "".join(line.split()[0] for line in text.splitlines() if line.split() and line.split()[0][0] in "ax-")
    assert LONG in ids


def execution(stage: str, *states: str, reason: str = "") -> ExecutionStatus:
    steps = [
        {"name": f"s{n}", "summary": f"set {n}", "state": state, "result": {} if state == "compensated" else None}
        for n, state in enumerate(states, 1)
    ]
    return ExecutionStatus.model_validate_json(json.dumps({"stage": stage, "steps": steps, "reason": reason}))


def test_narrator_tells_each_thing_once_and_undoing_backwards() -> None:
    file = io.StringIO()
    narrator = Narrator(Console(file=file, width=80))
    run = Run(id="d", workflow_type="DecisionWorkflow", state="RUNNING", url=None, execution_id="d-execution")
    question = Waiting(
        subject="decision",
        rung="supervisors",
        reviewers=("alice", "bob"),
        approvals=(),
        quorum=1,
        until=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        digest="0" * 64,
    )
    waiting = run.model_copy(update={"decision": DecisionStatus(stage="waiting_for_people", waiting=(question,))})
    begun = run.model_copy(update={"execution": execution("executing", "applied", "running", "pending")})
    failed = execution("rolling_back", "compensated", "compensated", "failed", reason="no line")
    undone = run.model_copy(update={"execution": failed})
    ended = undone.model_copy(update={"state": "COMPLETED", "outcome": "rolled_back", "reason": "no line"})
    for seen in (run, waiting, waiting, begun, begun, undone, ended):
        narrator.tell(seen)
    told = file.getvalue()
    assert told.count("waiting for alice or bob") == 1
    assert "voicehive approve d --reviewer alice" in told
    in_order = ["set 1: applied", "set 2: applied", "set 3: failed", "rolling back: no line"]
    in_order += ["set 2: compensated", "set 1: compensated", "rolled back: no line"]
    places = [told.index(each) for each in in_order]
    assert places == sorted(places)
    assert all(told.count(each) == 1 for each in in_order)


def test_narrator_tells_of_an_observation_when_its_word_changes_not_at_every_reading() -> None:
    file = io.StringIO()
    narrator = Narrator(Console(file=file, width=200))
    run = Run(id="e", workflow_type="ExecutionWorkflow", state="RUNNING", url=None)
    began = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    observing = execution("observing", "applied")

    def after(readings: int, word: OutcomeWord, final: bool) -> Run:
        verdict = OutcomeVerdict(verdict=word, final=final, reasons=(f"it is {word}",), metrics=())
        stands = Observation(started_at=began, until=began, readings=readings, verdict=verdict)
        return run.model_copy(update={"execution": observing.model_copy(update={"observation": stands})})

    for seen in (
        after(1, "unclear", False),
        after(2, "unclear", False),
        after(3, "good", False),
        after(4, "good", False),
        after(5, "bad", True),
        after(5, "bad", True),
    ):
        narrator.tell(seen)
    told = [line for line in file.getvalue().splitlines() if "observ" in line]
    assert ["it is unclear" in told[0], "it is good" in told[1], "it is bad" in told[2]] == [True] * 3
    assert "1 reading:" in told[0]
    assert told[2].startswith("✘ observed after 5 readings: bad")
    assert len(told) == 3


def test_parked_compensation_says_which_commands_settle_it() -> None:
    file = io.StringIO()
    run = Run(id="d", workflow_type="DecisionWorkflow", state="RUNNING", url=None, execution_id="d-execution")
    parked = execution("needs_attention", "needs_attention", "failed")
    Narrator(Console(file=file, width=80)).tell(run.model_copy(update={"execution": parked}))
    for kind in ("retry", "skip", "done"):
        assert f"voicehive {kind} d --step s1" in file.getvalue()


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("executed", 0), ("unchanged", 0), ("applied", 0), ("rejected", 3), ("rolled_back", 4), (None, 5)],
)
def test_exit_code_of_each_outcome(outcome: str | None, code: int) -> None:
    assert of_outcome(outcome) is ExitCode(code)
