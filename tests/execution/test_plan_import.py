import subprocess
import sys

HEAVY = ("httpx", "sqlalchemy", "alembic", "temporalio")


def test_models_import_without_http_client_and_database() -> None:
    code = f"import sys, voicehive.execution; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
