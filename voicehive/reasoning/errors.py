"""What can go wrong when a language model is asked, by name. The messages hold nothing that the other side wrote."""


class ReasoningError(Exception):
    """The base of every error of this engine."""


class ModelUnavailable(ReasoningError):
    """The model could not be asked, or did not answer in time."""


class AnswerUnusable(ReasoningError):
    """The model answered, but refused, broke off, or said nothing that can be used."""
