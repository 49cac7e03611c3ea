"""Admission of plans, and their steps: checked again, run, verified, undone."""

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.heartbeat import heartbeating
from activities.policies import Controllers
from activities.step_contexts import changes_of, step_contexts
from voicehive.autonomy.authorization import Authorization
from voicehive.autonomy.context import DecisionContext
from voicehive.autonomy.controller import AutonomousController
from voicehive.execution.action import ActionContext, Resources
from voicehive.execution.plan import ActionCall
from voicehive.execution.record import Admission, ExecutionRequest, StepResult, StepRun
from voicehive.execution.registry import ActionRegistry
from voicehive.storage.authorizations import Authorization as StoredAuthorization
from voicehive.storage.authorizations import Authorizations

BY_HAND = "plan"
"""The kind under which a plan is judged that no decision was permitted for."""


class ExecutionActivities:
    """Wraps the execution engine."""

    def __init__(self, resources: Resources, controllers: Controllers, registry: ActionRegistry) -> None:
        self._resources = resources
        self._controllers = controllers
        self._registry = registry

    @activity.defn
    async def admit(self, request: ExecutionRequest) -> Admission:
        """Validate a plan as a whole, then use up the permission for exactly it, or else assess it as made by hand.

        Raises:
            PlanInvalid: naming the step that may not run as written.
        """
        self._registry.validate(request.plan)
        async with self._resources.database.transaction() as session:
            controller = await self._controllers.in_force(session, request.tenant, request.constraints)
            policy_digest = controller.policy_digest
            authorization, granted = await self._permission(session, request, policy_digest)
            steps = await step_contexts(
                session, request.tenant, request.deployment, authorization.kind, request.plan.steps
            )
        context = DecisionContext(
            tenant=request.tenant,
            deployment=request.deployment,
            kind=authorization.kind,
            requester=request.requester,
            changes=changes_of(steps),
        )
        result = controller.assess(context, steps)
        return Admission(
            verdict=result.verdict if granted is None else "execute",
            digest=authorization.content_digest(),
            authorization=authorization,
            result=result,
            approved_under=policy_digest if granted is not None and granted.reviews else None,
        )

    async def _permission(
        self, session: AsyncSession, request: ExecutionRequest, policy_digest: str
    ) -> tuple[Authorization, StoredAuthorization | None]:
        """The permission for exactly this plan, used up; None, and the plan as made by hand, where there is none."""
        as_decided, by_hand = (
            Authorization(
                deployment=request.deployment,
                kind=kind,
                plan=request.plan,
                constraints=request.constraints,
                policy_digest=policy_digest,
            )
            for kind in (request.kind, BY_HAND)
        )
        info = activity.info()
        consumer = f"{info.workflow_id}/{info.workflow_run_id}"
        by_digest = {authorization.content_digest(): authorization for authorization in (by_hand, as_decided)}
        granted = await Authorizations(session, request.tenant).consume(by_digest, consumer)
        return (by_hand, None) if granted is None else (by_digest[granted.digest], granted)

    @activity.defn
    async def run_step(self, run: StepRun) -> StepResult:
        """Check the step against the policy in force at this moment, then run its action.

        Raises:
            SafetyViolation: a constraint forbids it.
            ActionRefused: it will never succeed as asked.
        """
        async with heartbeating():
            async with self._resources.database.reading() as session:
                controller = await self._controllers.in_force(session, run.tenant, run.constraints)
                facts = await step_contexts(session, run.tenant, run.deployment, run.kind, (run.step,))
            controller.check_step(facts[0], run.approved_under)
            call = ActionCall(action=run.step.action, arguments=run.step.arguments)
            return await self._run(call, _context(run, controller))

    @activity.defn
    async def verify_step(self, run: StepRun) -> StepResult:
        """Run the step's verification, a read-only action.

        Raises:
            ActionRefused: what the step should have brought about is not so.
        """
        assert run.step.verification is not None
        async with heartbeating():
            return await self._run(run.step.verification, await self._context(run))

    @activity.defn
    async def compensate_step(self, run: StepRun) -> StepResult:
        """Undo the step; no rule stands in the way of restoring what was before.

        Raises:
            CompensationConflict: undoing it would destroy somebody else's change.
        """
        assert run.step.compensation is not None
        async with heartbeating():
            step = run.step
            found = await self._registry.get(step.action)(self._resources).compensate(
                self._registry.parse_arguments(step.action, step.arguments),
                self._registry.parse_compensation(step.action, run.step.compensation.arguments),
                run.result,
                await self._context(run),
            )
            return StepResult(result=dict(found), detail="it had never happened" if "never_happened" in found else "")

    async def _run(self, call: ActionCall, context: ActionContext) -> StepResult:
        action = self._registry.get(call.action)(self._resources)
        arguments = self._registry.parse_arguments(call.action, call.arguments)
        return StepResult(result=dict(await action.run(arguments, context)))

    async def _context(self, run: StepRun) -> ActionContext:
        async with self._resources.database.reading() as session:
            return _context(run, await self._controllers.in_force(session, run.tenant, run.constraints))


def _context(run: StepRun, controller: AutonomousController) -> ActionContext:
    return ActionContext(
        tenant=run.tenant, deployment=run.deployment, key=run.key, allowed_hosts=controller.policy.allowed_hosts
    )
