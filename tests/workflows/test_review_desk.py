"""The review desk alone: whatever arrives, a question is settled only by those who may, and every word is kept."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicehive.autonomy.policy import ReviewRules, Rung
from voicehive.autonomy.review import RecordedReview
from voicehive.autonomy.verdict import ReviewTerms
from workflows.review_desk import MAXIMUM_RECORDED, ReviewDesk, ReviewRound

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST, OTHER = "a" * 64, "b" * 64
ROLES = {
    "alice": ("supervisor",),
    "bob": ("supervisor",),
    "dave": ("supervisor", "director"),
    "olivia": ("supervisor",),
    "carol": ("director",),
}
SUPERVISORS = {"alice", "bob", "dave", "olivia"}
LADDER = (
    Rung.model_validate_json('{"name": "first", "roles": ["supervisor"], "deadline": "PT1H"}'),
    Rung.model_validate_json('{"name": "second", "roles": ["director"], "deadline": "PT1H"}'),
)


def desk_with(quorum: int = 1, four_eyes: bool = True, subject: str = "decision") -> tuple[ReviewDesk, ReviewRound]:
    desk = ReviewDesk(lambda: NOW)
    desk.terms = ReviewTerms(rules=ReviewRules(ladder=LADDER, quorum=quorum, four_eyes=four_eyes), reviewers=ROLES)
    question = ReviewRound(
        subject=subject, digest=DIGEST, terms=desk.terms, authors=frozenset({"olivia"}), quorum=quorum
    )
    desk.rounds[subject] = question
    return desk, question


@st.composite
def words(draw: st.DrawFn) -> tuple[str, Any]:
    """Kinds with anything at all, most of it near to what would count."""
    names = st.sampled_from([*ROLES, "mallory", ""])
    kind = draw(
        st.sampled_from([*["approve"] * 6, "delegate", "delegate", "comment", "reject", "edit", "pause", "oops"])
    )
    if draw(st.integers(0, 5)) == 0:
        junk = st.one_of(st.none(), st.text(max_size=8), st.lists(names, max_size=2), st.dictionaries(names, names))
        return kind, draw(junk)
    word: dict[str, Any] = {
        "reviewer": draw(names),
        "digest": draw(st.sampled_from([None, DIGEST, OTHER, DIGEST[:12]])),
        "step": draw(st.sampled_from([None, None, "decision", "elsewhere"])),
    }
    if kind in ("delegate", "comment"):
        word["to"] = draw(names)
    if kind == "edit":
        word["solution"] = draw(st.integers(-1, 5))
    return kind, word


@settings(max_examples=200)
@given(st.lists(words(), min_size=5, max_size=30), st.integers(1, 3), st.booleans())
def test_only_a_quorum_of_distinct_entitled_others_approves(
    sent: list[tuple[str, Any]], quorum: int, four_eyes: bool
) -> None:
    desk, question = desk_with(quorum, four_eyes)
    may_decide, approved = set(SUPERVISORS), set[str]()
    for kind, message in sent:
        was_settled, before = question.settled, list(desk.entries)
        desk.receive(kind, message)
        assert desk.entries[: len(before)] == before
        if isinstance(message, dict) and not was_settled and message.get("reviewer") in may_decide:
            here = message.get("digest") in (None, DIGEST) and message.get("step") in (None, "decision")
            if kind == "approve" and here and not (four_eyes and message["reviewer"] == "olivia"):
                approved.add(message["reviewer"])
            elif kind == "delegate" and here and message.get("to") in ROLES:
                may_decide.add(message["to"])
        approvers = [entry.review.reviewer for entry in question.approvals]
        assert len(approvers) == len(set(approvers))
        assert set(approvers) <= approved
        ended_otherwise = question.rejection or question.edit
        assert question.settled == (bool(ended_otherwise) or len(approvers) >= quorum)
        if was_settled:
            assert len(desk.entries) == len(before) or not _counts(desk.entries[-1])
        for other in (question.rejection, question.edit):
            assert other is None or other.review.reviewer in may_decide
            assert other is None or other.review.digest in (None, DIGEST)
    assert len(desk.entries) + len(desk.malformed) == len(sent)
    assert [entry.number for entry in desk.entries] == list(range(1, len(desk.entries) + 1))
    assert all(bool(entry.refusal) != entry.accepted for entry in desk.entries)
    assert desk.inbox == [entry.review for entry in desk.entries if entry.accepted and entry.review.kind == "comment"]


def _counts(entry: RecordedReview) -> bool:
    return entry.accepted and entry.review.kind != "comment"


@given(st.lists(words(), max_size=10))
def test_before_a_verdict_nobody_is_known(sent: list[tuple[str, Any]]) -> None:
    desk = ReviewDesk(lambda: NOW)
    for kind, message in sent:
        desk.receive(kind, message)
    assert not any(entry.accepted for entry in desk.entries)
    assert desk.inbox == []


@given(words())
def test_an_update_is_refused_for_the_very_reason_a_signal_would_be(word: tuple[str, Any]) -> None:
    desk, _ = desk_with()
    try:
        desk.validate(*word)
        refusal = ""
    except ValueError as error:
        refusal = str(error)
    entry = desk.receive(*word)
    assert refusal == (entry.refusal if entry is not None else desk.malformed[-1])


def test_the_next_rung_asks_others_and_keeps_what_was_said() -> None:
    desk, question = desk_with(quorum=2)
    desk.receive("approve", {"reviewer": "alice"})
    question.rung = 1
    assert question.entitled == ("dave", "carol")
    refused = desk.receive("approve", {"reviewer": "bob"})
    assert refused is not None
    assert "asked are dave, carol" in refused.refusal
    desk.receive("approve", {"reviewer": "carol"})
    assert question.settled


def test_a_gates_own_roles_come_first() -> None:
    desk, question = desk_with()
    question.roles = ("director",)
    refused = desk.receive("approve", {"reviewer": "alice"})
    assert refused is not None
    assert not refused.accepted
    desk.receive("approve", {"reviewer": "carol"})
    assert question.settled


def test_of_several_questions_one_must_be_named() -> None:
    desk, first = desk_with(subject="deploy")
    second = ReviewRound(subject="notify", digest=DIGEST, terms=first.terms, authors=frozenset(), quorum=1)
    desk.rounds["notify"] = second
    entry = desk.receive("approve", {"reviewer": "alice"})
    assert entry is not None
    assert entry.refusal == "several questions wait; name one as step: deploy, notify"
    desk.receive("approve", {"reviewer": "alice", "step": "notify"})
    assert (first.settled, second.settled) == (False, True)
    desk.receive("approve", {"reviewer": "bob"})
    assert first.settled


@pytest.mark.parametrize("kind", ["retry", "skip", "done"])
def test_a_parked_compensation_is_answered_once(kind: str) -> None:
    desk, question = desk_with()
    question.rejection = desk.receive("reject", {"reviewer": "alice"})
    desk.parked = {"a", "b"}
    word = {"reviewer": "alice", "reason": "seen"}
    unnamed = desk.receive(kind, word)
    assert unnamed is not None
    assert unnamed.refusal == "name the step whose compensation needs attention: a, b"
    answers = [desk.receive(kind, {**word, "step": step}) for step in ("a", "a", "b", "c")]
    assert [answer.accepted for answer in answers if answer is not None] == [True, False, True, False]
    assert [review.step for review in desk.inbox] == ["a", "b"]


def test_what_means_nothing_in_a_stage_is_refused() -> None:
    desk, question = desk_with()
    entry = desk.receive("pause", {"reviewer": "alice"})
    assert entry is not None
    assert entry.refusal == "pause means nothing now: no plan is running"
    desk.receive("reject", {"reviewer": "alice"})
    assert question.rejection is not None
    desk.allowed = frozenset({"pause", "reject"})
    desk.receive("pause", {"reviewer": "bob"})
    desk.receive("reject", {"reviewer": "carol"})
    assert [review.kind for review in desk.inbox] == ["pause", "reject"]
    assert desk.has("pause")
    assert desk.take("pause") is not None
    assert desk.take("pause") is None


def test_the_record_is_bounded() -> None:
    desk, question = desk_with(quorum=2)
    desk.receive("approve", {"reviewer": "alice"})
    for _ in range(MAXIMUM_RECORDED + 5):
        desk.receive("comment", {"reviewer": "bob", "reason": "spam"})
        desk.receive("comment", "spam")
    assert len(desk.entries) == len(desk.malformed) == MAXIMUM_RECORDED
    refused = desk.receive("comment", {"reviewer": "bob", "reason": "spam"})
    assert refused is not None
    assert "no more comments are taken" in refused.refusal
    entry = desk.receive("approve", {"reviewer": "bob"})
    assert entry is not None
    assert entry.accepted
    assert question.settled
