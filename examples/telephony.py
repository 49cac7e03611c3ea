"""A telephony provider to try plans on: PUT, GET and DELETE /trunks/NAME on 127.0.0.1:8700. It prints what it is asked.

A real provider would also keep each Idempotency-Key with its answer; here PUT and DELETE are idempotent by themselves.
"""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Trunks(BaseHTTPRequestHandler):
    """Trunks by name, in memory."""

    known: dict[str, bytes] = {}

    def do_PUT(self) -> None:
        """Create or replace one."""
        self.known[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, self.known[self.path])

    def do_GET(self) -> None:
        """Show one, or whether the provider is there at all."""
        found = b"{}" if self.path == "/trunks" else self.known.get(self.path)
        self._answer(404 if found is None else 200, found or b"{}")

    def do_DELETE(self) -> None:
        """Remove one."""
        self._answer(404 if self.known.pop(self.path, None) is None else 200, b"{}")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Print the request, its key and the answer's status."""
        print(self.command, self.path, self.headers.get("Idempotency-Key", "-"), code, flush=True)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 8700), Trunks).serve_forever()
