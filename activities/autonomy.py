"""Proposals, verdicts, permissions, and the words sent to people."""

import asyncio
from datetime import UTC, datetime

import httpx
from temporalio import activity

from activities import audit_trail
from activities.closing import close_action, record_end
from activities.optimization import RESULT_KIND, StoredOptimization
from activities.optimizers import Optimizers
from activities.policies import Controllers
from activities.standings import standing_of
from activities.step_contexts import changes_of, deployments_of, step_contexts, verification_contexts
from activities.trust import Histories, case_of, keep_case, record_observed
from voicehive.audit.keys import SigningKey
from voicehive.autonomy.authorization import Authorization, permission_id
from voicehive.autonomy.context import Change, DecisionContext, Facts
from voicehive.autonomy.progress import Notification
from voicehive.autonomy.request import AuthorizationInput, DecisionRecord, Proposal, ProposalInput
from voicehive.autonomy.standing import freezes_holding
from voicehive.execution.changes import SettingChange, plan_changes, settings_set, with_arguments
from voicehive.execution.plan import ExecutionPlan
from voicehive.execution.registry import ActionRegistry
from voicehive.optimization import InvalidCandidate, Settings, Solution
from voicehive.optimization.explanation.confidence import certainty_of
from voicehive.optimization.explanation.preference import preference_over_today
from voicehive.storage.assessments import Assessments, StoredAssessment
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.authorizations import Authorizations
from voicehive.storage.autonomous_actions import AutonomousActions
from voicehive.storage.database import Database
from voicehive.storage.decisions import Decisions, StoredDecision
from voicehive.storage.kill_switches import KillSwitches
from voicehive.storage.notifications import Notification as StoredNotification
from voicehive.storage.notifications import Notifications
from voicehive.storage.parameters import Parameters
from voicehive.storage.results import Results


