"""Who put a policy in force: an Ed25519 signature (RFC 8032) over its digest, its tenant and its author's name."""

import base64
import binascii
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from voicehive.autonomy.errors import SignatureInvalid
from voicehive.model import Model


class PolicySignature(Model):
    """A signature and the public key that verifies it, both in base64."""

    signature: str
    signer: str


def load_signing_key(pem: bytes) -> Ed25519PrivateKey:
    """An Ed25519 private key from PKCS #8 PEM without a password, as `openssl genpkey -algorithm ed25519` writes it.

    Raises:
        SignatureInvalid: it is something else.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise SignatureInvalid(f"the signing key cannot be read ({error}); {_HOW}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SignatureInvalid(f"the signing key is no Ed25519 key; {_HOW}")
    return key


def sign_policy(key: Ed25519PrivateKey, digest: str, tenant: str, author: str) -> PolicySignature:
    """Sign a policy's content digest for one tenant, under the author's name."""
    signature = key.sign(_statement(digest, tenant, author))
    return PolicySignature(signature=_text(signature), signer=_text(key.public_key().public_bytes_raw()))


def verify_policy(signed: PolicySignature, digest: str, tenant: str, author: str) -> None:
    """See that exactly this was signed by the key that the signature names; whose key it is, the caller must know.

    Raises:
        SignatureInvalid: it was not.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signed.signer, validate=True))
        key.verify(base64.b64decode(signed.signature, validate=True), _statement(digest, tenant, author))
    except (InvalidSignature, ValueError, binascii.Error):
        raise SignatureInvalid(
            f"the signature of {author}'s policy {digest[:12]} for tenant {tenant!r} does not fit; "
            "put the policy in force again, signed"
        ) from None


_HOW = "make one with: openssl genpkey -algorithm ed25519 -out policy-key.pem"


def _statement(digest: str, tenant: str, author: str) -> bytes:
    # The name of what is signed keeps a signature from being taken for one on anything else.
    return json.dumps(["voicehive policy 1", tenant, author, digest]).encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
