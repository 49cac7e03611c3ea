"""Cases beside a policy, comparisons of policies on past decisions, and signatures."""

import base64
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.autonomy.policies import context, document, policy, rule, step
from voicehive.autonomy.context import Facts
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.errors import PolicyInvalid, SignatureInvalid
from voicehive.autonomy.policy_cases import run_cases
from voicehive.autonomy.policy_check import check_policy
from voicehive.autonomy.policy_difference import PastDecision, changed_verdicts
from voicehive.autonomy.policy_document import parse_document, parse_policy
from voicehive.autonomy.signatures import PolicySignature, load_signing_key, sign_policy, verify_policy
from voicehive.autonomy.trust.in_force import ThresholdInForce
from voicehive.autonomy.verdict import Assurance, Confidence

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "policies").glob("*.yaml"))
RULE = {"id": "cheap", "expression": "proposed.cost <= 100.0", "severity": "block", "message": "m"}
CASE = {"name": "c", "context": {"proposed": {"cost": 90}}, "expect": "execute"}


def told(case: dict[str, Any], **fields: Any) -> str:
    found = parse_document(yaml.safe_dump(document(constraints=[RULE], cases=[{**CASE, **case}], **fields)))
    (result,) = run_cases(AutonomousController(found.policy), found.cases)
    return result.told


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_sound_and_its_cases_pass(path: Path) -> None:
    found = parse_document(path.read_text(encoding="utf-8"))
    controller = AutonomousController(found.policy)
    assert check_policy(controller, found.cases).faults == ()
    assert found.cases
    assert [result for result in run_cases(controller, found.cases) if result.told] == []


@pytest.mark.parametrize(
    ("case", "difference"),
    [
        ({}, ""),
        ({"expect": "reject"}, "expected reject, but it is execute"),
        ({"context": {"proposed": {"cost": 101}}}, "expected execute, but it is reject: m (cheap"),
        ({"context": {"proposed": {"cost": 101}}, "expect": "reject", "speaks": ["cheap"]}, ""),
        ({"context": {}, "expect": "reject", "speaks": ["cheap"]}, ""),
        ({"speaks": ["cheap"]}, "expected to speak: cheap; did: none"),
        ({"stopped": True, "expect": "escalate", "speaks": ["kill-switch"]}, ""),
    ],
)
def test_a_case_says_how_the_verdict_differs(case: dict[str, Any], difference: str) -> None:
    found = told(case)
    assert found.startswith(difference) if difference else not found


def test_a_case_may_say_when_it_is_and_what_is_used_up() -> None:
    fields: dict[str, Any] = {
        "budgets": [{"id": "rate", "at_most": 1, "period": "PT1H"}],
        "freezes": [{"id": "f", "begins": "2026-01-01T00:00:00Z", "ends": "2026-02-01T00:00:00Z", "severity": "block"}],
    }
    assert told({}, **fields) == ""
    assert told({"at": "2026-01-15T00:00:00Z", "expect": "reject", "speaks": ["f"]}, **fields) == ""
    assert told({"short": ["rate"], "expect": "escalate", "speaks": ["rate"]}, **fields) == ""


@pytest.mark.parametrize(
    ("case", "difference"),
    [
        ({"expect": "escalate"}, ""),
        ({}, "expected execute, but it is escalate: no threshold is certified"),
        ({"trust": 0.9}, ""),
        ({"trust": 0.9, "context": {"proposed": {"cost": 101}}, "expect": "reject"}, ""),
        ({"trust": 0.9, "context": {"proposed": {"cost": 90}, "preference": 0.01}, "expect": "escalate"}, ""),
        ({"trust": 0.9, "context": {"proposed": {"cost": 90}, "preference": 0.01}}, "expected execute"),
    ],
)
def test_a_case_may_say_what_outcomes_certify(case: dict[str, Any], difference: str) -> None:
    found = told(case, autonomy={"promise": {"alpha": 0.05, "delta": 0.05}})
    assert found.startswith(difference) if difference else not found


def test_trust_in_a_case_of_a_policy_without_a_promise_is_a_mistake() -> None:
    assert "makes no promise" in told({"trust": 0.9})


