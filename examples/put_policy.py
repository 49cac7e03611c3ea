"""Put a policy in force for a tenant: `python examples/put_policy.py TENANT FILE AUTHOR`."""

import asyncio
import sys
from pathlib import Path

from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.policy_document import parse_policy
from voicehive.storage.database import Database, migrate
from voicehive.storage.policies import Policies
from workers.settings import Settings


async def main(tenant: str, file: str, author: str) -> None:
    """Check the policy as a whole, its rules included, then store it as the tenant's next version."""
    document = Path(file).read_text(encoding="utf-8")
    policy = parse_policy(document)
    AutonomousController(policy)
    url = Settings.load().database_url
    await migrate(url)
    database = await Database.open(url)
    async with database.transaction() as session:
        stored = await Policies(session, tenant).add(document, policy.content_digest(), author)
    await database.close()
    print(f"policy {policy.name!r} is in force for tenant {tenant!r} as version {stored.version}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
