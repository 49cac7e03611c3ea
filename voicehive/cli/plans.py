"""Checks execution plans."""

from pathlib import Path

from voicehive.cli import rendering
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.input_files import read_model
from voicehive.cli.output import Output
from voicehive.execution.plan import ExecutionPlan
from voicehive.execution.registry import ActionRegistry


def validate(output: Output, path: Path) -> ExitCode:
    """Check a plan as a whole, as `ExecutionWorkflow` does before it runs one.

    Raises:
        InputInvalid: a field does not fit, or the steps are no directed acyclic graph.
        PlanInvalid: an action or its arguments cannot be used.
    """
    plan = read_model(path, ExecutionPlan)
    ActionRegistry.load().validate(plan)
    output.console.print(rendering.plan(plan))
    output.console.print(rendering.line("✔", f"{plan.name}: valid, {len(plan.steps)} steps", "green"))
    output.document({"valid": True, "plan": plan.name, "steps": [step.name for step in plan.steps]})
    return ExitCode.DONE
