"""A connection to the server in force, and the links into its web UI."""

from typing import NamedTuple

from temporalio.client import Client

from workers.client import connect, uses_own_server
from workers.server_record import recorded_server
from workers.settings import Settings


class Session(NamedTuple):
    """What a command works with; `ui_url` is known only of the embedded server."""

    settings: Settings
    client: Client
    ui_url: str | None

    def link(self, workflow_id: str) -> str | None:
        """Where a run stands in the web UI."""
        if self.ui_url is None:
            return None
        return f"{self.ui_url}/namespaces/{self.client.namespace}/workflows/{workflow_id}"


async def open_session(settings: Settings | None = None) -> Session:
    """Connect to the server that the environment names, else to the embedded one.

    Raises:
        WorkersError: a setting is wrong, or no usable server answers.
    """
    settings = settings or Settings.load()
    client = await connect(settings)
    record = None if uses_own_server() else recorded_server(settings.data_directory)
    return Session(settings, client, record.ui_url if record else None)
