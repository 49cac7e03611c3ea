"""Policies and kill switches in the store: put, shown, compared, stopped."""

import getpass
import json
from datetime import UTC, datetime
from pathlib import Path

from voicehive.autonomy.context import Facts
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.errors import PolicyInvalid, SignatureInvalid
from voicehive.autonomy.policy_difference import ChangedVerdict, PastDecision, changed_verdicts
from voicehive.autonomy.policy_document import default_policy_text, parse_policy
from voicehive.autonomy.signatures import PolicySignature, load_signing_key, sign_policy, verify_policy
from voicehive.cli import policy_trials, rendering
from voicehive.cli.deployment_settings import open_store
from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.output import Output
from voicehive.storage.allowances import Stop
from voicehive.storage.assessments import Assessments
from voicehive.storage.autonomous_actions import AutonomousActions
from voicehive.storage.database import Database
from voicehive.storage.kill_switches import EVERYWHERE, KillSwitches, SwitchTurn
from voicehive.storage.policies import Policies, StoredPolicy
from workers.settings import Settings


async def put(output: Output, path: Path, tenant: str, author: str | None, key: Path | None) -> ExitCode:
    """Check a policy, run its cases, and only then put it in force.

    Raises:
        PolicyInvalid: it has a fault, or a case fails.
    """
    trial = policy_trials.attempt(path)
    if not trial.passed:
        problems = [*trial.report.faults, *(f"case {case.name!r}: {case.told}" for case in trial.failures)]
        raise PolicyInvalid("\n  ".join([f"{path} was not put in force:", *problems]))
    author, digest = author or getpass.getuser(), trial.document.policy.content_digest()
    signed = sign_policy(load_signing_key(_read(key)), digest, tenant, author) if key else None
    signature = (signed.signature, signed.signer) if signed else (None, None)
    async with open_store(Settings.load()) as database, database.transaction() as session:
        stored = await Policies(session, tenant).add(trial.text, digest, author, *signature)
    for warning in trial.report.warnings:
        output.console.print(rendering.line("!", warning, "yellow"))
    told = f"policy {trial.document.policy.name!r} is in force for tenant {tenant!r} as version {stored.version}"
    output.console.print(rendering.line("✔", f"{told}; {len(trial.cases)} cases pass", "green"))
    output.document({"tenant": tenant, **_described(stored, tenant), "cases": len(trial.cases)})
    return ExitCode.DONE


async def show(output: Output, tenant: str, version: int | None) -> ExitCode:
    """The document of one version, and whether anything is stopped."""
    async with open_store(Settings.load()) as database:
        stored = await _stored(database, tenant, version)
        async with database.reading() as session:
            stops = await KillSwitches(session).stops(tenant)
    document = stored.document if stored else default_policy_text()
    output.console.print(document, markup=False, soft_wrap=True)
    if stored is None:
        output.console.print(f"tenant {tenant!r} has no policy of its own; this default one is in force")
    else:
        output.console.print(_headline(stored, tenant))
    for stop in stops:
        output.console.print(rendering.line("‼", _stop(stop), "bold red"))
    described = _described(stored, tenant) if stored else {"version": 0}
    output.document(
        {"tenant": tenant, **described, "document": document, "stops": [stop.model_dump(mode="json") for stop in stops]}
    )
    return ExitCode.DONE


async def history(output: Output, tenant: str) -> ExitCode:
    """Every version, and every turn of the switches, the newest first."""
    async with open_store(Settings.load()) as database, database.reading() as session:
        versions = await Policies(session, tenant).history()
        switches = KillSwitches(session)
        turns = sorted(
            (*await switches.history(tenant), *await switches.history(EVERYWHERE)),
            key=lambda turn: turn.at,
            reverse=True,
        )
    shown = rendering.table("version", "policy", "author", "signed", "by key", "since (UTC)", numbers=("version",))
    for stored in versions:
        key, since = (stored.signer or "")[:12], f"{stored.created_at:%Y-%m-%d %H:%M}"
        shown.add_row(str(stored.version), stored.digest[:12], stored.author, _signed(stored, tenant), key, since)
    output.console.print(shown if versions else f"tenant {tenant!r} has no policy of its own")
    for turn in turns:
        output.console.print(_turned(turn))
    output.document(
        {
            "tenant": tenant,
            "versions": [_described(stored, tenant) for stored in versions],
            "switches": [turn.model_dump(mode="json") for turn in turns],
        }
    )
    return ExitCode.DONE


