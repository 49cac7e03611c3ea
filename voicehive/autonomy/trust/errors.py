"""What can go wrong while trust is measured."""

from voicehive.autonomy.errors import AutonomyError


class TrustError(AutonomyError):
    """Anything this engine raises."""


class OutcomesUnusable(TrustError):
    """Recorded outcomes do not fit together, or not what they are used for; the message names the field."""


class OutcomeRefused(TrustError):
    """An outcome cannot be recorded; the message names the decision and says why."""


class PartsMismatch(TrustError):
    """The parts of a confidence are not those that its model was fitted on; the message names them."""
