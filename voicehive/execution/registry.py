"""The actions this installation knows, and whether a plan's steps fit them."""

import json
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any, TypeAlias, cast

from pydantic import ValidationError

from voicehive.execution.action import Action
from voicehive.execution.errors import ExecutionError, PlanInvalid
from voicehive.execution.plan import Arguments, ExecutionPlan, Step, stages_of
from voicehive.model import Model

ENTRY_POINT_GROUP = "voicehive.actions"

ActionClass: TypeAlias = type[Action[Any, Any]]


class ActionRegistry:
    """Action classes by name."""

    def __init__(self, classes: Iterable[ActionClass]) -> None:
        """Raises `ExecutionError` where two classes claim one name."""
        self._classes: dict[str, ActionClass] = {}
        for action in classes:
            earlier = self._classes.setdefault(action.name, action)
            if earlier is not action:
                raise ExecutionError(
                    f"the action {action.name!r} is defined twice, by {_path(earlier)} and {_path(action)}; "
                    "rename one or uninstall its package"
                )

    @classmethod
    def load(cls) -> "ActionRegistry":
        """Every action that installed packages declare under the entry point group `voicehive.actions`.

        Raises:
            ExecutionError: there is none at all, or one cannot be imported, is no action, or is declared under another
                name than its own.
        """
        classes: list[ActionClass] = []
        for entry in entry_points(group=ENTRY_POINT_GROUP):
            try:
                loaded = entry.load()
            except (ImportError, AttributeError) as error:
                raise ExecutionError(
                    f"the action {entry.name!r} cannot be imported from {entry.value!r}: {error}; "
                    "reinstall or uninstall the package that declares it"
                ) from error
            if not (isinstance(loaded, type) and issubclass(loaded, Action)) or loaded.name != entry.name:
                raise ExecutionError(
                    f"the entry point {entry.name!r} names {entry.value!r}, which is no action of that name; "
                    "correct it in the package that declares it"
                )
            classes.append(cast(ActionClass, loaded))
        if not classes:
            raise ExecutionError(
                "no actions are installed, not even the built-in ones: the package itself is not installed; "
                "run `pip install -e .` (or `make test`, which does)"
            )
        return cls(classes)

    @property
    def names(self) -> list[str]:
        """Every name, sorted."""
        return sorted(self._classes)

    def get(self, name: str) -> ActionClass:
        """The action of that name.

        Raises:
            PlanInvalid: there is none.
        """
        try:
            return self._classes[name]
        except KeyError:
            nearest = get_close_matches(name, self._classes, n=1)
            hint = f"did you mean {nearest[0]!r}? " if nearest else ""
            raise PlanInvalid(f"action {name!r} is unknown; {hint}known are {', '.join(self.names)}") from None

    def parse_arguments(self, action: str, arguments: Arguments) -> Model:
        """The arguments as the action's own model, read from JSON (a duration is an ISO 8601 text, such as `PT5M`).

        Raises:
            PlanInvalid: the action is unknown, or an argument does not fit; the message names each field.
        """
        return _parse(self.get(action).arguments, arguments, f"arguments of {action!r}")

    def parse_compensation(self, action: str, arguments: Arguments) -> Model:
        """The compensation's arguments as the action's own model.

        Raises:
            PlanInvalid: the action is unknown or read-only, or an argument does not fit.
        """
        model = self.get(action).compensation
        if model is None:
            raise PlanInvalid(
                f"action {action!r} is read-only, so there is nothing to undo; leave the compensation out"
            )
        return _parse(model, arguments, f"compensation of {action!r}")

    def validate(self, plan: ExecutionPlan, allowed: Collection[str] | None = None) -> None:
        """Check every step before anything runs; `allowed` names the actions the tenant may use (None: all).

        Raises:
            PlanInvalid: a step does not fit; the message names the first such step and what would make it right.
        """
        for step in plan.steps:
            try:
                for stage in stages_of(step):
                    self._check(stage, allowed)
            except PlanInvalid as error:
                raise PlanInvalid(f"step {step.name!r}: {error}") from error

    def _check(self, step: Step, allowed: Collection[str] | None) -> None:
        self._check_allowed(step.action, allowed)
        self.parse_arguments(step.action, step.arguments)
        if step.compensation is not None:
            self.parse_compensation(step.action, step.compensation.arguments)
        elif self.get(step.action).compensation is not None:
            raise PlanInvalid(
                f"compensation is missing, and {step.action!r} changes something; say how it is undone, "
                'at the least "compensation": {}'
            )
        if step.verification is not None:
            name = step.verification.action
            self._check_allowed(name, allowed)
            if self.get(name).compensation is not None:
                raise PlanInvalid(f"verification {name!r} changes something; verify with a read-only action")
            self.parse_arguments(name, step.verification.arguments)

    def _check_allowed(self, name: str, allowed: Collection[str] | None) -> None:
        self.get(name)
        if allowed is not None and name not in allowed:
            raise PlanInvalid(
                f"action {name!r} is not allowed here; allowed are {', '.join(sorted(allowed)) or 'none'}"
            )


def _parse(model: type[Model], arguments: Arguments, what: str) -> Model:
    try:
        return model.model_validate_json(json.dumps(arguments))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc'])) or 'all'}: {e['msg']}" for e in error.errors(include_url=False)]
        raise PlanInvalid(f"{what}: {'; '.join(problems)}") from error


def _path(action: ActionClass) -> str:
    return f"{action.__module__}.{action.__qualname__}"
