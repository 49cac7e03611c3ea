"""Personal values, sealed so that the log can stay whole when they must go.

A value is sealed with its subject's key (AES-256-GCM, NIST SP 800-38D, a random nonce of 96 bits), bound to the place
in the log where it stands. With it goes a random salt of 32 bytes; the leaf holds SHA-256 over salt and value. So a
value can be shown together with its salt and checked against the leaf with no key at all, as selective disclosure does
it (RFC 9901, section 4.2); and when the key is destroyed the salt is gone too, so that nobody can find the value by
trying.
"""

import hashlib
import json
import secrets
from hmac import compare_digest
from typing import Annotated

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import Field, JsonValue

from voicehive.audit.entries import Hexadecimal, Sealed, canonical_json
from voicehive.audit.errors import SealBroken
from voicehive.model import Model

KEY_BYTES, NONCE_BYTES, SALT_BYTES = 32, 12, 32


class Disclosure(Model):
    """A personal value, and the salt that shows that it is the one in the log."""

    salt: Annotated[Hexadecimal, Field(min_length=2 * SALT_BYTES, max_length=2 * SALT_BYTES)]
    value: JsonValue


class SubjectKey(Model):
    """A subject's key and its id, which says nothing about the subject."""

    id: str
    secret: bytes = Field(min_length=KEY_BYTES, max_length=KEY_BYTES, repr=False)

    @classmethod
    def generate(cls) -> "SubjectKey":
        """A new one."""
        return cls(id=secrets.token_hex(16), secret=secrets.token_bytes(KEY_BYTES))


def seal(value: JsonValue, key: SubjectKey, tenant: str, index: int, field: str) -> Sealed:
    """Seal the value of a field of an entry."""
    salt, nonce, text = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES), canonical_json(value)
    ciphertext = AESGCM(key.secret).encrypt(nonce, salt + text.encode(), _place(tenant, index, field, key.id))
    return Sealed(
        subject_key=key.id, nonce=nonce.hex(), ciphertext=ciphertext.hex(), commitment=_commit(salt, text).hex()
    )


def open_sealed(sealed: Sealed, key: SubjectKey, tenant: str, index: int, field: str) -> Disclosure:
    """Open a sealed field.

    Raises:
        SealBroken: the key is not the one, or the content or its place was changed.
    """
    try:
        plain = AESGCM(key.secret).decrypt(
            bytes.fromhex(sealed.nonce), bytes.fromhex(sealed.ciphertext), _place(tenant, index, field, key.id)
        )
        value: JsonValue = json.loads(plain[SALT_BYTES:])
    except (InvalidTag, ValueError):
        raise SealBroken(f"entry {index}: {field} does not open with the key {key.id}") from None
    disclosure = Disclosure(salt=plain[:SALT_BYTES].hex(), value=value)
    verify_disclosure(sealed, disclosure)
    return disclosure


def verify_disclosure(sealed: Sealed, disclosure: Disclosure) -> None:
    """Check that a disclosed value is the one that was sealed.

    Raises:
        SealBroken: it is not.
    """
    found = _commit(bytes.fromhex(disclosure.salt), canonical_json(disclosure.value))
    if not compare_digest(found, bytes.fromhex(sealed.commitment)):
        raise SealBroken("the value shown is not the one that was sealed")


def _commit(salt: bytes, text: str) -> bytes:
    return hashlib.sha256(salt + text.encode()).digest()


def _place(tenant: str, index: int, field: str, key_id: str) -> bytes:
    return canonical_json([tenant, index, field, key_id]).encode()
