import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicehive.audit.entries import Draft, Entry, Kind, Personal, canonical_json, render_leaves
from voicehive.audit.errors import FileInvalid
from voicehive.audit.sealing import SubjectKey, seal

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NOW = datetime(2026, 5, 1, 14, tzinfo=timezone(timedelta(hours=2)))


@given(
    tenant=st.text(min_size=1),
    body=st.dictionaries(st.text(), values, max_size=4),
    decision=st.none() | st.text(),
    run=st.none() | st.text(),
    personal=st.booleans(),
)
def test_a_leaf_is_the_canonical_json_of_its_entry(
    tenant: str, body: dict[str, Any], decision: str | None, run: str | None, personal: bool
) -> None:
    fields = {"who": Personal(subject="alice", value="Alice")} if personal else {}
    draft = Draft(kind=Kind.REVIEW, body=body, decision_id=decision, run_id=run, personal=fields)
    sealed = {41: {"who": seal("Alice", SubjectKey.generate(), tenant, 41, "who")}} if personal else {}
    _, leaf = render_leaves(tenant, 40, NOW, [Draft(kind=Kind.STAGE), draft], sealed)
    assert leaf == json.dumps(json.loads(leaf), sort_keys=True, separators=(",", ":"), allow_nan=False)
    entry = Entry.parse(leaf)
    assert canonical_json(entry.model_dump(mode="json") | {"time": "2026-05-01T12:00:00.000000Z"}) == leaf
    assert (entry.tenant, entry.index, entry.kind, entry.decision_id, entry.run_id) == (
        tenant,
        41,
        "review",
        decision,
        run,
    )
    assert canonical_json(entry.body) == canonical_json(body)
    assert entry.time == NOW.astimezone(UTC)
    assert "\n" not in leaf
    assert leaf.isascii()


def test_a_number_that_is_not_finite_is_never_recorded() -> None:
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite number"):
            render_leaves("t", 0, NOW, [Draft(kind=Kind.STAGE, body={"x": number})], {})


@pytest.mark.parametrize(
    ("change", "named"),
    [({"index": -1}, "index"), ({"kind": ""}, "kind"), ({"more": 1}, "more"), ({"version": 2}, "version")],
)  # fmt: skip
def test_a_leaf_that_does_not_fit_names_the_field(change: dict[str, Any], named: str) -> None:
    (leaf,) = render_leaves("t", 0, NOW, [Draft(kind=Kind.STAGE)], {})
    with pytest.raises(FileInvalid, match=named):
        Entry.parse(json.dumps(json.loads(leaf) | change))


def test_entries_of_kinds_to_come_can_be_read() -> None:
    (leaf,) = render_leaves("t", 0, NOW, [Draft(kind=Kind.STAGE)], {})
    assert Entry.parse(leaf.replace('"stage"', '"something_new"')).kind == "something_new"


def test_a_draft_says_what_it_records() -> None:
    with pytest.raises(ValidationError):
        Draft(kind="gossip")  # pyright: ignore[reportArgumentType]
