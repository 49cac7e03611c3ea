"""What passes between a scheduled measurement of trust and the activity that does it."""

from pydantic import NonNegativeInt

from voicehive.autonomy.trust.outcome import Share
from voicehive.model import Identifier, Model


class MeasurementRequest(Model):
    """Whose trust is to be measured."""

    tenant: Identifier = "default"


class KindMeasured(Model):
    """What is in force for one kind of decision now: the threshold, or None, and why."""

    kind: Identifier
    outcomes: NonNegativeInt
    threshold: Share | None
    reason: str


class TrustMeasured(Model):
    """What a measurement came to, and what was removed with it because its retention is over.

    `promised` is False where the policy makes no promise: then nothing is measured.
    """

    promised: bool
    kinds: tuple[KindMeasured, ...] = ()
    observations_removed: NonNegativeInt = 0
    charges_removed: NonNegativeInt = 0
