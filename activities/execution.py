"""Admission of plans, and their steps: checked again, run, verified, undone."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities import audit_trail
from activities.closing import close_action, record_end
from activities.heartbeat import heartbeating, to_the_end
from activities.policies import Controllers
from activities.standings import standing_of
from activities.step_contexts import changes_of, step_contexts, verification_contexts
from voicehive.audit.keys import SigningKey
from voicehive.autonomy.authorization import Authorization, permission_id
from voicehive.autonomy.context import AfterContext, DecisionContext, StepContext
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.errors import AutonomyStopped
from voicehive.autonomy.gates import check_gates
from voicehive.autonomy.standing import Standing, freezes_holding
from voicehive.autonomy.verdict import DecisionResult, Verdict
from voicehive.execution.action import ActionContext, Resources
from voicehive.execution.plan import ActionCall
from voicehive.execution.record import Admission, AdmissionInput, ExecutionClosing, StepResult, StepRun
from voicehive.execution.registry import ActionRegistry
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.authorizations import Authorization as StoredAuthorization
from voicehive.storage.authorizations import Authorizations
from voicehive.storage.autonomous_actions import AutonomousActions
from voicehive.storage.kill_switches import KillSwitches

BY_HAND = "plan"
"""The kind under which a plan is judged that no decision was permitted for."""


class ExecutionActivities:
    """Wraps the execution engine."""

    def __init__(
        self,
        resources: Resources,
        controllers: Controllers,
        registry: ActionRegistry,
        signing_key: SigningKey | None = None,
    ) -> None:
        self._resources = resources
        self._controllers = controllers
        self._registry = registry
        self._signing_key = signing_key

    @activity.defn
    async def admit(self, asked: AdmissionInput) -> Admission:
        """Validate a plan as a whole, then use up the permission for exactly it, or else assess it as made by hand.

        A plan made by hand that was permitted is assessed once more, and rejected where facts have changed so. For a
        decision's this is not done: the outcomes that its rules speak of are not known here.

        Raises:
            PlanInvalid: naming the step that may not run as written.
        """
        request = asked.request
        async with self._resources.database.transaction() as session:
            controller = await self._controllers.in_force(session, request.tenant, request.constraints)
            self._registry.validate(request.plan, controller.policy.allowed_actions)
            check_gates(request.plan, controller.policy, request.requester)
            policy_digest = controller.policy_digest
            authorization, granted = await self._permission(session, asked, policy_digest)
            place = (request.tenant, request.deployment, authorization.kind, request.plan.steps)
            steps = await step_contexts(session, *place) + verification_contexts(*place)
            context = DecisionContext(
                tenant=request.tenant,
                deployment=request.deployment,
                kind=authorization.kind,
                requester=request.requester,
                changes=changes_of(steps),
            )
            holder = asked.decision or audit_trail.running()
            if granted is None:
                result = await _assessed(session, controller, context, steps, holder)
                verdict = _admitted(result)
                await AuditLog(session, request.tenant).append(
                    [audit_trail.of_admission(result, authorization, asked.decision)]
                )
            else:
                stops = await KillSwitches(session).stops(request.tenant)
                # What it takes from budgets was reserved with the permission.
                result = controller.assess(context, steps, Standing(at=datetime.now(UTC), stops=stops))
                by_hand = asked.decision is None or authorization.kind != request.kind
                verdict = "reject" if by_hand and result.verdict == "reject" else "execute"
                if verdict == "reject":
                    await AuditLog(session, request.tenant).append(
                        [audit_trail.of_admission(result, authorization, asked.decision)]
                    )
        return Admission(
            verdict=verdict,
            digest=authorization.content_digest(),
            authorization=authorization,
            result=result,
            approved_under=policy_digest if granted is not None and granted.reviews else None,
        )

    async def _permission(
        self, session: AsyncSession, asked: AdmissionInput, policy_digest: str
    ) -> tuple[Authorization, StoredAuthorization | None]:
        """The permission for exactly this plan, used up; None, and the plan as made by hand, where there is none."""
        request = asked.request
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
        holders = {permission_id(asked.decision or consumer, by_hand.content_digest()): by_hand}
        if asked.decision is not None:
            holders[permission_id(asked.decision, as_decided.content_digest())] = as_decided
        granted = await Authorizations(session, request.tenant).consume(holders, consumer)
        return (by_hand, None) if granted is None else (holders[granted.id], granted)

    @activity.defn
    async def run_step(self, run: StepRun) -> StepResult:
        """Check the step against the policy in force at this moment, run its action, and check what that answered.

        Raises:
            AutonomyStopped: a kill switch is on, and nobody approved the plan.
            SafetyViolation: a constraint forbids it, or what came of it, or a freeze that blocks holds.
            ActionRefused: it will never succeed as asked.
        """
        async with heartbeating():
            async with self._resources.database.reading() as session:
                controller = await self._controllers.in_force(session, run.tenant, run.constraints)
                (facts,) = await step_contexts(session, run.tenant, run.deployment, run.kind, (run.step,))
                stops = await KillSwitches(session).stops(run.tenant)
            if stops and run.approved_under is None:
                raise AutonomyStopped(f"step {run.step.name!r} waits: {stops[0].author} stopped autonomous work")
            places = {run.deployment, facts.deployment}
            frozen = freezes_holding(controller.policy, run.kind, places, datetime.now(UTC))
            controller.check_step(facts, run.approved_under, frozen)
            call = ActionCall(action=run.step.action, arguments=run.step.arguments)
            action = self._run(call, _context(run, controller))
            answer = await (action if run.step.when_stopped == "cancel" else to_the_end(action))
            controller.check_after(AfterContext(**dict(facts), result=answer.result), run.approved_under)
            return answer

    @activity.defn
    async def verify_step(self, run: StepRun) -> StepResult:
        """Run the step's verification, a read-only action.

        Raises:
            ActionRefused: what the step should have brought about is not so.
        """
        assert run.step.verification is not None
        async with heartbeating():
            async with self._resources.database.reading() as session:
                controller = await self._controllers.in_force(session, run.tenant, run.constraints)
            (facts,) = verification_contexts(run.tenant, run.deployment, run.kind, (run.step,))
            controller.check_step(facts, run.approved_under)
            return await self._run(run.step.verification, _context(run, controller))

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

    @activity.defn
    async def close_execution(self, closing: ExecutionClosing) -> None:
        """Give back what a plan that was started by hand held of budgets, and record how it ended."""
        async with self._resources.database.transaction() as session:
            acted = closing.result.outcome != "rejected"
            await close_action(session, closing.tenant, audit_trail.running(), acted=acted)
            await record_end(session, closing.tenant, audit_trail.of_execution(closing), self._signing_key)

    async def _run(self, call: ActionCall, context: ActionContext) -> StepResult:
        action = self._registry.get(call.action)(self._resources)
        arguments = self._registry.parse_arguments(call.action, call.arguments)
        return StepResult(result=dict(await action.run(arguments, context)))

    async def _context(self, run: StepRun) -> ActionContext:
        async with self._resources.database.reading() as session:
            return _context(run, await self._controllers.in_force(session, run.tenant, run.constraints))


async def _assessed(
    session: AsyncSession,
    controller: AutonomousController,
    context: DecisionContext,
    steps: tuple[StepContext, ...],
    holder: str,
) -> DecisionResult:
    """The verdict on a plan made by hand; where it may run alone, what it takes from budgets is reserved.

    `holder` is the run that holds it: the decision's where one started the plan, so that it is not in its own way.
    """
    standing = await standing_of(session, context.tenant, controller.demand(context, steps), holder)
    result = controller.assess(context, steps, standing)
    if _admitted(result) == "execute":
        actions = AutonomousActions(session, context.tenant)
        if short := await actions.reserve(holder, result.demand, standing.at):
            return controller.assess(context, steps, standing.model_copy(update={"shortages": short}))
    return result


def _admitted(result: DecisionResult) -> Verdict:
    """In the mode `shadow` nothing runs but what people approved."""
    return "escalate" if result.is_shadow and result.verdict == "execute" else result.verdict


def _context(run: StepRun, controller: AutonomousController) -> ActionContext:
    return ActionContext(
        tenant=run.tenant,
        deployment=run.deployment,
        key=run.key,
        owner=run.owner,
        allowed_hosts=controller.policy.allowed_hosts,
        undone_next=run.undone_next,
    )
