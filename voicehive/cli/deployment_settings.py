"""The settings of a deployment as the store knows them."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from pydantic import JsonValue

from voicehive.cli import rendering
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.output import Output
from voicehive.storage.database import Database, migrate
from voicehive.storage.parameters import Parameter, Parameters
from workers.settings import Settings


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncGenerator[Database]:
    """The store, migrated.

    Raises:
        StorageError: it cannot be used.
    """
    await migrate(settings.database_url)
    database = await Database.open(settings.database_url)
    try:
        yield database
    finally:
        await database.close()


async def stored(database: Database, tenant: str, deployment: str) -> list[Parameter]:
    """What is stored, by name."""
    async with database.reading() as session:
        return await Parameters(session, tenant).list(deployment)


async def store(database: Database, tenant: str, deployment: str, values: Mapping[str, JsonValue]) -> None:
    """Store values, all or none; null removes one."""
    async with database.transaction() as session:
        parameters = Parameters(session, tenant)
        for name, content in values.items():
            await parameters.set(deployment, name, content)


async def show(output: Output, tenant: str, deployment: str, values: Mapping[str, JsonValue]) -> ExitCode:
    """Store what is given, then show everything there is."""
    async with open_store(Settings.load()) as database:
        await store(database, tenant, deployment, values)
        found = await stored(database, tenant, deployment)
    output.document(
        {"tenant": tenant, "deployment": deployment, "settings": [p.model_dump(mode="json") for p in found]}
    )
    shown = rendering.table("setting", "value", "version", "changed (UTC)", numbers=("value", "version"))
    for each in found:
        changed = f"{each.updated_at:%Y-%m-%d %H:%M}" if each.updated_at else ""
        shown.add_row(each.name, rendering.value(each.value), str(each.version), changed)
    nothing = f"nothing is stored for {deployment} of tenant {tenant}: store with --set name=value"
    output.console.print(shown if found else nothing)
    return ExitCode.DONE
