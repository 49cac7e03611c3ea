"""Ed25519 keys (RFC 8032) with names, in the text forms of signed notes.

A verifying key is `name+id+key` (C2SP signed-note, "verifier keys"); a signing key is `PRIVATE+KEY+name+id+key`, the
form that Go's `golang.org/x/mod/sumdb/note` writes. Both stand on one line, so that they fit a file and a variable.
"""

import base64
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from voicehive.audit.errors import KeyInvalid

NOTE, COSIGNATURE = 0x01, 0x04
"""What a key signs: a note's text, or a statement about a checkpoint with the time it was made."""

KEY_VARIABLE, KEY_FILE_VARIABLE = "VOICEHIVE_AUDIT_KEY", "VOICEHIVE_AUDIT_KEY_FILE"
"""Where the signing key is: itself, or the path of its file."""
KEY_FILE = "audit.key"
"""The file in the data directory where neither variable is set."""

_PRIVATE = "PRIVATE+KEY+"
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]+")
_BYTES = 32


@dataclass(frozen=True)
class VerifyingKey:
    """Whose signatures to trust: a name, and a public key of 32 bytes."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifyingKey":
        """Read `name+id+key`; whether it is written for notes or for cosignatures makes no difference.

        Raises:
            KeyInvalid: it is none, or its id is not its key's.
        """
        parts = text.strip().split("+", 2)
        if text.startswith(_PRIVATE) or len(parts) != 3:
            raise KeyInvalid("a verifying key reads name+id+key, as `voicehive audit keygen` prints it")
        kind, public = _decode_key(parts[2])
        key = cls(_checked_name(parts[0]), public)
        if key.key_id(kind).hex() != parts[1]:
            raise KeyInvalid(f"the verifying key of {key.name} has an id that is not its key's; copy it again, whole")
        try:
            Ed25519PublicKey.from_public_bytes(public)
        except ValueError:
            raise KeyInvalid(f"the verifying key of {key.name} is no Ed25519 key; copy it again, whole") from None
        return key

    def key_id(self, kind: int) -> bytes:
        """The four bytes by which a signature of this kind names the key."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([kind]) + self.public).digest()[:4]

    def text(self, kind: int = NOTE) -> str:
        """As `name+id+key`."""
        key = base64.b64encode(bytes([kind]) + self.public).decode()
        return f"{self.name}+{self.key_id(kind).hex()}+{key}"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether it is this key's signature of the message."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @cached_property
    def _key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.public)


@dataclass(frozen=True, repr=False)
class SigningKey:
    """A name and a private key of 32 bytes; it never shows the key but in `text`."""

    name: str
    _private: bytes

    @classmethod
    def generate(cls, name: str) -> "SigningKey":
        """A new one, from the system's randomness.

        Raises:
            KeyInvalid: the name is empty, or holds white space or a plus sign.
        """
        return cls(_checked_name(name), Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Read `PRIVATE+KEY+name+id+key`.

        Raises:
            KeyInvalid: it is none, or its id is not its key's.
        """
        parts = text.strip().removeprefix(_PRIVATE).split("+", 2)
        if not text.startswith(_PRIVATE) or len(parts) != 3:
            raise KeyInvalid("a signing key reads PRIVATE+KEY+name+id+key, as `voicehive audit keygen` writes it")
        kind, private = _decode_key(parts[2])
        key = cls(_checked_name(parts[0]), private)
        if key.verifying.key_id(kind).hex() != parts[1]:
            raise KeyInvalid(f"the signing key of {key.name} has an id that is not its key's; copy it again, whole")
        return key

    @property
    def text(self) -> str:
        """As `PRIVATE+KEY+name+id+key`."""
        key = base64.b64encode(bytes([NOTE]) + self._private).decode()
        return f"{_PRIVATE}{self.name}+{self.verifying.key_id(NOTE).hex()}+{key}"

    @cached_property
    def verifying(self) -> VerifyingKey:
        """The key that verifies what this one signs."""
        return VerifyingKey(self.name, self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The signature, of 64 bytes."""
        return self._key.sign(message)

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._private)


def find_signing_key(environment: Mapping[str, str], data_directory: Path) -> SigningKey | None:
    """The signing key: from its variable, or its file; None where there is neither.

    Raises:
        KeyInvalid: what is there cannot be read, or a file that was named is missing.
    """
    if text := environment.get(KEY_VARIABLE):
        return SigningKey.parse(text)
    named = environment.get(KEY_FILE_VARIABLE)
    path = Path(named) if named else data_directory / KEY_FILE
    return read_signing_key(path) if named or path.exists() else None


def read_signing_key(path: Path) -> SigningKey:
    """The signing key in a file.

    Raises:
        KeyInvalid: it cannot be read.
    """
    try:
        return SigningKey.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise KeyInvalid(f"{path}: cannot be read ({reason}); make a key with `voicehive audit keygen`") from None
    except KeyInvalid as error:
        raise KeyInvalid(f"{path}: {error}") from None


def write_signing_key(path: Path, key: SigningKey) -> None:
    """Write a key to a new file that only its owner can read.

    Raises:
        KeyInvalid: the file exists, because a key that is lost cannot be made again; or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(key.text + "\n")
    except FileExistsError:
        raise KeyInvalid(f"{path}: exists already; move it away first, or name another file") from None
    except OSError as error:
        raise KeyInvalid(f"{path}: cannot be written ({error.strerror}); name another file") from None


def _decode_key(text: str) -> tuple[int, bytes]:
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        decoded = b""
    if len(decoded) != 1 + _BYTES or decoded[0] not in (NOTE, COSIGNATURE):
        raise KeyInvalid("the key's last part is not the base64 of an Ed25519 key; copy it again, whole")
    return decoded[0], decoded[1:]


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise KeyInvalid(f"a key's name may be neither empty nor hold white space or '+', but this is {name!r}")
    return name