def test_past_decisions_are_replayed_with_the_trust_of_their_time() -> None:
    promised, stricter = (
        AutonomousController(policy(autonomy={"promise": {"alpha": alpha, "delta": 0.05}})) for alpha in (0.05, 0.01)
    )
    plain = AutonomousController(policy())
    confidence = Confidence(value=0.9, parts={"preference": 0.9}, calibrated=True)

    def past(name: str, threshold: float | None) -> PastDecision:
        in_force = ThresholdInForce(threshold=threshold, reason="of that time")
        promise = promised.policy.autonomy.promise
        assurance = Assurance(confidence=confidence, in_force=in_force, promise=promise)
        facts = Facts(context=context(preference=0.01), assurance=assurance)
        return PastDecision(decision_id=name, at=datetime(2026, 11, 24, tzinfo=UTC), facts=facts)

    before = PastDecision(decision_id="before", at=datetime(2026, 11, 24, tzinfo=UTC), facts=Facts(context=context()))
    decisions = [past("sure", 0.8), past("unsure", 0.95), past("uncertified", None), before]

    def changed(old: AutonomousController, new: AutonomousController) -> dict[str, tuple[str, str]]:
        return {change.decision_id: (change.old, change.new) for change in changed_verdicts(old, new, decisions)}

    alone = ("execute", "escalate")
    assert changed(promised, stricter) == {"sure": alone}
    assert changed(plain, promised) == dict.fromkeys(("unsure", "uncertified", "before"), alone)
    assert changed(plain, stricter) == dict.fromkeys(("sure", "unsure", "uncertified", "before"), alone)


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ({"trust": 1.5}, "cases.0.trust"),
        ({"contxt": {}}, "cases.0.contxt: Extra inputs"),
        ({"expect": "maybe"}, "cases.0.expect: "),
        ({"context": {"propsed": {}}}, "propsed"),
        ({"context": {"proposed": {"cost": "many"}}}, "proposed.cost"),
        ({"steps": [{"argumnts": {}}]}, "argumnts"),
    ],
)
def test_a_case_that_does_not_fit_is_named(case: dict[str, Any], told: str) -> None:
    with pytest.raises(PolicyInvalid, match="cases") as error:
        parse_document(yaml.safe_dump(document(cases=[{**CASE, **case}])))
    assert told in str(error.value)


def test_cases_are_no_part_of_what_a_policy_means() -> None:
    with_cases = parse_policy(yaml.safe_dump(document(constraints=[RULE], cases=[CASE])))
    without = parse_policy(yaml.safe_dump(document(constraints=[RULE])))
    assert with_cases.content_digest() == without.content_digest()


def test_a_key_that_stands_twice_is_refused() -> None:
    text = yaml.safe_dump(document(constraints=[RULE]))
    with pytest.raises(PolicyInvalid, match="'constraints' stands twice"):
        parse_policy(f"{text}constraints: []\n")


def test_the_decisions_whose_verdict_would_change_are_named() -> None:
    old = AutonomousController(policy(rule("proposed.cost <= 95.0", "escalate")))
    frozen = {"id": "f", "weekdays": ["sun"], "start": "00:00", "end": "00:00"}
    new = AutonomousController(policy(rule("proposed.cost <= 85.0", "block"), freezes=[frozen]))

    def past(name: str, cost: float, day: int = 24) -> PastDecision:
        facts = Facts(context=context(proposed={"cost": cost}), steps=(step(),))
        return PastDecision(decision_id=name, at=datetime(2026, 11, day, tzinfo=UTC), facts=facts)

    decisions = [past("same", 80), past("blocked", 90), past("asked", 99), past("sunday", 80, day=22)]
    found = {change.decision_id: (change.old, change.new) for change in changed_verdicts(old, new, decisions)}
    assert found == {
        "blocked": ("execute", "reject"),
        "asked": ("escalate", "reject"),
        "sunday": ("execute", "escalate"),
    }
    assert list(changed_verdicts(old, old, decisions)) == []
    restored = [PastDecision.model_validate_json(decision.model_dump_json()) for decision in decisions]
    assert restored == decisions


def test_a_signature_fits_one_content_tenant_and_author() -> None:
    key = Ed25519PrivateKey.generate()
    signed = sign_policy(key, "a" * 64, "t", "alice")
    verify_policy(signed, "a" * 64, "t", "alice")
    for spoilt in (("b" * 64, "t", "alice"), ("a" * 64, "u", "alice"), ("a" * 64, "t", "bob")):
        with pytest.raises(SignatureInvalid, match="does not fit"):
            verify_policy(signed, *spoilt)
    other = sign_policy(Ed25519PrivateKey.generate(), "a" * 64, "t", "alice")
    for forged in (
        PolicySignature(signature=signed.signature, signer=other.signer),
        PolicySignature(signature="?", signer=signed.signer),
        PolicySignature(signature=signed.signature, signer=base64.b64encode(b"short").decode()),
    ):
        with pytest.raises(SignatureInvalid):
            verify_policy(forged, "a" * 64, "t", "alice")


def test_keys_of_openssl_are_read_and_others_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    made = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=False)
    if made.returncode:
        pytest.skip("openssl is not here; get it with: apt-get install openssl")
    key = load_signing_key(path.read_bytes())
    raw = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert raw == path.read_bytes()
    subprocess.run(["openssl", "genpkey", "-algorithm", "x25519", "-out", path], check=True)
    for pem in (path.read_bytes(), b"not a key"):
        with pytest.raises(SignatureInvalid, match="openssl genpkey -algorithm ed25519"):
            load_signing_key(pem)
