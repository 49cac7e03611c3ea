"""Workflow code may use nothing whose answer differs on replay: no clock, chance, process, file or network."""

import ast
from pathlib import Path

import pytest

FORBIDDEN_MODULES = {
    *("locale", "multiprocessing", "os"),
    *("pathlib", "platform", "random", "secrets", "shutil", "socket", "sqlalchemy", "subprocess", "sys", "tempfile"),
    *("threading", "time", "urllib", "uuid", "httpx", "numpy", "concurrent"),
}
FORBIDDEN_CALLS = {"now", "utcnow", "today", "open", "input", "print", "to_thread", "run_in_executor", "sleep"}
ALLOWED_CALLS = {"workflow.now", "workflow.sleep"}
MODULES = sorted((Path(__file__).parents[2] / "workflows").glob("*.py"))


def names_used(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found & FORBIDDEN_MODULES


def calls_made(tree: ast.AST) -> set[str]:
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {call for call in calls - ALLOWED_CALLS if call.rpartition(".")[2] in FORBIDDEN_CALLS}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_workflow_code_uses_only_what_replays(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not names_used(tree)
    assert calls_made(tree) <= {"self._now"}


def test_the_check_itself_finds_what_it_forbids() -> None:
    tree = ast.parse("import time\nfrom random import random\nnow = datetime.now()\nopen('x')")
    assert names_used(tree) == {"time", "random"}
    assert calls_made(tree) == {"datetime.now", "open"}
