"""Read a finished optimisation's whole result from the store, and write it as .json or .parquet.

python examples/read_front.py fleet-1 front.parquet [TENANT]
"""

import asyncio
import sys
from pathlib import Path

from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from activities.finished_optimizations import StoredOptimization
from voicehive.optimization.documents.result_files import write_result
from voicehive.storage.database import Database
from voicehive.storage.optimizations import RESULT_KIND
from voicehive.storage.results import Results
from workers.settings import Settings


async def main(workflow_id: str, target: str, tenant: str = "default") -> None:
    """Ask the workflow for its result's digest, and the store for the result."""
    client = await Client.connect(**{"target_host": "127.0.0.1:7233", **ClientConfig.load_client_connect_config()})
    outcome = await client.get_workflow_handle(workflow_id).result()
    database = await Database.open(Settings.load().database_url)
    try:
        async with database.reading() as session:
            document = await Results(session, tenant).get(outcome["result"], RESULT_KIND)
    finally:
        await database.close()
    if document is None:
        sys.exit(f"tenant {tenant!r} has no result {outcome['result']}; give the tenant that the request named")
    result = StoredOptimization.model_validate_json(document).result
    write_result(result, Path(target))
    print(f"{target}: {len(result.front)} solutions; recommended: {result.recommendation.settings}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
