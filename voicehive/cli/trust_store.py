"""Trust in the store: shown, recorded, measured."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from voicehive.autonomy.policy import Policy
from voicehive.autonomy.policy_document import default_policy_text, parse_policy
from voicehive.autonomy.trust.calibration import CalibrationSummary
from voicehive.autonomy.trust.in_force import Trust, threshold_in_force
from voicehive.autonomy.trust.outcome import Outcome
from voicehive.autonomy.trust.promise import RiskPromise
from voicehive.autonomy.trust.report import TrustReport
from voicehive.autonomy.trust.withdrawal import RiskMonitor
from voicehive.cli import rendering
from voicehive.cli.deployment_settings import open_store
from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.output import Output
from voicehive.storage.database import Database
from voicehive.storage.outcomes import TrustOutcomes
from voicehive.storage.policies import Policies
from workers.settings import Settings


async def show(output: Output, tenant: str) -> ExitCode:
    """Every kind of decision with what is in force for it."""
    async with open_store(Settings.load()) as database:
        promise = (await _policy(database, tenant)).autonomy.promise
        described = [await _described(database, tenant, kind, promise) for kind in await _kinds(database, tenant)]
    if promise is None:
        output.console.print(f"the policy of tenant {tenant!r} makes no promise: its own threshold counts")
    else:
        output.console.print(_promised(promise))
    _table(output, described)
    made = None if promise is None else promise.model_dump(mode="json")
    output.document({"tenant": tenant, "promise": made, "kinds": [_document(*each) for each in described]})
    return ExitCode.DONE


async def record(output: Output, tenant: str, decision: str, said: Sequence[float]) -> ExitCode:
    """Record what became of one decision.

    Raises:
        InputInvalid: not exactly one outcome was said.
        TrustError: it cannot be recorded, or is none that the promise allows.
    """
    if len(said) != 1:
        raise InputInvalid("say exactly one of --good, --bad and --loss")
    [loss] = said
    async with open_store(Settings.load()) as database:
        promise = (await _policy(database, tenant)).autonomy.promise
        if promise is not None:
            promise.require(np.asarray([loss]))
        async with database.transaction() as session:
            outcomes = TrustOutcomes(session, tenant)
            outcome = await outcomes.record(decision, loss, datetime.now(UTC))
            report = await outcomes.report(outcome.kind)
    output.console.print(rendering.line("✔", f"{decision} ({outcome.kind}): loss {outcome.loss:g}", "green"))
    withdrawn = report is not None and report.monitor.withdrawn
    if report is not None and withdrawn:
        output.console.print(rendering.line("‼", f"{outcome.kind}: {report.reason}", "bold red"))
    output.document({"tenant": tenant, **outcome.model_dump(mode="json"), "withdrawn": withdrawn})
    return ExitCode.DONE


async def measure(output: Output, tenant: str, kind: str | None, begin_anew: bool) -> ExitCode:
    """Measure every kind, or one, and put the reports in force.

    Raises:
        InputInvalid: the policy makes no promise, or the kind is unknown.
        OutcomesUnusable: a recorded loss is none that the promise allows.
    """
    from activities import trust_measurement  # noqa: PLC0415 - Temporal's SDK loads with it

    async with open_store(Settings.load()) as database:
        promise = (await _policy(database, tenant)).autonomy.promise
        if promise is None:
            raise InputInvalid(f"the policy of tenant {tenant!r} makes no promise; give it an autonomy.promise")
        kinds = await _kinds(database, tenant)
        if kind is not None and kind not in kinds:
            raise InputInvalid(
                f"--kind {kind!r}: no such decision was assessed; there are {', '.join(kinds) or 'none'}"
            )
        for each in kinds if kind is None else (kind,):
            await trust_measurement.measure(database, tenant, each, promise, begin_anew=begin_anew)
    return await show(output, tenant)


async def _policy(database: Database, tenant: str) -> Policy:
    async with database.reading() as session:
        return parse_policy(await Policies(session, tenant).document() or default_policy_text())


async def _kinds(database: Database, tenant: str) -> tuple[str, ...]:
    async with database.reading() as session:
        return await TrustOutcomes(session, tenant).kinds()


_Described = tuple[str, tuple[Outcome, ...], int, TrustReport | None, RiskPromise | None]


async def _described(database: Database, tenant: str, kind: str, promise: RiskPromise | None) -> _Described:
    async with database.reading() as session:
        outcomes = TrustOutcomes(session, tenant)
        return kind, await outcomes.of_kind(kind), await outcomes.unknown(kind), await outcomes.report(kind), promise


def _document(
    kind: str, outcomes: Sequence[Outcome], unknown: int, report: TrustReport | None, promise: RiskPromise | None
) -> dict[str, object]:
    trust = Trust(measured=None if report is None else report.measured)
    parts = dict.fromkeys(report.parts, 1.0) if report else {}
    in_force = None if promise is None else threshold_in_force(promise, trust, parts)
    return {
        "kind": kind,
        "outcomes": len(outcomes),
        "unknown": unknown,
        "in_force": None if in_force is None else in_force.model_dump(mode="json"),
        "report": None if report is None else report.model_dump(mode="json"),
    }


def _table(output: Output, described: Sequence[_Described]) -> None:
    columns = ("kind", "outcomes", "unknown", "threshold", "more faultless", "Brier", "ECE", "ran alone")
    shown = rendering.table(*columns, numbers=("outcomes", "unknown", "more faultless"))
    told: list[str] = []
    for kind, outcomes, unknown, report, promise in described:
        trust = Trust(measured=None if report is None else report.measured)
        parts = dict.fromkeys(report.parts, 1.0) if report else {}
        in_force = None if promise is None else threshold_in_force(promise, trust, parts)
        brier, error = _errors(report.calibration if report else None)
        certified = in_force.threshold if in_force else None
        threshold = "the policy's" if in_force is None else "none" if certified is None else f"{certified:.3f}"
        more = str(in_force.more_faultless) if in_force else "-"
        shown.add_row(
            kind,
            str(len(outcomes)),
            str(unknown),
            threshold,
            more,
            brier,
            error,
            _watched(report.monitor if report else None),
        )
        told += [f"{kind}: {in_force.reason}"] if in_force else []
        told += [f"{kind}: {report.calibration.reason}"] if report else []
    output.console.print(shown if described else "no decision was assessed yet")
    for line in told:
        output.console.print(line, markup=False)


def _errors(summary: CalibrationSummary | None) -> tuple[str, str]:
    """Brier score and expected calibration error, before -> after."""
    if summary is None:
        return "-", "-"
    return _change(summary.brier_before, summary.brier_after), _change(summary.error_before, summary.error_after)


def _change(before: float | None, after: float | None) -> str:
    return "-" if before is None or after is None else f"{before:.3f} -> {after:.3f}"


def _watched(monitor: RiskMonitor | None) -> str:
    if monitor is None:
        return "-"
    seen = f"loss {monitor.loss:g} of {monitor.outcomes}"
    return f"WITHDRAWN, {seen}" if monitor.withdrawn else f"{seen}, evidence {monitor.evidence:.2f}"


def _promised(promise: RiskPromise) -> str:
    certainty = f"{1 - promise.delta:.0%}"
    return f"promise: of what runs alone at most {promise.alpha:.0%} may turn out wrong, with certainty {certainty}"
