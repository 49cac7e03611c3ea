"""Connections: the user's own server through the standard settings, and errors that say what to do."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from workers.client import connect, uses_own_server
from workers.errors import SettingsInvalid, TemporalUnreachable
from workers.server_record import ServerRecord, write_record
from workers.settings import Settings
from workers.temporal_server import LOOPBACK, EmbeddedServer


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate that stands for the authority, the server and the client."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates: apt-get install openssl")
    directory = tmp_path_factory.mktemp("certificates")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=voicehive test",
         "-addext", "subjectAltName=DNS:temporal.test", "-addext", "basicConstraints=critical,CA:FALSE"],
        cwd=directory, check=True, capture_output=True,
    )  # fmt: skip
    return directory


@pytest.fixture(scope="module")
async def tls_address(temporal_server: EmbeddedServer, certificates: Path) -> AsyncGenerator[str]:
    """A TLS front before the real server that asks for a client certificate, as managed Temporal does."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "cert.pem"))
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    host, _, port = temporal_server.address.partition(":")

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(_copy(reader, upstream_writer), _copy(upstream_reader, writer))

    front = await asyncio.start_server(forward, LOOPBACK, 0, ssl=context)
    yield f"{LOOPBACK}:{front.sockets[0].getsockname()[1]}"
    front.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def test_finds_the_embedded_server_by_its_data_directory(
    temporal_server: EmbeddedServer, settings: Settings
) -> None:
    client = await connect(settings)
    assert client.service_client.config.target_host == temporal_server.address
    assert not uses_own_server()


async def test_temporal_address_comes_first(
    temporal_server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "temporal-system")
    client = await connect(Settings(data_directory=tmp_path))
    assert client.namespace == "temporal-system"
    assert uses_own_server()


async def test_profile_of_a_configuration_file(
    temporal_server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text(f'[profile.staging]\naddress = "{temporal_server.address}"\nnamespace = "temporal-system"\n')
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    monkeypatch.setenv("TEMPORAL_PROFILE", "staging")
    assert (await connect(Settings(data_directory=tmp_path))).namespace == "temporal-system"


async def test_mutual_tls(
    tls_address: str, certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_directory=tmp_path)
    monkeypatch.setenv("TEMPORAL_ADDRESS", tls_address)
    with pytest.raises(TemporalUnreachable, match="TLS settings"):
        await connect(settings)
    monkeypatch.setenv("TEMPORAL_TLS_SERVER_CA_CERT_PATH", str(certificates / "cert.pem"))
    monkeypatch.setenv("TEMPORAL_TLS_SERVER_NAME", "temporal.test")
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_CERT_PATH", str(certificates / "cert.pem"))
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_KEY_PATH", str(certificates / "key.pem"))
    monkeypatch.setenv("TEMPORAL_API_KEY", "key")
    client = await connect(settings)
    assert client.api_key == "key"


async def test_nothing_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_record(tmp_path, ServerRecord(pid=1, address="127.0.0.1:1", ui_url="http://127.0.0.1:2"))
    with pytest.raises(TemporalUnreachable, match="does not answer: start it with `voicehive up`"):
        await connect(Settings(data_directory=tmp_path))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    with pytest.raises(TemporalUnreachable, match=r"127\.0\.0\.1:1 cannot be reached .* check TEMPORAL_ADDRESS"):
        await connect(Settings(data_directory=tmp_path))


async def test_listener_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = await asyncio.start_server(lambda _reader, _writer: None, LOOPBACK, 0)
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"{LOOPBACK}:{silent.sockets[0].getsockname()[1]}")
    with pytest.raises(TemporalUnreachable, match=r"gave no answer within 0\.5 s"):
        await connect(Settings(data_directory=tmp_path), timeout_seconds=0.5)
    silent.close()


async def test_missing_namespace(
    temporal_server: EmbeddedServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "elsewhere")
    with pytest.raises(TemporalUnreachable, match=r"namespace elsewhere does not exist .*namespace create elsewhere"):
        await connect(settings)


async def test_unreadable_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text("[profile.default\n")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    with pytest.raises(SettingsInvalid, match="Temporal configuration file"):
        await connect(Settings(data_directory=tmp_path))
    file.write_text("")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("TEMPORAL_TLS_SERVER_CA_CERT_PATH", str(tmp_path / "absent.pem"))
    with pytest.raises(SettingsInvalid, match=r"absent\.pem"):
        await connect(Settings(data_directory=tmp_path))
