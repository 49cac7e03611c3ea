"""The command that runs the mock service: a process of its own, spoken to over HTTP."""

import json
import signal
import subprocess
import sys

import httpx
import pytest

from voicehive.cli.errors import InputInvalid
from voicehive.cli.mock_openai import serve
from voicehive.cli.output import Output

SERVE = (
    "import sys; from voicehive.cli.mock_openai import serve; from voicehive.cli.output import Output;"
    "sys.exit(serve(Output(True), '127.0.0.1', 0, ['none', 'server-error'], 'html'))"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_with_the_faults_asked_for_until_it_is_stopped(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        lines: list[str] = []
        while not lines or lines[-1] != "}":
            lines.append(process.stdout.readline().decode().rstrip())
        document = json.loads("\n".join(lines))
        url = f"{document['base_url']}/responses"
        answers = [httpx.post(url, json={"input": "hello"}) for _ in range(3)]
        process.send_signal(number)
        _, told = process.communicate(timeout=20)
    assert [answer.status_code for answer in answers] == [200, 500, 200]
    assert answers[2].headers["content-type"] == "text/html"
    assert "refusal" in document["faults"]
    assert process.returncode == 0
    assert b"OPENAI_BASE_URL=" in told
    assert b"stopped" in told


def test_a_fault_that_there_is_not_is_explained() -> None:
    with pytest.raises(InputInvalid, match="there is no fault 'flood'; take none, or one of these: rate-limited: 429"):
        serve(Output(True), "127.0.0.1", 0, ["flood"], None)


def test_a_port_that_is_taken_is_explained() -> None:
    with pytest.raises(InputInvalid, match=r"--port: 203\.0\.113\.1:80 cannot be listened on"):
        serve(Output(True), "203.0.113.1", 80, [], None)
