"""Runs `voicehive trust ...` with the program's own handling of errors and exit codes."""

import importlib
import sys

from voicehive.cli.trust import app

program = importlib.import_module("voicehive.cli.app")
if "trust" not in {group.name for group in program.app.registered_groups}:
    program.app.add_typer(app, name="trust")
sys.argv[1:1] = ["trust"]
program.main()
