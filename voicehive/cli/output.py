"""Where a command writes: for people, or one JSON document for machines."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from voicehive.model import Model


class Output:
    """With `as_json`, standard output carries the one document and everything meant for people goes to stderr."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(stderr=as_json, highlight=False)

    def document(self, content: Model | Mapping[str, Any]) -> None:
        """Print the JSON document; nothing where it is people who read."""
        if self.as_json:
            plain = content.model_dump(mode="json") if isinstance(content, Model) else content
            print(json.dumps(plain, indent=2, ensure_ascii=False), flush=True)
