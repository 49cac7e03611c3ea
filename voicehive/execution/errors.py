"""What can go wrong with a plan or one of its steps."""


class ExecutionError(Exception):
    """Anything this engine raises."""


class PlanInvalid(ExecutionError):
    """The plan may not run as written; the message names the step and what would make it right."""


class ActionRefused(ExecutionError):
    """The action will never succeed as asked: trying again is useless."""


class ActionFailed(ExecutionError):
    """The action did not succeed this time; another attempt may."""


class ActionWithdrawn(ActionRefused):
    """The step was already compensated under this key, so it may no longer run."""


class CompensationConflict(ExecutionError):
    """What the step changed was changed again by somebody else: undoing it would destroy their change."""
