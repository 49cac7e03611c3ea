"""The connection to Temporal: the user's own server where the standard settings name one, else the embedded one."""

import asyncio

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.service import RPCError, RPCStatusCode

from workers.errors import SettingsInvalid, TemporalUnreachable
from workers.plugin import VoiceHivePlugin
from workers.server_record import recorded_server
from workers.settings import Settings

DEFAULT_ADDRESS = "127.0.0.1:7233"
CONNECT_SECONDS = 10.0


def temporal_environment() -> ClientConnectConfig:
    """Read the standard `TEMPORAL_` variables and configuration file (`temporalio.envconfig`).

    Raises `SettingsInvalid` where the file, the profile or a certificate cannot be read.
    """
    try:
        return ClientConfig.load_client_connect_config()
    except (RuntimeError, OSError, ValueError) as error:
        raise SettingsInvalid(f"the TEMPORAL_ settings or the Temporal configuration file: {error}") from error


def uses_own_server() -> bool:
    """Whether the user's Temporal settings name a server, so that the embedded one is not wanted."""
    return "target_host" in temporal_environment()


async def connect(settings: Settings, *, timeout_seconds: float = CONNECT_SECONDS) -> Client:
    """Connect and make sure that the namespace exists.

    Raises `TemporalUnreachable`, with the next command to run, when nothing usable answers within `timeout_seconds`,
    and `SettingsInvalid` where the connection settings cannot be read.
    """
    config = temporal_environment()
    configured = config.get("target_host")
    record = recorded_server(settings.data_directory)
    config["target_host"] = configured or (record.address if record else DEFAULT_ADDRESS)
    advice = (
        "check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and the TLS settings"
        if configured
        else "start it with `voicehive up`, or set TEMPORAL_ADDRESS to a server you have"
    )
    try:
        async with asyncio.timeout(timeout_seconds):
            client = await Client.connect(**config, plugins=[VoiceHivePlugin()])
            await _require_namespace(client)
    except TimeoutError:
        reason = f"gave no answer within {timeout_seconds:g} s"
    except RuntimeError as error:
        reason = f"cannot be reached ({error})" if configured else "does not answer"
    except RPCError as error:
        reason = f"refuses this client ({error})"
    else:
        return client
    raise TemporalUnreachable(f"the Temporal server at {config['target_host']} {reason}: {advice}")


async def _require_namespace(client: Client) -> None:
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise TemporalUnreachable(
                f"namespace {client.namespace} does not exist on {client.service_client.config.target_host}: "
                f"set TEMPORAL_NAMESPACE, or run `temporal operator namespace create {client.namespace}`"
            ) from error
        if error.status is not RPCStatusCode.PERMISSION_DENIED:
            raise