async def diff(output: Output, tenant: str, old: str, new: str, limit: int) -> ExitCode:
    """Whose verdict would change between two policies."""
    async with open_store(Settings.load()) as database:
        controllers = [await _controller(database, tenant, which) for which in (old, new)]
        async with database.reading() as session:
            kept = await Assessments(session, tenant).list(limit)
    past = [
        PastDecision(
            decision_id=one.decision_id, at=one.assessed_at, facts=Facts.model_validate_json(json.dumps(one.facts))
        )
        for one in kept
    ]
    changes = list(changed_verdicts(controllers[0], controllers[1], past))
    _show_changes(output, changes, len(past), tenant)
    output.document(
        {"tenant": tenant, "compared": len(past), "changed": [change.model_dump(mode="json") for change in changes]}
    )
    return ExitCode.DONE


async def turn(output: Output, tenant: str | None, author: str | None, reason: str, stopped: bool) -> ExitCode:
    """Turn a tenant's kill switch, or everyone's (None)."""
    if stopped and not reason.strip():
        raise InputInvalid("--reason is empty: say why, for whoever finds autonomous work stopped")
    author = author or getpass.getuser()
    async with open_store(Settings.load()) as database, database.transaction() as session:
        turned = await KillSwitches(session).turn(tenant or EVERYWHERE, stopped=stopped, author=author, reason=reason)
    output.console.print(_turned(turned))
    output.document(turned)
    return ExitCode.DONE


async def release(output: Output, tenant: str, run: str) -> ExitCode:
    """Give back what a run holds.

    Raises:
        InputInvalid: it holds nothing.
    """
    async with open_store(Settings.load()) as database, database.transaction() as session:
        if not await AutonomousActions(session, tenant).release(run, datetime.now(UTC)):
            raise InputInvalid(f"run {run!r} of tenant {tenant!r} holds nothing; see the name in the verdict's reason")
    output.console.print(rendering.line("✔", f"{run} gave back what it held", "green"))
    output.document({"tenant": tenant, "run": run, "released": True})
    return ExitCode.DONE


async def _controller(database: Database, tenant: str, which: str) -> AutonomousController:
    """Of a file, or of a stored version."""
    if not which.isdecimal():
        return policy_trials.read_policy(Path(which))[2]
    stored = await _stored(database, tenant, int(which))
    assert stored is not None
    return AutonomousController(parse_policy(stored.document))


async def _stored(database: Database, tenant: str, version: int | None) -> StoredPolicy | None:
    async with database.reading() as session:
        policies = Policies(session, tenant)
        if version is None:
            return await policies.current()
        if (stored := await policies.get(version)) is None:
            raise InputInvalid(f"tenant {tenant!r} has no policy of version {version}; see `voicehive policy history`")
        return stored


def _show_changes(output: Output, changes: list[ChangedVerdict], compared: int, tenant: str) -> None:
    shown = rendering.table("decision", "kind", "old", "new", "because")
    for change in changes:
        because = change.new_reasons if change.new != "execute" else change.old_reasons
        shown.add_row(change.decision_id, change.kind, change.old, change.new, "; ".join(because))
    if changes:
        output.console.print(shown)
    elif compared:
        output.console.print(rendering.line("✔", "no verdict would change", "green"))
    told = f"{len(changes)} of {compared} verdicts would change"
    output.console.print(told if compared else f"the store keeps no verdict of tenant {tenant!r} to compare with")


def _described(stored: StoredPolicy, tenant: str) -> dict[str, object]:
    return {
        **stored.model_dump(mode="json", exclude={"document"}),
        "signature_valid": _signed(stored, tenant) == "yes" if stored.signature else None,
    }


def _signed(stored: StoredPolicy, tenant: str) -> str:
    """Whether the signature fits what the document means today, not only the digest beside it."""
    if stored.signature is None or stored.signer is None:
        return "no"
    try:
        signed = PolicySignature(signature=stored.signature, signer=stored.signer)
        verify_policy(signed, parse_policy(stored.document).content_digest(), tenant, stored.author)
    except (SignatureInvalid, PolicyInvalid):
        return "NOT VALID"
    return "yes"


def _headline(stored: StoredPolicy, tenant: str) -> str:
    signed = f"signed: {_signed(stored, tenant)}"
    return f"version {stored.version} by {stored.author}, {stored.created_at:%Y-%m-%d %H:%M} UTC, {signed}"


def _stop(stop: Stop) -> str:
    where = "everywhere" if stop.everywhere else "for this tenant"
    return f"autonomous work is stopped {where} by {stop.author} since {stop.at:%Y-%m-%d %H:%M} UTC: {stop.reason}"


def _turned(turn: SwitchTurn) -> str:
    where = "everywhere" if turn.tenant == EVERYWHERE else f"for tenant {turn.tenant!r}"
    how = "stopped" if turn.stopped else "resumed"
    why = f": {turn.reason}" if turn.reason else ""
    return f"{turn.at:%Y-%m-%d %H:%M:%S} UTC autonomous work {how} {where} by {turn.author}{why}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputInvalid(f"--key {path}: cannot be read ({error.strerror}); check the path") from None
