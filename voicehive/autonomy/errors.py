"""What can go wrong between a context and a verdict."""


class AutonomyError(Exception):
    """Anything this engine raises."""


class PolicyInvalid(AutonomyError):
    """The policy cannot take effect; the message names the rule and what is wrong with it."""


class FactsMissing(AutonomyError):
    """The policy's rules speak of outcomes or settings that the request will not have; the message names both."""


class SignatureInvalid(AutonomyError):
    """A policy's signature does not fit its content, its tenant, its author or the key it names."""


class GateUnanswerable(AutonomyError):
    """A step waits for more people, or for other roles, than the policy knows."""


class SafetyViolation(AutonomyError):
    """A step would break a safety constraint, so it was not run."""


class AutonomyStopped(AutonomyError):
    """A kill switch is on; what runs alone waits before its next step until somebody lets it go on."""
