"""What failed, in its own words."""

from temporalio.exceptions import ActivityError, ApplicationError


def reason_of(error: BaseException) -> str:
    """What an activity failed of, in its own words."""
    cause = error.__cause__ if isinstance(error, ActivityError) and error.__cause__ else error
    return cause.message if isinstance(cause, ApplicationError) else str(cause)
