"""What a command can fail of, and how every expected failure of the program is told in one line."""

from voicehive.cli.exit_codes import ExitCode


class CommandError(Exception):
    """A failure that is told without a traceback; the message ends with the next thing to do."""

    exit_code = ExitCode.UNEXPECTED


class InputInvalid(CommandError):
    """A file, an option or an id cannot be used."""

    exit_code = ExitCode.BAD_INPUT


class ReviewNotTaken(CommandError):
    """The run refused what a person said; nothing was changed by it."""

    exit_code = ExitCode.REFUSED


class NothingAnswers(CommandError):
    """The server or a worker gives no answer."""

    exit_code = ExitCode.UNREACHABLE


def explain(error: Exception) -> tuple[str, ExitCode] | None:
    """What to tell of an expected failure and the code to exit with; None where it was not expected."""
    # Only now, because the engines' errors come with their packages, which `--help` must not wait for.
    from temporalio.service import RPCError  # noqa: PLC0415

    from voicehive.audit.errors import AuditError  # noqa: PLC0415
    from voicehive.autonomy.errors import AutonomyError  # noqa: PLC0415
    from voicehive.execution.errors import ExecutionError  # noqa: PLC0415
    from voicehive.optimization.errors import EvaluatorFailed, OptimizationError  # noqa: PLC0415
    from voicehive.planning.errors import PlanningError  # noqa: PLC0415
    from voicehive.planning.roadmap.errors import InfeasibleRoadmap, NoRoadmapInTime  # noqa: PLC0415
    from voicehive.storage.errors import DatabaseUrlInvalid, StorageError  # noqa: PLC0415
    from workers.errors import SettingsInvalid, WorkersError  # noqa: PLC0415

    match error:
        case CommandError():
            return str(error), error.exit_code
        case EvaluatorFailed():
            return str(error), ExitCode.UNREACHABLE
        case SettingsInvalid() | DatabaseUrlInvalid():
            return str(error), ExitCode.BAD_INPUT
        case InfeasibleRoadmap():
            return str(error), ExitCode.INFEASIBLE
        case NoRoadmapInTime():
            return str(error), ExitCode.STOPPED
        case AuditError() | AutonomyError() | ExecutionError() | OptimizationError() | PlanningError():
            return str(error), ExitCode.BAD_INPUT
        case WorkersError() | StorageError():
            return str(error), ExitCode.UNREACHABLE
        case RPCError():
            return f"the Temporal server answers: {error.message}; see `voicehive doctor`", ExitCode.UNREACHABLE
        case _:
            return None
