"""Time-stamps of heads (RFC 3161): an authority outside states when it was shown a head.

The authority's whole answer, with its certificates, is kept as one more signature of the note, of a type of our own
(c2sp.org/signed-note, signature type 0xff). So it travels with the head into exports and proofs, and other readers of
notes pass it over. It is verified offline, as of the time that it states (RFC 3161, section 2.3 and appendix B).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from voicehive.audit.errors import KeyInvalid, TimestampInvalid
from voicehive.audit.notes import Note, NoteSignature

_TYPE = b"\xffvoicehive/rfc3161-timestamp/v1"


@dataclass(frozen=True)
class TimestampAuthority:
    """A name under which its time-stamps stand in notes, and the root certificates that they must lead to."""

    name: str
    roots: tuple[Certificate, ...]

    @classmethod
    def parse(cls, name: str, pem: bytes) -> "TimestampAuthority":
        """An authority with the root certificates of a PEM file.

        Raises:
            KeyInvalid: the file holds none.
        """
        try:
            return cls(name, tuple(load_pem_x509_certificates(pem)))
        except ValueError:
            raise KeyInvalid(f"{name}: its root certificates cannot be read; give a PEM file") from None

    @property
    def key_id(self) -> bytes:
        """The four bytes by which its time-stamps are found in a note."""
        return hashlib.sha256(self.name.encode() + b"\n" + _TYPE).digest()[:4]

    def accept(self, note: Note, request: TimeStampRequest, answer: bytes) -> NoteSignature:
        """Check the answer to `ask_for_timestamp`; it is then the authority's signature under the note.

        Raises:
            TimestampInvalid: it is no time-stamp of this note by this authority, or answers another request.
        """
        self._verify(note, answer, VerifierBuilder.from_request(request))
        return NoteSignature(self.name, self.key_id, answer)

    def stamped_at(self, note: Note) -> datetime | None:
        """When the authority was first shown this head; None where it did not stamp it.

        Raises:
            TimestampInvalid: a time-stamp that claims to be by this authority does not verify.
        """
        answers = note.signatures_by(self.name, self.key_id)
        return min((self._verify(note, answer, VerifierBuilder()) for answer in answers), default=None)

    def _verify(self, note: Note, answer: bytes, builder: VerifierBuilder) -> datetime:
        for root in self.roots:
            builder = builder.add_root_certificate(root)
        try:
            response: TimeStampResponse = decode_timestamp_response(answer)
            builder.build().verify_message(response, note.text.encode())
        except (VerificationError, ValueError) as error:
            reason = str(error) or "it cannot be read"
            raise TimestampInvalid(f"the time-stamp of {self.name} does not verify: {reason}") from None
        return response.tst_info.gen_time


def ask_for_timestamp(note: Note) -> TimeStampRequest:
    """What to ask an authority: a time-stamp of SHA-256 of the note's text, with its certificates, and a nonce."""
    builder = TimestampRequestBuilder().data(note.text.encode()).hash_algorithm(HashAlgorithm.SHA256)
    return builder.nonce(nonce=True).cert_request(cert_request=True).build()
