from tests.storage.fixtures import database, database_url, tenant

__all__ = ["database", "database_url", "tenant"]
