"""A policy as people write it: YAML."""

import json
from importlib import resources

import yaml
from pydantic import ValidationError

from voicehive.autonomy.errors import PolicyInvalid
from voicehive.autonomy.policy import Policy


def parse_policy(text: str) -> Policy:
    """Read a policy from YAML.

    Raises:
        PolicyInvalid: naming each field that does not fit.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PolicyInvalid(f"the policy is not YAML: {error}") from None
    try:
        content = json.dumps(document)
    except (TypeError, ValueError) as error:
        raise PolicyInvalid(f"the policy holds what JSON cannot express; put it in quotes: {error}") from None
    try:
        return Policy.model_validate_json(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'policy'}: {e['msg']}" for e in error.errors())
        raise PolicyInvalid(f"the policy does not fit: {problems}") from None


def default_policy_text() -> str:
    """The YAML of the policy in force for a tenant that has none of its own."""
    return resources.files("voicehive.autonomy").joinpath("default_policy.yaml").read_text(encoding="utf-8")
