"""Logs and exports made in memory, with no database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from voicehive.audit.checkpoints import Checkpoint, origin_of, sign_checkpoint
from voicehive.audit.entries import Draft, Kind, Personal, render_leaves
from voicehive.audit.export_lines import Erased, ExportLines, Withheld
from voicehive.audit.keys import SigningKey
from voicehive.audit.merkle import Frontier, hash_leaf
from voicehive.audit.notes import Note
from voicehive.audit.sealing import Disclosure, SubjectKey, open_sealed, seal

LOG_KEY = SigningKey.generate("example.com/voicehive")
WITNESS_KEY = SigningKey.generate("witness.example")
TENANT = "acme"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Log(NamedTuple):
    """Leaves, what each completes, and the tree after each."""

    leaves: list[str]
    nodes: list[bytes]
    trees: list[Frontier]

    def head(self, size: int, key: SigningKey = LOG_KEY) -> Note:
        checkpoint = Checkpoint(origin_of(key.name, TENANT), size, self.trees[size].root())
        return sign_checkpoint(checkpoint, key, START + timedelta(seconds=size))


def grow(leaves: Sequence[str]) -> Log:
    trees, nodes = [Frontier()], list[bytes]()
    for leaf in leaves:
        tree, (completed,) = trees[-1].extend([hash_leaf(leaf.encode())])
        trees.append(tree)
        nodes.append(completed)
    return Log(list(leaves), nodes, trees)


def plain_log(size: int) -> Log:
    drafts = [Draft(kind=Kind.STEP, decision_id=f"d-{index // 3}", body={"n": index}) for index in range(size)]
    return grow(render_leaves(TENANT, 0, START, drafts, {}))


def export_of(log: Log, heads: Sequence[int] = (), key: SigningKey = LOG_KEY) -> list[bytes]:
    """An export with signed heads at these sizes, and one at the end."""
    lines = ExportLines()
    size = len(log.leaves)
    made = [lines.header(TENANT)]
    for index, (leaf, nodes) in enumerate(zip(log.leaves, log.nodes, strict=True), start=1):
        made.append(lines.entry(leaf, nodes, {}))
        if index in heads or index == size:
            made.append(lines.checkpoint(log.head(index, key)))
    return [*made, lines.end()]


def personal_export() -> list[bytes]:
    """Two people: alice was erased, bob is shown once and withheld once."""
    alice, bob = SubjectKey.generate(), SubjectKey.generate()
    drafts = [
        Draft(kind=Kind.REVIEW, personal={"reviewer": Personal(subject="alice", value="Alice")}),
        Draft(kind=Kind.REVIEW, personal={"reviewer": Personal(subject="bob", value={"name": "Bob", "age": 1.5})}),
        Draft(kind=Kind.REVIEW, personal={"reviewer": Personal(subject="bob", value="Bob")}),
        Draft(kind=Kind.ERASURE, body={"subject_key": alice.id, "reason": ""}),
    ]
    sealed = {
        index: {"reviewer": seal(draft.personal["reviewer"].value, key, TENANT, index, "reviewer")}
        for index, (draft, key) in enumerate(zip(drafts, (alice, bob, bob), strict=False))
    }
    log, lines = grow(render_leaves(TENANT, 0, START, drafts, sealed)), ExportLines()
    shown: list[dict[str, Disclosure | Erased | Withheld]] = [
        {"reviewer": Erased(erased_by=3)},
        {"reviewer": open_sealed(sealed[1]["reviewer"], bob, TENANT, 1, "reviewer")},
        {"reviewer": Withheld()},
        {},
    ]
    entries = [lines.header(TENANT)]
    entries += [lines.entry(*parts) for parts in zip(log.leaves, log.nodes, shown, strict=True)]
    return [*entries, lines.checkpoint(log.head(4)), lines.end()]
