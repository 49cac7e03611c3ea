"""What a decision takes from its policy's budgets and limits."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from cel_expr_python import cel

from voicehive.autonomy.budgets import Budget, Scope, Scoped
from voicehive.autonomy.context import Variables
from voicehive.autonomy.errors import PolicyInvalid
from voicehive.autonomy.policy import Policy
from voicehive.autonomy.rules import Compiled, RuleBook
from voicehive.storage.allowances import Charge, Demand, Slot

LARGEST = 1e12
"""What a charge may be at most."""


class Demands:
    """A policy's budgets with their charges compiled.

    Raises:
        PolicyInvalid: a charge cannot be compiled, or is no number.
    """

    def __init__(self, policy: Policy, rules: RuleBook) -> None:
        self._policy = policy
        self._rules = rules
        self._budgets = [(budget, _compiled(budget, rules)) for budget in policy.budgets]

    def of(self, variables: Variables, kind: str, deployments: Sequence[str]) -> Demand:
        """What a decision with these facts asks for, on every deployment that it touches.

        A charge that cannot be told has no amount, and says why. One for each deployment counts in full on each.
        """
        activation = self._rules.activation("verdict", variables) if self._budgets else None
        return Demand(
            charges=tuple(
                _charge(budget, compiled, activation, place)
                for budget, compiled in self._budgets
                for place in _places(budget, budget.per, kind, deployments)
            ),
            slots=tuple(
                Slot(
                    limit=limit.id,
                    at_most=limit.at_most,
                    deployment=place,
                    severity=limit.severity,
                    counts_approved=limit.counts_approved,
                )
                for limit in self._policy.concurrency
                for place in _places(limit, limit.per, kind, deployments)
            ),
        )


def _places(scoped: Scoped, per: Scope, kind: str, deployments: Sequence[str]) -> list[str | None]:
    """Where it is counted: each deployment concerned, or once for the tenant (None), if any is."""
    concerned = [deployment for deployment in deployments if scoped.concerns(kind, deployment)]
    return [*concerned] if per == "deployment" else [None] if concerned else []


class _Told(NamedTuple):
    amount: float | None
    cause: str = ""


def _compiled(budget: Budget, rules: RuleBook) -> Compiled | None:
    if budget.charge is None:
        return None
    what = f"budget {budget.id!r}"
    compiled = rules.compile(what, budget.charge, "verdict")
    if compiled.expression.return_type() not in (cel.Type.DOUBLE, cel.Type.INT, cel.Type.UINT, cel.Type.DYN):
        raise PolicyInvalid(f"{what}: its charge must be a number, but is {compiled.expression.return_type().name()}")
    return compiled


def _charge(
    budget: Budget, compiled: Compiled | None, activation: cel.Activation | None, deployment: str | None
) -> Charge:
    told = _Told(1.0) if compiled is None else _amount(compiled, activation)
    return Charge(
        budget=budget.id,
        amount=told.amount,
        at_most=budget.at_most,
        period=budget.period,
        deployment=deployment,
        severity=budget.severity,
        counts_approved=budget.counts_approved,
        unit=budget.unit if compiled else "actions",
        cause=told.cause,
    )


def _amount(compiled: Compiled, activation: cel.Activation | None) -> _Told:
    value = compiled.expression.eval(activation)
    if value.type() not in (cel.Type.DOUBLE, cel.Type.INT, cel.Type.UINT):
        return _Told(None, str(value.value()))
    amount = float(value.value())
    if not math.isfinite(amount) or amount > LARGEST:
        return _Told(None, f"{amount:g} is more than can be counted")
    return _Told(max(amount, 0.0))
