"""A judgement by a language model; by the fallback whenever the model gives none that can be used.

The model chooses among feasible candidates by codes and can add doubt; it never holds the pen. What a request's author
writes reaches it only where the operator discloses it, redacted, and then only to be doubted: `choosing` and `remarks`
say how. So a judgement made with a text is never surer than the one made without it, whatever model answers.
"""

import asyncio
import logging
import re
from collections.abc import Iterable
from math import prod
from typing import Annotated, NamedTuple

from pydantic import Field

from voicehive.model import Identifier, Model
from voicehive.reasoning import choosing, remarks
from voicehive.reasoning.choosing import Ballot, ChoiceAnswer, Vote
from voicehive.reasoning.circuit_breaker import CircuitBreaker
from voicehive.reasoning.errors import AnswerUnusable, ReasoningError
from voicehive.reasoning.language_model import LanguageModel
from voicehive.reasoning.model_session import ModelSession, Services, model_session
from voicehive.reasoning.models import Judgement, ModelCall, Question, Remark
from voicehive.reasoning.outside_text import fenced, plain
from voicehive.reasoning.personal_data import REGIONS
from voicehive.reasoning.reasoner import FALLBACK_DROP, FallbackReasoner, against_today
from voicehive.reasoning.stores import AnswerCache, UsageMeter

_log = logging.getLogger(__name__)

_PACKAGES = ("openai", "stamina", "purgatory", "phonenumbers")


class ReasonerOptions(Model):
    """How a model is asked about decisions.

    `total_seconds` bounds a whole judgement. `samples` is how often the same choice is asked for; where one is missing,
    or there is but one, of which no agreement is known, confidence loses `drop` as without the model. Only names in
    `vocabulary` leave as they are, and only remarks whose source is in `disclosed_sources` leave at all, by default
    none. Telephone numbers without a country code are looked for in `regions`. `drop` is
    what confidence loses without the model.
    """

    total_seconds: Annotated[float, Field(gt=0, le=25)] = 20.0
    samples: Annotated[int, Field(ge=1, le=9)] = 3
    vocabulary: frozenset[Identifier] = frozenset()
    disclosed_sources: frozenset[Identifier] = frozenset()
    regions: tuple[str, ...] = REGIONS
    drop: Annotated[float, Field(ge=0, le=1)] = FALLBACK_DROP


class _Review(NamedTuple):
    factor: float
    concerns: tuple[str, ...]


class OpenAIReasoner:
    """Asks a language model, several times over; one for all decisions of a process, because it holds the circuit."""

    def __init__(
        self,
        model: LanguageModel,
        options: ReasonerOptions = ReasonerOptions(),  # noqa: B008
        *,
        meter: UsageMeter | None = None,
        cache: AnswerCache | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._model = model.model_copy(update={"total_seconds": min(model.total_seconds, options.total_seconds)})
        self._options = options
        self._meter, self._cache, self._breaker = meter, cache, breaker or CircuitBreaker()
        self._fallback = FallbackReasoner(options.drop)

    async def judge(self, question: Question) -> Judgement:
        """The choice of most samples; the fallback's, with the cause, where there is none that most could be read of.

        Ends within `total_seconds`, but for a moment, and fails of nothing that a model, its service, the cache or the
        budget can do.
        """
        services = Services(question.tenant, self._meter, self._cache, self._breaker, _PACKAGES)
        async with model_session(self._model, services) as session:
            read = [remark for remark in question.remarks if remark.source in self._options.disclosed_sources]
            votes, reviews = await asyncio.gather(
                self._votes(session, question), asyncio.gather(*(self._review(session, remark) for remark in read))
            )
            judgement = await self._judged(question, votes)
        return _doubted(judgement, reviews, session.calls)

    async def _votes(self, session: ModelSession, question: Question) -> list[Vote | ReasoningError]:
        if not choosing.eligible(question):
            return [AnswerUnusable("not asked: the recommended candidate is infeasible")]
        samples = range(self._options.samples)
        return await asyncio.gather(*(self._vote(session, question, sample) for sample in samples))

    async def _vote(self, session: ModelSession, question: Question, sample: int) -> Vote | ReasoningError:
        ballot = choosing.ballot(question, sample, self._options.vocabulary)

        def accept(answer: ChoiceAnswer) -> None:
            if answer.choice not in ballot.candidates:
                raise AnswerUnusable("chose no candidate that there is")

        try:
            answer = await session.ask("choose", choosing.INSTRUCTIONS, fenced(ballot.digest), ChoiceAnswer, accept)
        except ReasoningError as error:
            return error
        return Vote(ballot.candidates[answer.choice], answer.doubt, _explained(answer, ballot))

    async def _judged(self, question: Question, outcomes: list[Vote | ReasoningError]) -> Judgement:
        votes = [outcome for outcome in outcomes if isinstance(outcome, Vote)]
        if 2 * len(votes) <= len(outcomes):
            error = next(outcome for outcome in outcomes if isinstance(outcome, ReasoningError))
            fallen = await self._fallback.judge(question)
            return fallen.model_copy(update={"cause": f"model {self._model.name}: {error}"})
        count = choosing.counted(votes, question.recommended)
        chosen = next(candidate for candidate in question.candidates if candidate.index == count.choice)
        words = next(vote.explanation for vote in votes if vote.choice == count.choice)
        parts = {"agreement": count.agreement, "model_doubt": choosing.FACTORS[count.doubt]}
        if len(votes) == 1 or len(votes) < len(outcomes):
            parts["missing_samples"] = 1.0 - self._options.drop
        return Judgement(
            choice=count.choice,
            explanation=f"{words} {against_today(question, chosen)}".strip(),
            confidence=prod(parts.values()),
            source=f"model {self._model.name}",
            parts=parts,
        )

    async def _review(self, session: ModelSession, remark: Remark) -> _Review:
        try:
            async with asyncio.timeout_at(session.ends):
                shown = await asyncio.to_thread(remarks.disclosed, remark, self._options.regions)
            answer = await session.ask("review", remarks.INSTRUCTIONS, fenced(shown), remarks.RemarkAnswer)
        except Exception as error:
            # What cannot be redacted, for whatever reason, does not leave.
            if not isinstance(error, ReasoningError):
                _log.warning("a remark could not be made fit to leave: %s", type(error).__name__)
            return _Review(1.0 - self._options.drop, (f"the {remark.source} could not be reviewed",))
        return _Review(choosing.FACTORS[answer.doubt], remarks.in_words(remark, answer))


def _doubted(judgement: Judgement, reviews: Iterable[_Review], calls: list[ModelCall]) -> Judgement:
    """The judgement with what the reviews of the remarks take from its confidence; they can only take."""
    found = list(reviews)
    factor = min((review.factor for review in found), default=1.0)
    parts = judgement.parts | ({"remarks": factor} if found else {})
    return judgement.model_copy(
        update={
            "confidence": judgement.confidence * factor,
            "parts": parts,
            "concerns": tuple(concern for review in found for concern in review.concerns),
            "calls": tuple(calls),
        }
    )


def _explained(answer: ChoiceAnswer, ballot: Ballot) -> str:
    """The model's words on one line, with objectives' names and candidates' indices in the place of their codes."""
    words = {code: f"candidate {index}" for code, index in ballot.candidates.items()} | ballot.objectives
    text = plain(answer.explanation, choosing.LONGEST_EXPLANATION)
    return re.sub(r"\b[SO][1-9][0-9]?\b", lambda match: words.get(match[0], match[0]), text)
