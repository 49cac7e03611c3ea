"""The fault matrix: with every fault of a model's service, at every point, a decision ends correctly and in time.

Each fault strikes at the first request of a judgement, in its middle, or at all of them; the service is also killed
midway, and is not there at all. A row is right where the judgement is a feasible candidate's, says who made it and why,
fits the verdict that the controller then gives, and took no longer than the budget allows. Added time is what it took
beyond the same judgement with nothing wrong, asked in the same run. Last come the judgements that no model is waited
for: from the cache in the store, by the open circuit and by the fallback alone.
"""

import asyncio
import itertools
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import track
from rich.table import Table

from voicehive.autonomy.context import DecisionContext
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.policy_document import parse_policy
from voicehive.optimization.models import Objective, Solution
from voicehive.reasoning.circuit_breaker import CircuitBreaker
from voicehive.reasoning.language_model import LanguageModel
from voicehive.reasoning.mock_service.answers import answer
from voicehive.reasoning.mock_service.faults import Fault
from voicehive.reasoning.mock_service.server import MockOpenAI
from voicehive.reasoning.models import Judgement, Question
from voicehive.reasoning.openai_reasoner import OpenAIReasoner, ReasonerOptions
from voicehive.reasoning.reasoner import FallbackReasoner, Reasoner
from voicehive.storage.database import Database, migrate
from voicehive.storage.model_usage import ModelAnswers, ModelBudget, ModelUsage

BUDGET_SECONDS = 3.0
"""For a whole judgement; the product's default is 20 s, with the same proportions."""
TOLERANCE_SECONDS = 0.5
ATTEMPT_SECONDS = 1.2
SAMPLES = 3
REPEATS = 300

POLICY = """
name: benchmark
autonomy: {threshold: 0.97}
constraints:
  - {id: ceiling, expression: proposed.abandonment <= 0.08, severity: block, message: too many leave, kinds: [capacity]}
reviewers: {alice: [supervisor]}
review: {ladder: [{name: supervisors, roles: [supervisor], deadline: PT4H}]}
"""
"""Asks for a little more than the fallback's word is worth beside two parts of 1, which is 0.9 ** (1 / 3) = 0.965."""

OBJECTIVES = (
    Objective(name="cost", direction="minimize", unit="EUR", maximum_worsening=None),
    Objective(name="abandonment", direction="minimize", maximum_worsening=None),
)


class Point(NamedTuple):
    """Where a fault strikes: the service with it, and whether most samples are spared."""

    name: str
    mock: Callable[[Fault], MockOpenAI]


class Row(NamedTuple):
    """One judgement, and what is wrong with it."""

    fault: str
    point: str
    judgement: Judgement
    seconds: float
    requests: int
    verdict: str
    wrong: str


class Killed(MockOpenAI):
    """Dies with the second request."""

    def fault_of(self, received: Any) -> Fault | None:
        """Stop listening, and close the connection without an answer."""
        fault = super().fault_of(received)
        if len(self.requests) < 2:
            return fault
        self.closing.set()
        self.become_unreachable()
        return Fault.DISCONNECT


POINTS = (
    Point("first request", lambda fault: MockOpenAI(faults=[fault])),
    Point("in the middle", lambda fault: MockOpenAI(faults=[None, fault])),
    Point("every request", lambda fault: MockOpenAI(standing=fault)),
)


def question(number: int = 0) -> Question:
    """Four candidates, of which the optimiser recommends the last."""
    outcomes = ((12_000.0, 0.04), (11_000.0, 0.05), (14_000.0, 0.02), (12_200.0, 0.025))
    names = [objective.name for objective in OBJECTIVES]
    candidates = tuple(
        Solution(index=index, settings={"agents": 80 - index}, outcomes=dict(zip(names, values, strict=True)))
        for index, values in enumerate(outcomes)
    )
    current = Solution(index=-1, settings={"agents": 84}, outcomes={"cost": 12_500.0 + number, "abandonment": 0.045})
    return Question(kind="capacity", objectives=OBJECTIVES, current=current, candidates=candidates, recommended=3)


def reasoner(base_url: str, **stores: Any) -> OpenAIReasoner:
    """The reasoner under test."""
    model = LanguageModel(name="mock", base_url=base_url, timeout_seconds=ATTEMPT_SECONDS, attempts=3)
    return OpenAIReasoner(model, ReasonerOptions(total_seconds=BUDGET_SECONDS, samples=SAMPLES), **stores)


def verdict(asked: Question, judgement: Judgement) -> str:
    """What the controller says of the judgement's choice."""
    chosen = next(candidate for candidate in asked.candidates if candidate.index == judgement.choice)
    context = DecisionContext(
        tenant="t",
        deployment="d",
        kind="capacity",
        requester="olivia",
        current=asked.current.outcomes,
        proposed=chosen.outcomes,
        reasoner_confidence=judgement.confidence,
    )
    return CONTROLLER.assess(context).verdict


CONTROLLER = AutonomousController(parse_policy(POLICY))


async def measured(fault: str, point: str, mock: MockOpenAI) -> Row:
    """One judgement by a reasoner of its own."""
    asked = question()
    with mock:
        started = time.perf_counter()
        judgement = await reasoner(mock.base_url).judge(asked)
        seconds = time.perf_counter() - started
        requests = len(mock.requests)
    given = verdict(asked, judgement)
    return Row(fault, point, judgement, seconds, requests, given, wrong(asked, judgement, seconds, given))


