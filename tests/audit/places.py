"""Real servers for places outside: a witness, and a time-stamping authority that is `openssl ts`."""

import subprocess
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from voicehive.audit.errors import AuditError, CosignatureRefused, NoteInvalid
from voicehive.audit.keys import VerifyingKey
from voicehive.audit.proof_files import ConsistencyProof, verify_head
from voicehive.audit.witness import Witness

AUTHORITY_CONFIGURATION = """
[tsa]
default_tsa = tsa1
[tsa1]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.13762.3
digests = sha256
accuracy = secs:1
tsa_name = no
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[stamping]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Reply(NamedTuple):
    """What a place answers."""

    status: int
    kind: str = "text/plain"
    body: bytes = b""


@contextmanager
def served(answer: Callable[[str, bytes], Reply]) -> Generator[str]:
    """The address of a server that answers each POST, given its path and body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            reply = answer(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def add_checkpoint(witness: Witness, logs: Sequence[VerifyingKey]) -> Callable[[str, bytes], Reply]:
    """A witness as c2sp.org/tlog-witness has it answer."""

    def answer(path: str, body: bytes) -> Reply:
        if not path.endswith("/add-checkpoint"):
            return Reply(404)
        try:
            proof = ConsistencyProof.parse(body.decode())
            last = witness.last_seen(proof.head.text.partition("\n")[0])
            if proof.old_size != last.size:
                verify_head(proof.head, logs)
                return Reply(409, "text/x.tlog.size", f"{last.size}\n".encode())
            return Reply(200, body=f"{witness.cosign(proof, datetime.now(UTC))}\n".encode())
        except CosignatureRefused as error:
            return Reply(422, body=str(error).encode())
        except NoteInvalid:
            return Reply(403)
        except AuditError:
            return Reply(400)

    return answer


def make_authority(folder: Path, subject: str = "Time") -> Path:
    """A root certificate and a certificate for stamping, both in `folder`; the path of the root."""
    folder.mkdir(parents=True)
    (folder / "tsa.cnf").write_text(AUTHORITY_CONFIGURATION)
    (folder / "serial").write_text("01\n")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    _openssl(folder, "req", "-x509", *new_key, "-keyout", "root.key", "-out", "root.pem", "-days", "30",
             "-subj", f"/CN={subject} Root", "-extensions", "ca", config="tsa.cnf")  # fmt: skip
    _openssl(folder, "req", *new_key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", f"/CN={subject} Stamping",
             config="tsa.cnf")  # fmt: skip
    _openssl(folder, "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
             "-days", "30", "-extfile", "tsa.cnf", "-extensions", "stamping", "-out", "tsa.pem")  # fmt: skip
    return folder / "root.pem"


def stamp(folder: Path) -> Callable[[str, bytes], Reply]:
    """The authority of `make_authority`, answering as RFC 3161, section 3.4, has it."""

    def answer(_: str, body: bytes) -> Reply:
        (folder / "query.tsq").write_bytes(body)
        _openssl(folder, "ts", "-reply", "-queryfile", "query.tsq", "-out", "reply.tsr", config="tsa.cnf")
        return Reply(200, "application/timestamp-reply", (folder / "reply.tsr").read_bytes())

    return answer


def _openssl(folder: Path, *arguments: str, config: str | None = None) -> None:
    given = ("-config", config) if config else ()
    subprocess.run(["openssl", *arguments, *given], cwd=folder, check=True, capture_output=True, timeout=30)
