"""Asks an adviser about a front, and believes nothing that an evaluation does not confirm."""

import numpy as np

from voicehive.optimization.advising.advice import Advice, Adviser, Codebook, Proposed
from voicehive.optimization.advising.front_digest import digest_of
from voicehive.optimization.errors import InvalidCandidate
from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.front import non_dominated
from voicehive.optimization.result import AdviceReport, EvaluatedProposal, OptimizationResult


def take_advice(
    evaluation: Evaluation, adviser: Adviser, result: OptimizationResult, archive: Population
) -> tuple[AdviceReport, Population]:
    """Ask for advice on a result, evaluate each proposal, and report its predicted and its actual gain.

    Returns:
        The report, and the proposals that are kept: feasible, and dominated by nothing in the archive.
    """
    problem = evaluation.problem
    digest, codebook = digest_of(
        problem.parameters,
        problem.objectives,
        result.front,
        recommended=result.recommended,
        current=result.current,
        alternatives=result.alternatives,
    )
    advice = adviser.advise(digest)
    judged = [_judged(evaluation, codebook, proposed, result, archive) for proposed in advice.proposals]
    kept = [population for proposal, population in judged if proposal.kept and population is not None]
    report = AdviceReport(
        source=advice.source,
        preferences=_preferences(codebook, advice),
        proposals=tuple(proposal for proposal, _ in judged),
    )
    for population in kept[1:]:
        kept[0] = kept[0].join(population)
    return report, kept[0] if kept else archive.take(np.array([], dtype=np.intp))


def _preferences(codebook: Codebook, advice: Advice) -> dict[str, float]:
    try:
        return codebook.preferences(advice)
    except InvalidCandidate:
        return {}


def _judged(
    evaluation: Evaluation, codebook: Codebook, proposed: Proposed, result: OptimizationResult, archive: Population
) -> tuple[EvaluatedProposal, Population | None]:
    explanation = codebook.readable(proposed.explanation)
    try:
        settings, predicted = codebook.settings(proposed), codebook.predicted(proposed)
        point = evaluation.encoding.encode([settings])
    except InvalidCandidate as error:
        return _refused(explanation, str(error)), None
    judged = evaluation.evaluate(point)
    if not judged.known.all():
        return _refused(explanation, "it does not come to numbers"), None
    solution, before = evaluation.solutions(judged.population)[0], result.recommendation
    verdict = _verdict(judged.population, archive)
    proposal = EvaluatedProposal(
        settings=settings,
        explanation=explanation,
        predicted=predicted,
        actual={o.name: solution.outcomes[o.name] - before.outcomes[o.name] for o in evaluation.problem.objectives},
        kept=verdict == _KEPT,
        verdict=verdict,
    )
    return proposal, judged.population


_KEPT = "kept: feasible and not dominated"


def _verdict(proposal: Population, archive: Population) -> str:
    if proposal.violations[0] > 0.0:
        return f"refused: it breaks a constraint (violation {proposal.violations[0]:.3g})"
    if (archive.points == proposal.points).all(axis=1).any():
        return "refused: the front holds it already"
    feasible = archive.objectives[archive.violations == 0.0]
    if not non_dominated(np.concatenate([feasible, proposal.objectives]))[-1]:
        return "refused: a solution of the front is better in everything"
    return _KEPT


def _refused(explanation: str, why: str) -> EvaluatedProposal:
    return EvaluatedProposal(
        settings={}, explanation=explanation, predicted={}, actual={}, kept=False, verdict=f"refused: {why}"
    )
