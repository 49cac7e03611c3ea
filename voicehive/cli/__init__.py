"""The `voicehive` command. Importing it loads no engine and no Temporal code, so that `--help` answers at once."""

from voicehive.cli.app import main

__all__ = ["main"]
