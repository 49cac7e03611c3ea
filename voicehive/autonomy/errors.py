"""What can go wrong between a context and a verdict."""


class AutonomyError(Exception):
    """Anything this engine raises."""


class PolicyInvalid(AutonomyError):
    """The policy cannot take effect; the message names the rule and what is wrong with it."""


class GateUnanswerable(AutonomyError):
    """A step waits for more people, or for other roles, than the policy knows."""


class SafetyViolation(AutonomyError):
    """A step would break a safety constraint, so it was not run."""
