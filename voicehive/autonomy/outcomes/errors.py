"""What can go wrong while outcomes are watched."""

from voicehive.autonomy.errors import AutonomyError


class OutcomesError(AutonomyError):
    """Anything this engine raises."""


class SourceUnavailable(OutcomesError):
    """A source gave no answer this time; another attempt may."""


class SourceRefused(OutcomesError):
    """A source may not be asked, or will never answer this question."""


class AnswerUnusable(OutcomesError):
    """A source answered, but not in the agreed form."""


class HistoryUnavailable(OutcomesError):
    """The source knows only its present value, so what was before must be given with the watch."""


class WatchMismatch(OutcomesError):
    """A state, a point or a baseline belongs to another watch."""
