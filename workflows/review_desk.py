"""Where people's words arrive: each is checked, recorded and kept; none acts by itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from voicehive.autonomy.policy import holders_of
from voicehive.autonomy.progress import Waiting
from voicehive.autonomy.review import RecordedReview, Review, ReviewKind, read_review
from voicehive.autonomy.verdict import ReviewTerms

ROUND_KINDS: frozenset[ReviewKind] = frozenset({"approve", "edit", "delegate"})
COMPENSATION_KINDS: frozenset[ReviewKind] = frozenset({"retry", "skip", "done"})
MAXIMUM_RECORDED = 1_000


@dataclass
class ReviewRound:
    """One question that waits for people: what it is about, who may answer, and what was said so far."""

    subject: str
    digest: str
    terms: ReviewTerms
    authors: frozenset[str]
    quorum: int
    roles: tuple[str, ...] = ()
    editable: bool = True
    rung: int = 0
    until: datetime | None = None
    approvals: list[RecordedReview] = field(default_factory=list[RecordedReview])
    delegated: dict[str, str] = field(default_factory=dict[str, str])
    to_notify: list[str] = field(default_factory=list[str])
    rejection: RecordedReview | None = None
    edit: RecordedReview | None = None

    @property
    def settled(self) -> bool:
        """Whether the main story can go on."""
        return self.rejection is not None or self.edit is not None or len(self.approvals) >= self.quorum

    @property
    def first_rung(self) -> int:
        """Where on the ladder to begin: where the violated rules want it."""
        names = [rung.name for rung in self.terms.rules.ladder]
        return names.index(self.terms.rung) if self.terms.rung in names else 0

    @property
    def entitled(self) -> tuple[str, ...]:
        """Everyone whose word counts on the present rung; a gate's own roles come before the ladder's.

        Who holds a role and has delegated is stood in for by whoever the say was handed to in the end.
        """
        holders = holders_of(self.terms.reviewers, self.roles or self.terms.rules.ladder[self.rung].roles)
        return tuple(dict.fromkeys(map(self._stand_in, holders)))

    def _stand_in(self, name: str) -> str:
        while name in self.delegated:
            name = self.delegated[name]
        return name

    @property
    def asked(self) -> tuple[str, ...]:
        """Those of the entitled whose approval would count: under four eyes not who asked for it or edited it."""
        return tuple(name for name in self.entitled if not self._barred(name))

    def refusal(self, review: Review) -> str:
        """Why this word may not count here; empty if it may."""
        if review.reviewer not in self.terms.reviewers:
            return f"unknown reviewer {review.reviewer!r}: the policy knows {', '.join(self.terms.reviewers)}"
        if (receiver := self.delegated.get(review.reviewer)) is not None:
            return f"{review.reviewer!r} has handed their say to {receiver!r}"
        if review.reviewer not in self.entitled:
            return f"{review.reviewer!r} may not decide here; asked are {', '.join(self.entitled)}"
        if review.digest is not None and review.digest != self.digest:
            return f"what was reviewed ({review.digest[:12]}) is no longer what would run ({self.digest[:12]})"
        match review.kind:
            case "approve":
                return self._refused_approval(review)
            case "delegate":
                return self._refused_delegation(review)
            case "edit" if not self.editable:
                return "this cannot be edited; reject it and start another"
            case _:
                return ""

    def _refused_approval(self, review: Review) -> str:
        if self._barred(review.reviewer):
            return f"{review.reviewer!r} asked for it or edited it, so somebody else must approve (four eyes)"
        if review.reviewer in {approval.review.reviewer for approval in self.approvals}:
            return f"{review.reviewer!r} has approved already"
        return ""

    def _refused_delegation(self, review: Review) -> str:
        if review.to == review.reviewer:
            return f"{review.to!r} would hand their say to themselves; name somebody else"
        if review.to not in self.terms.reviewers:
            return f"unknown reviewer {review.to!r}: the policy knows {', '.join(self.terms.reviewers)}"
        if self._barred(review.to):
            return f"{review.to!r} asked for it or edited it, so it cannot be handed to them (four eyes)"
        return ""

    def _barred(self, name: str) -> bool:
        return self.terms.rules.four_eyes and name in self.authors

    def record(self, entry: RecordedReview) -> None:
        """Let an accepted word count."""
        match entry.review.kind:
            case "approve":
                self.approvals.append(entry)
            case "reject":
                self.rejection = entry
            case "edit":
                self.edit = entry
            case "delegate":
                receiver = entry.review.to or ""
                self.delegated.pop(receiver, None)
                self.delegated[entry.review.reviewer] = receiver
                self.to_notify.append(receiver)
            case _:
                pass

    def in_words(self, ruling: str) -> str:
        """How it ended, for people."""
        match ruling:
            case "rejected" if self.rejection is not None:
                word = self.rejection.review
                return f"rejected by {word.reviewer}" + (f": {word.reason}" if word.reason else "")
            case "expired":
                return "nobody answered before the last deadline"
            case "stopped":
                return "stopped while waiting for people"
            case _:
                return f"{ruling} by {', '.join(entry.review.reviewer for entry in self.approvals)}"

    def waiting(self) -> Waiting:
        """How this question stands."""
        return Waiting(
            subject=self.subject,
            rung=", ".join(self.roles) or self.terms.rules.ladder[self.rung].name,
            reviewers=self.asked,
            approvals=tuple(approval.review.reviewer for approval in self.approvals),
            quorum=self.quorum,
            until=self.until,
            digest=self.digest,
        )


class ReviewDesk:
    """Keeps every word that arrives and hands the accepted ones to the story.

    `terms` are None until a verdict has named the reviewers: until then nobody is known, and nothing is accepted.
    `parked` are the steps whose compensation waits for a person. `allowed` are the kinds that mean something in the
    present stage besides answers to an open round. `assessed` are the numbers of the edits that have been judged.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.terms: ReviewTerms | None = None
        self.rounds: dict[str, ReviewRound] = {}
        self.parked: set[str] = set()
        self.allowed: frozenset[ReviewKind] = frozenset()
        self.entries: list[RecordedReview] = []
        self.inbox: list[Review] = []
        self.assessed: set[int] = set()
        self.malformed: list[str] = []

    def receive(self, kind: str, message: Any) -> RecordedReview | None:
        """Record a word; None if it is malformed, for then there is nobody's word to keep."""
        try:
            review = read_review(kind, message)
        except ValueError as error:
            if len(self.malformed) < MAXIMUM_RECORDED:
                self.malformed.append(str(error))
            return None
        refusal = self._refusal(review)
        review_round = None if refusal else self._round(review)
        subject = review_round.subject if review_round else review.step or "run"
        entry = RecordedReview(
            number=len(self.entries) + 1,
            review=review,
            at=self._now(),
            subject=subject,
            accepted=not refusal,
            refusal=refusal,
        )
        if entry.accepted or len(self.entries) < MAXIMUM_RECORDED:
            self.entries.append(entry)
        if entry.accepted:
            if review_round is not None:
                review_round.record(entry)
            else:
                self.inbox.append(review)
        return entry

    def edit_assessed(self, edit: RecordedReview, refusal: str) -> None:
        """Keep what became of an edit: `refusal` is empty if it was taken."""
        self.assessed.add(edit.number)
        if refusal:
            self.entries[edit.number - 1] = edit.model_copy(update={"accepted": False, "refusal": refusal})

    def validate(self, kind: str, message: Any) -> None:
        """Refuse an update before it is recorded.

        Raises:
            ValueError: saying why.
        """
        if refusal := self._refusal(read_review(kind, message)):
            raise ValueError(refusal)

    def has(self, *kinds: ReviewKind) -> bool:
        """Whether an accepted word of one of these kinds waits to be acted on."""
        return any(review.kind in kinds for review in self.inbox)

    def word_on(self, step: str) -> Review | None:
        """The oldest word on that step's parked compensation; one that names no step is about the only one parked."""
        kinds = COMPENSATION_KINDS
        return next((r for r in self.inbox if r.kind in kinds and r.step in (None, step)), None)

    def take(self, *kinds: ReviewKind) -> Review | None:
        """The oldest accepted word of one of these kinds that nothing has acted on yet; it is taken out."""
        for review in self.inbox:
            if review.kind in kinds:
                self.inbox.remove(review)
                return review
        return None

    def _round(self, review: Review) -> ReviewRound | None:
        """The open round a word is about; the only one there is, unless it names a step."""
        if review.kind == "comment" or (review.kind not in ROUND_KINDS and review.kind != "reject"):
            return None
        open_rounds = [r for r in self.rounds.values() if not r.settled and review.step in (None, r.subject)]
        return open_rounds[0] if len(open_rounds) == 1 else None

    def _refusal(self, review: Review) -> str:
        if self.terms is None:
            return "nothing has been proposed yet, so there is nothing to review"
        if review.reviewer not in self.terms.reviewers:
            return f"unknown reviewer {review.reviewer!r}: the policy knows {', '.join(self.terms.reviewers)}"
        if review.kind == "comment":
            return "" if len(self.entries) < MAXIMUM_RECORDED else "no more comments are taken"
        review_round = self._round(review)
        if review_round is not None:
            return review_round.refusal(review)
        if review.kind in ROUND_KINDS | {"reject"} and review.kind not in self.allowed:
            waiting = [r.subject for r in self.rounds.values() if not r.settled]
            if len(waiting) > 1:
                return f"several questions wait; name one as step: {', '.join(waiting)}"
            return "nothing waits for this answer now" + (f" on {review.step!r}" if review.step else "")
        return self._refusal_outside_rounds(review)

    def _refusal_outside_rounds(self, review: Review) -> str:
        if review.kind in COMPENSATION_KINDS:
            step = self._parked_step(review)
            if step is None:
                waiting = ", ".join(sorted(self.parked)) or "none"
                return f"name the step whose compensation needs attention: {waiting}"
            if (word := self.word_on(step)) is not None:
                return f"{word.reviewer!r} has said {word.kind} already"
        if review.kind not in COMPENSATION_KINDS and review.kind not in self.allowed:
            return f"{review.kind} means nothing now: no plan is running"
        return ""

    def _parked_step(self, review: Review) -> str | None:
        """The parked step a word is about; the only one there is, unless it names one."""
        steps = [step for step in self.parked if review.step in (None, step)]
        return steps[0] if len(steps) == 1 else None
