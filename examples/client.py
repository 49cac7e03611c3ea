"""Take a decision with nothing but the Temporal SDK: start it, wait for the verdict, approve, read the result."""

import asyncio
import json
import os
import sys
from pathlib import Path

from temporalio.client import Client
from temporalio.envconfig import ClientConfig


async def main(file: str, workflow_id: str) -> None:
    """Start the decision in `file`; if it asks for people, approve it as alice."""
    client = await Client.connect(**{"target_host": "127.0.0.1:7233", **ClientConfig.load_client_connect_config()})
    request = json.loads(Path(file).read_text(encoding="utf-8"))
    summary = f"{request['kind']} decision for {request['deployment']}"
    decision = await client.start_workflow(
        "DecisionWorkflow", request, id=workflow_id, task_queue="voicehive", static_summary=summary
    )
    while (status := await decision.query("status"))["stage"] not in ("waiting_for_people", "executing", "closed"):
        await asyncio.sleep(0.2)
    print("verdict:", status["result"]["verdict"], "because", "; ".join(status["result"]["reasons"]))
    if status["stage"] == "waiting_for_people":
        await decision.execute_update("review", {"kind": "approve", "reviewer": "alice"})
    print("outcome:", (await decision.result())["outcome"])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
    sys.stdout.flush()
    os._exit(0)  # the SDK's threads can crash an interpreter that is shutting down (temporalio/sdk-python issue 300)
