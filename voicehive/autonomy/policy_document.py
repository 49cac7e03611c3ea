"""A policy as people write it: YAML, with its cases beside it."""

import json
from collections.abc import Hashable
from importlib import resources
from typing import Any, NamedTuple

import yaml
from pydantic import JsonValue, TypeAdapter, ValidationError

from voicehive.autonomy.errors import PolicyInvalid
from voicehive.autonomy.policy import Policy
from voicehive.autonomy.policy_cases import PolicyCase

CASES = "cases"
_CASES = TypeAdapter(tuple[PolicyCase, ...])


class PolicyDocument(NamedTuple):
    """A policy, and what it is expected to say; the cases are no part of the policy's digest."""

    policy: Policy
    cases: tuple[PolicyCase, ...]


def parse_document(text: str) -> PolicyDocument:
    """Read a policy with its `cases` from YAML.

    Raises:
        PolicyInvalid: naming each field that does not fit.
    """
    document = _read(text)
    cases: JsonValue = document.pop(CASES, []) if isinstance(document, dict) else []
    try:
        policy = Policy.model_validate_json(json.dumps(document))
        return PolicyDocument(policy, _CASES.validate_json(json.dumps(cases)))
    except ValidationError as error:
        where = CASES if error.title.startswith("tuple") else "policy"
        problems = "; ".join(f"{_path(where, problem['loc'])}: {problem['msg']}" for problem in error.errors())
        raise PolicyInvalid(f"the policy does not fit: {problems}") from None


def parse_policy(text: str) -> Policy:
    """Read a policy from YAML; its cases are read too, and left out.

    Raises:
        PolicyInvalid: naming each field that does not fit.
    """
    return parse_document(text).policy


def default_policy_text() -> str:
    """The YAML of the policy in force for a tenant that has none of its own."""
    return resources.files("voicehive.autonomy").joinpath("default_policy.yaml").read_text(encoding="utf-8")


def _read(text: str) -> JsonValue:
    try:
        document = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise PolicyInvalid(f"the policy is not YAML: {error}") from None
    try:
        return json.loads(json.dumps(document))
    except (TypeError, ValueError) as error:
        raise PolicyInvalid(f"the policy holds what JSON cannot express; put it in quotes: {error}") from None


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML takes the last: half of the rules would be gone without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set[str]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value!r} stands twice in one mapping; keep one", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _path(where: str, location: tuple[int | str, ...]) -> str:
    parts = (where, *location) if where == CASES else location
    return ".".join(map(str, parts)) or where
