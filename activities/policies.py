"""The controller for the policy in force, compiled once for each version of it."""

from collections import OrderedDict

from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.policy import SafetyConstraint
from voicehive.autonomy.policy_document import default_policy_text, parse_policy
from voicehive.storage.policies import Policies

COMPILED = 64


class Controllers:
    """Controllers by policy document and further constraints; the least recently used are dropped."""

    def __init__(self) -> None:
        self._compiled: OrderedDict[tuple[str, tuple[SafetyConstraint, ...]], AutonomousController] = OrderedDict()

    async def in_force(
        self, session: AsyncSession, tenant: str, constraints: tuple[SafetyConstraint, ...]
    ) -> AutonomousController:
        """The controller for the tenant's policy as it is now, or the default one.

        Raises:
            PolicyInvalid: the policy or a further constraint cannot be compiled.
        """
        key = (await Policies(session, tenant).document() or default_policy_text(), constraints)
        if key not in self._compiled:
            self._compiled[key] = AutonomousController(parse_policy(key[0]), constraints)
            if len(self._compiled) > COMPILED:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return self._compiled[key]