class AutonomyActivities:
    """Wraps the controller."""

    def __init__(
        self,
        database: Database,
        controllers: Controllers,
        optimizers: Optimizers,
        registry: ActionRegistry,
        http: httpx.AsyncClient,
        *,
        signing_key: SigningKey | None = None,
    ) -> None:
        self._database = database
        self._optimizers = optimizers
        self._controllers = controllers
        self._registry = registry
        self._http = http
        self._signing_key = signing_key
        self._histories = Histories()

    @activity.defn
    async def propose(self, wanted: ProposalInput) -> Proposal:
        """Turn a choice or an edit into a plan, and judge it under the policy in force.

        Raises:
            InvalidCandidate: an edit names no solution of the front, or settings out of reach.
            PlanInvalid: edited arguments do not fit their actions.
        """
        stored = await self._stored(wanted)
        solution, current = await self._chosen(stored, wanted), _today(stored)
        plan = await self._plan(wanted, current, solution)
        if plan is not None:
            plan = with_arguments(plan, wanted.arguments)
            settings = solution.settings | _settings_of(plan, wanted.deployment, solution)
            if settings != solution.settings:
                solution = await self._evaluated(wanted.tenant, stored, settings)
        async with self._database.reading() as session:
            controller = await self._controllers.in_force(session, wanted.tenant, wanted.constraints)
            planned = plan.steps if plan else ()
            place = (wanted.tenant, wanted.deployment, wanted.kind, planned)
            steps = await step_contexts(session, *place) + verification_contexts(*place)
            trust = await self._histories.trust_of(session, wanted.tenant, wanted.kind, controller.policy)
            context = _context(wanted, stored, solution, current, changes_of(steps))
            facts = Facts(context=context, steps=steps, assurance=controller.assurance(context, trust))
            demand = controller.demand(context, steps, assurance=facts.assurance)
            standing = await standing_of(session, wanted.tenant, demand, audit_trail.running())
        if plan is not None:
            self._registry.validate(plan, controller.policy.allowed_actions)
        result = controller.assess(context, steps, standing, assurance=facts.assurance)
        digest = _digest(wanted, plan, result.policy_digest) if plan else ""
        proposal = Proposal(solution=solution, plan=plan, result=result, digest=digest)
        proposal = proposal.model_copy(update={"case": case_of(proposal, context, standing.at)})
        await self._record_assessment(wanted.tenant, facts, proposal, standing.at)
        return proposal

    async def _record_assessment(self, tenant: str, facts: Facts, proposal: Proposal, at: datetime) -> None:
        assessment = StoredAssessment(
            id=f"{audit_trail.running()}/{activity.info().activity_id}",
            decision_id=audit_trail.decision(),
            facts=facts.model_dump(mode="json"),
            verdict=proposal.result.verdict,
            mode=proposal.result.mode,
            policy_digest=proposal.result.policy_digest,
            assessed_at=at,
        )
        async with self._database.transaction() as session:
            await Assessments(session, tenant).record(assessment)
            await AuditLog(session, tenant).append([audit_trail.of_proposal(proposal)])
            if proposal.result.is_shadow:
                await keep_case(session, tenant, proposal.case)

    async def _stored(self, wanted: ProposalInput) -> StoredOptimization:
        async with self._database.reading() as session:
            document = await Results(session, wanted.tenant).get(wanted.summary.result, RESULT_KIND)
        if document is None:
            raise InvalidCandidate(f"the store holds no optimisation {wanted.summary.result}; start the decision again")
        return StoredOptimization.model_validate_json(document)

    async def _chosen(self, stored: StoredOptimization, wanted: ProposalInput) -> Solution:
        front = stored.result.front
        if wanted.solution is not None and wanted.solution >= len(front):
            raise InvalidCandidate(
                f"solution {wanted.solution} is none of the front's, which are 0 to {len(front) - 1}"
            )
        base = front[stored.result.recommended if wanted.solution is None else wanted.solution]
        if not wanted.settings:
            return base
        return await self._evaluated(wanted.tenant, stored, base.settings | wanted.settings)

    async def _evaluated(self, tenant: str, stored: StoredOptimization, settings: Settings) -> Solution:
        optimizer = await self._optimizers.of(tenant, stored.problem)
        [solution] = await asyncio.to_thread(optimizer.solutions, [settings])
        return solution

    async def _plan(self, wanted: ProposalInput, current: Solution, solution: Solution) -> ExecutionPlan | None:
        """What brings the deployment from its stored settings to the solution's; None if nothing is to change."""
        changes: list[SettingChange] = []
        async with self._database.reading() as session:
            known = await Parameters(session, wanted.tenant).get_all(wanted.deployment, solution.settings)
        for name, value in solution.settings.items():
            stored, version = known[name].value, known[name].version
            earlier = current.settings[name] if stored is None else stored
            if earlier != value:
                changes.append(SettingChange(name=name, earlier=earlier, value=value, version=version))
        if not changes:
            return None
        options = wanted.execution
        return plan_changes(f"{wanted.kind} settings", tuple(changes), options.one_at_a_time, options.afterwards)

    @activity.defn
    async def authorize(self, permission: AuthorizationInput) -> bool:
        """Record that exactly this may run, once.

        False if the policy has changed since it was assessed, or if by now it is stopped, frozen or has no room in a
        budget. What people approved is held up by a freeze only where that blocks.
        """
        authorization = permission.authorization
        digest = authorization.content_digest()
        async with self._database.transaction() as session:
            controller = await self._controllers.in_force(session, permission.tenant, authorization.constraints)
            if controller.policy_digest != authorization.policy_digest:
                return False
            approved = bool(permission.reviews)
            if not approved and await KillSwitches(session).stops(permission.tenant):
                return False
            now = datetime.now(UTC)
            places = deployments_of(authorization.plan.steps, authorization.deployment)
            frozen = freezes_holding(controller.policy, authorization.kind, places, now)
            if any(not approved or freeze.severity == "block" for freeze in frozen):
                return False
            actions = AutonomousActions(session, permission.tenant)
            if await actions.reserve(permission.holder, permission.demand, now, approved=approved):
                return False
            await Authorizations(session, permission.tenant).grant(
                permission_id(permission.holder, digest),
                digest=digest,
                policy_digest=authorization.policy_digest,
                decision_id=permission.decision_id,
                reviews=[review.model_dump(mode="json") for review in permission.reviews],
            )
            await AuditLog(session, permission.tenant).append(audit_trail.of_permission(permission, digest))
            await keep_case(session, permission.tenant, permission.case, alone=not permission.reviews)
        return True

    @activity.defn
    async def notify(self, notification: Notification) -> None:
        """Record what people are told, once for each key, and post it to the rung's web hook if it has one."""
        async with self._database.transaction() as session:
            told = Notifications(session, notification.tenant)
            for recipient in notification.recipients:
                await told.record(
                    StoredNotification(
                        key=f"{notification.key}/{recipient}",
                        decision_id=notification.decision_id,
                        recipient=recipient,
                        kind=notification.kind,
                        message=notification.message,
                        sent_at=activity.info().scheduled_time,
                    )
                )
        if notification.webhook is not None:
            headers = {"Idempotency-Key": notification.key}
            document = notification.model_dump(mode="json", exclude={"webhook"})
            answer = await self._http.post(notification.webhook, json=document, headers=headers)
            answer.raise_for_status()

    @activity.defn
    async def record_decision(self, record: DecisionRecord) -> None:
        """Keep how a decision ended, and give back what it held of budgets; one that failed may have acted."""
        acted = record.outcome.outcome not in ("rejected", "unchanged")
        async with self._database.transaction() as session:
            await close_action(session, record.tenant, audit_trail.running(), acted=acted)
            await Decisions(session, record.tenant).upsert(
                StoredDecision(
                    decision_id=record.decision_id,
                    document=record.model_dump(mode="json", exclude={"case"}),
                    verdict=record.outcome.verdict,
                    outcome=record.outcome.outcome,
                    started_at=record.started_at,
                    closed_at=record.closed_at,
                )
            )
            await keep_case(session, record.tenant, record.case)
            await record_observed(session, record)
            await record_end(session, record.tenant, audit_trail.of_outcome(record), self._signing_key)