def wrong(asked: Question, judgement: Judgement, seconds: float, given: str) -> str:
    """What is wrong with a judgement; nothing where it is right."""
    feasible = {candidate.index for candidate in asked.candidates if candidate.feasible}
    fallen = judgement.source == "fallback"
    faults = {
        "no feasible choice": judgement.choice not in feasible,
        "no cause": fallen != bool(judgement.cause),
        "confidence not lowered": fallen and judgement.confidence > 0.9,
        "runs alone on the fallback's word": fallen and given != "escalate",
        "does not run alone though all agree": judgement.confidence == 1.0 and given != "execute",
        "over the budget": seconds > BUDGET_SECONDS + TOLERANCE_SECONDS,
    }
    return "; ".join(name for name, holds in faults.items() if holds)


async def matrix(console: Console) -> list[Row]:
    """Every fault at every point, and the service killed midway or absent."""
    cases = [(fault.value, point.name, point.mock(fault)) for fault in Fault for point in POINTS]
    cases.append(("killed", "second request", Killed()))
    return [await measured(*case) for case in track(cases, "faults", console=console)] + [await absent()]


async def absent() -> Row:
    """Nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    asked = question()
    started = time.perf_counter()
    judgement = await reasoner(f"http://127.0.0.1:{port}/v1").judge(asked)
    seconds = time.perf_counter() - started
    given = verdict(asked, judgement)
    return Row("none there", "every request", judgement, seconds, 0, given, wrong(asked, judgement, seconds, given))


@asynccontextmanager
async def store() -> AsyncGenerator[Database]:
    """An SQLite store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'store.db'}"
        await migrate(url)
        database = await Database.open(url)
        try:
            yield database
        finally:
            await database.close()


async def latencies(judging: Reasoner, asked: Question) -> list[float]:
    """Milliseconds of judgements one after another."""
    took: list[float] = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        await judging.judge(asked)
        took.append(1e3 * (time.perf_counter() - started))
    return took


async def without_waiting() -> dict[str, list[float]]:
    """What a judgement takes where no model is asked."""
    found: dict[str, list[float]] = {}
    async with store() as database:
        with MockOpenAI() as mock:
            meter = ModelUsage(database, default=ModelBudget(tokens=10**6))
            cached = reasoner(mock.base_url, meter=meter, cache=ModelAnswers(database))
            await cached.judge(question())
            found["from the cache in the store (SQLite)"] = await latencies(cached, question())
            assert len(mock.requests) == SAMPLES
            spent = reasoner(mock.base_url, meter=ModelUsage(database, default=ModelBudget(tokens=0)))
            found["fallback, the budget is spent"] = await latencies(spent, question())
    with MockOpenAI(answer, itertools.repeat(Fault.BAD_REQUEST)) as mock:
        broken = reasoner(mock.base_url, breaker=CircuitBreaker(failures=SAMPLES, seconds=600.0))
        await broken.judge(question())
        found["fallback, the circuit is open"] = await latencies(broken, question())
    found["fallback, no model configured"] = await latencies(FallbackReasoner(), question())
    return found


def matrix_table(rows: list[Row], usual: float) -> Table:
    """The matrix."""
    title = f"Faults of the model's service: {SAMPLES} samples, budget {BUDGET_SECONDS:g} s a judgement"
    table = Table("fault", "strikes at", "judged by", "confidence", "verdict", "requests", title=title)
    table.add_column("added time", justify="right")
    table.add_column("of the budget", justify="right")
    table.add_column("cause or fault")
    for row in rows:
        judged_by = "fallback" if row.judgement.source == "fallback" else "model"
        table.add_row(
            row.fault,
            row.point,
            judged_by,
            f"{row.judgement.confidence:.2f}",
            row.verdict,
            str(row.requests),
            f"{row.seconds - usual:.2f} s",
            f"{row.seconds / BUDGET_SECONDS:.0%}",
            f"[red]{row.wrong}[/red]" if row.wrong else row.judgement.cause.removeprefix("model mock: "),
        )
    return table


def latency_table(found: dict[str, list[float]], usual: float) -> Table:
    """Judgements without a model, beside one that the mock answers at once."""
    table = Table("judgement", title=f"Without waiting for a model ({REPEATS} each)")
    for name in ("median", "p95", "to the mock's"):
        table.add_column(name, justify="right")
    for name, took in found.items():
        median, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
        table.add_row(name, f"{median:.2f} ms", f"{p95:.2f} ms", f"{median / 1e3 / usual:.3f}")
    return table


async def run(console: Console) -> int:
    """Measure and print; 1 if anything was wrong."""
    await measured("none", "", MockOpenAI())  # loads the client
    usual = statistics.median([(await measured("none", "", MockOpenAI())).seconds for _ in range(5)])
    rows = await matrix(console)
    found = await without_waiting()
    console.print(matrix_table(rows, usual))
    console.print(latency_table(found, usual))
    bad = [row for row in rows if row.wrong]
    slowest = max(row.seconds for row in rows)
    console.print(f"{len(rows) - len(bad)} of {len(rows)} ended correctly; the slowest took {slowest:.2f} s")
    console.print(f"with nothing wrong: {usual:.3f} s (the mock answers at once)")
    return 1 if bad else 0


def main() -> None:
    """Run with a key that only the mock sees."""
    os.environ["OPENAI_API_KEY"] = "mock"
    sys.exit(asyncio.run(run(Console(width=150))))


if __name__ == "__main__":
    main()
