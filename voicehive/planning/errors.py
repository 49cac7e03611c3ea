"""What can go wrong with a plan, by name. A malformed document is a pydantic `ValidationError` instead."""


class PlanningError(ValueError):
    """The base of every error of this engine.

    Args:
        item: which part of the plan, for instance `goals[2] (faster-answer): milestones`.
        problem: what is wrong with it.
        remedy: what would make it right.
    """

    def __init__(self, item: str, problem: str, remedy: str) -> None:
        super().__init__(item, problem, remedy)
        self.item = item
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.item}: {self.problem}; {self.remedy}"


class DuplicateName(PlanningError):
    """Two items bear the same name."""


class UnknownName(PlanningError):
    """An item refers to one that there is not."""


class CycleFound(PlanningError):
    """Items wait for one another in a circle; the message gives the way round."""


class CriterionInvalid(PlanningError):
    """A success criterion does not compile, is not true or false, or names an unknown metric."""


class GoalInvalid(PlanningError):
    """A goal cannot be pursued as it stands: its due date is past, for instance."""


class TransitionRefused(PlanningError):
    """A goal cannot go from where it is in its life to where it was sent."""


class PlannedValueInvalid(PlanningError):
    """A planned-value curve is none: it falls, starts below 0, or is empty."""


class SeriesUnusable(PlanningError):
    """A metric's history is too short, or not as declared, so that nothing can be forecast from it."""


class StateMismatch(PlanningError):
    """A tracking state or a point belongs to another goal or metric."""
