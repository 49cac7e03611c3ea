"""What can go wrong when a language model is asked, by name. The messages hold nothing that the other side wrote."""


class ReasoningError(Exception):
    """The base of every error of this engine."""


class ModelUnavailable(ReasoningError):
    """The model could not be asked, or did not answer in time."""


class CircuitOpen(ModelUnavailable):
    """The model failed so often in a row that it is left alone for a while."""


class BudgetExhausted(ReasoningError):
    """The tenant's budget has no room for the call, so that it was not made."""


class AnswerUnusable(ReasoningError):
    """The model answered, but refused, broke off, or said nothing that can be used."""
