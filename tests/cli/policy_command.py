"""Runs `voicehive policy ...` with the program's own handling of errors and exit codes."""

import importlib
import sys

from voicehive.cli.policy import app

program = importlib.import_module("voicehive.cli.app")
if "policy" not in {group.name for group in program.app.registered_groups}:
    program.app.add_typer(app, name="policy")
sys.argv[1:1] = ["policy"]
program.main()
