"""What can go wrong in an optimisation, by name. A malformed problem is a pydantic `ValidationError` instead."""


class OptimizationError(Exception):
    """The base of every error of this engine."""


class InvalidArrivals(OptimizationError, ValueError):
    """The arrivals file cannot be read as calls by interval."""


class InvalidCandidate(OptimizationError, ValueError):
    """A candidate names an unknown parameter, misses one, or leaves what the problem allows."""


class InvalidOutcome(OptimizationError, ArithmeticError):
    """An evaluator returned a number that is not finite, which can be neither ranked nor stored."""
