"""Tries policies out: what their check finds, and what their cases say."""

from pathlib import Path
from typing import NamedTuple

from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.policy_cases import CaseResult, run_cases
from voicehive.autonomy.policy_check import CheckReport, check_policy
from voicehive.autonomy.policy_document import PolicyDocument, parse_document
from voicehive.cli import rendering
from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.output import Output


class Trial(NamedTuple):
    """A policy as it was read, with what was found."""

    text: str
    document: PolicyDocument
    report: CheckReport
    cases: tuple[CaseResult, ...]

    @property
    def failures(self) -> tuple[CaseResult, ...]:
        """The cases that differ from what is expected of them."""
        return tuple(case for case in self.cases if case.told)

    @property
    def passed(self) -> bool:
        """Whether the policy may take effect."""
        return not self.report.faults and not self.failures


def read_policy(path: Path) -> tuple[str, PolicyDocument, AutonomousController]:
    """A policy file, compiled.

    Raises:
        InputInvalid: it cannot be read.
        PolicyInvalid: it does not fit, or a rule does not compile.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputInvalid(f"{path}: cannot be read ({error}); check the path") from None
    document = parse_document(text)
    return text, document, AutonomousController(document.policy)


def attempt(path: Path) -> Trial:
    """Read a policy, check it and run its cases."""
    text, document, controller = read_policy(path)
    report = check_policy(controller, document.cases)
    return Trial(text, document, report, run_cases(controller, document.cases))


def check(output: Output, path: Path) -> ExitCode:
    """Say what the check finds."""
    _, document, controller = read_policy(path)
    report = check_policy(controller, document.cases)
    show_report(output, report)
    output.document({"policy": document.policy.name, "sound": not report.faults, **report.model_dump(mode="json")})
    return ExitCode.BAD_INPUT if report.faults else ExitCode.DONE


def test(output: Output, path: Path) -> ExitCode:
    """Run the cases and say which differ."""
    _, document, controller = read_policy(path)
    results = run_cases(controller, document.cases)
    show_cases(output, results)
    failed = sum(bool(result.told) for result in results)
    cases = [result.model_dump(mode="json") for result in results]
    output.document({"policy": document.policy.name, "passed": len(results) - failed, "failed": failed, "cases": cases})
    return ExitCode.BAD_INPUT if failed else ExitCode.DONE


def show_report(output: Output, report: CheckReport) -> None:
    """The rules with an example each way, then what is wrong."""
    shown = rendering.table("rule", "holds, for example, at", "is violated at")
    for rule in report.rules:
        shown.add_row(rule.id, _example(rule.holds_at), _example(rule.violated_at))
    output.console.print(shown)
    for fault in report.faults:
        output.console.print(rendering.line("✘", fault, "red"))
    for warning in report.warnings:
        output.console.print(rendering.line("!", warning, "yellow"))
    if not report.faults:
        output.console.print(rendering.line("✔", f"{len(report.rules)} rules checked, no fault found", "green"))


def show_cases(output: Output, results: tuple[CaseResult, ...]) -> None:
    """Each case, and how it differs."""
    for result in results:
        told = f"{result.name}: {result.told or result.verdict}"
        output.console.print(rendering.line("✘", told, "red") if result.told else rendering.line("✔", told, "green"))
    if not results:
        output.console.print("the policy has no cases; write some under `cases`, see examples/policies")


def _example(facts: object) -> str:
    if not isinstance(facts, dict):
        return "nothing"
    items: dict[str, object] = facts  # pyright: ignore[reportUnknownVariableType]
    return ", ".join(f"{name}={_value(value)}" for name, value in items.items()) or "always"


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
