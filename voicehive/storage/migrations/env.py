"""Run by Alembic, on the connection and in the transaction that `database.migrate` opened."""

from alembic import context

from voicehive.storage.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
)
context.run_migrations()
