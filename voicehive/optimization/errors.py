"""What can go wrong in an optimisation, by name. A malformed problem is a pydantic `ValidationError` instead."""


class OptimizationError(Exception):
    """The base of every error of this engine."""


class InvalidData(OptimizationError, ValueError):
    """A file of measured data cannot be read as what it should hold."""


class InvalidArrivals(InvalidData):
    """The arrivals file cannot be read as calls by interval."""


class InvalidFormula(OptimizationError, ValueError):
    """A formula does not parse, names what does not exist, or mixes types; the message gives the column."""


class InvalidCandidate(OptimizationError, ValueError):
    """A candidate names an unknown parameter, misses one, or leaves what the problem allows."""


class InvalidOutcome(OptimizationError, ArithmeticError):
    """No candidate, or not today's settings, could be evaluated to finite numbers, so that nothing can be ranked."""


class InvalidCheckpoint(OptimizationError, ValueError):
    """A checkpoint belongs to another problem, or is damaged."""


class EvaluatorFailed(OptimizationError):
    """An evaluator outside this process did not answer, or not as agreed; trying again later may help."""


class EvaluatorRefused(OptimizationError):
    """An evaluator cannot be used as described (not installed, wrong answer's shape); trying again is useless."""