def _context(
    wanted: ProposalInput,
    stored: StoredOptimization,
    solution: Solution,
    current: Solution,
    changes: tuple[Change, ...],
) -> DecisionContext:
    return DecisionContext(
        tenant=wanted.tenant,
        deployment=wanted.deployment,
        kind=wanted.kind,
        requester=wanted.requester,
        current=current.outcomes,
        proposed=solution.outcomes,
        settings=dict(solution.settings),
        changes=changes,
        feasible=solution.feasible,
        preference=preference_over_today(solution, stored.result, stored.problem.objectives),
        reasoner_confidence=wanted.reasoner_confidence,
        reasoning=dict(wanted.reasoning),
        certainty=certainty_of(solution, stored.result, stored.problem.objectives),
    )


def _today(stored: StoredOptimization) -> Solution:
    if stored.result.current is None:
        raise InvalidCandidate("nothing is known of today's settings; add their row to the table")
    return stored.result.current


def _settings_of(plan: ExecutionPlan, deployment: str, solution: Solution) -> Settings:
    """What a plan's own steps leave the solution's settings at."""
    set_by_plan = settings_set(plan, deployment)
    values = {name: value for name, value in set_by_plan.items() if name in solution.settings}
    for name, value in values.items():
        if not isinstance(value, int | float | str | bool):
            raise InvalidCandidate(f"{name!r} cannot be {value!r}; give a number, a text or a truth value")
    return {name: value for name, value in values.items() if isinstance(value, int | float | str | bool)}


def _digest(wanted: ProposalInput, plan: ExecutionPlan, policy_digest: str) -> str:
    return Authorization(
        deployment=wanted.deployment,
        kind=wanted.kind,
        plan=plan,
        constraints=wanted.constraints,
        policy_digest=policy_digest,
    ).content_digest()
