"""What the command's exit codes mean."""

from enum import IntEnum


class ExitCode(IntEnum):
    """One code for each thing that a script may want to tell apart."""

    DONE = 0
    UNEXPECTED = 1
    BAD_INPUT = 2
    REJECTED = 3
    ROLLED_BACK = 4
    STOPPED = 5
    REFUSED = 6
    UNREACHABLE = 7
    INFEASIBLE = 8
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.DONE: "done: executed, unchanged or applied",
    ExitCode.UNEXPECTED: "unexpected; for `demo`: something differed from what it should show",
    ExitCode.BAD_INPUT: "bad input: an option, a file or a setting",
    ExitCode.REJECTED: "rejected, or not verified",
    ExitCode.ROLLED_BACK: "rolled back",
    ExitCode.STOPPED: "ended without an outcome: cancelled, terminated or failed",
    ExitCode.REFUSED: "the review or cosignature was refused",
    ExitCode.UNREACHABLE: "something needed is missing or does not answer: server, worker, database, simulator",
    ExitCode.INFEASIBLE: "infeasible: no solution meets every hard constraint",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C or SIGTERM",
}
"""Shown by `voicehive --help`."""

_OUTCOMES = {
    "executed": ExitCode.DONE,
    "unchanged": ExitCode.DONE,
    "applied": ExitCode.DONE,
    "rejected": ExitCode.REJECTED,
    "rolled_back": ExitCode.ROLLED_BACK,
}


def of_outcome(outcome: str | None) -> ExitCode:
    """The code for a run that has ended; None is a run that ended without an outcome."""
    return _OUTCOMES.get(outcome or "", ExitCode.STOPPED)
