# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Reads YAML by the core schema of YAML 1.2, so that every document means what its JSON twin means."""

import re
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from voicehive.optimization.errors import InvalidData


def parse_yaml(content: bytes, name: str) -> Any:
    """Read one document (UTF-8 or UTF-16) to objects, lists, texts, numbers, booleans and nulls.

    In difference to PyYAML's own YAML 1.1, `18:30` and `2026-11-24` and `no` are texts, and `010` is ten. Refused are
    anchors, with which a few lines can stand for gigabytes, and a key given twice.

    Args:
        content: the document.
        name: what the messages call it.

    Raises:
        InvalidData: it is not YAML; the message names line and column.
    """
    try:
        return yaml.load(content, _CoreLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InvalidData(f"{name}: is not YAML: {place}{error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidData(f"{name}: is not YAML: {str(error).splitlines()[0]}") from None


class _CoreLoader(yaml.SafeLoader):
    """YAML 1.2.2, section 10.3 (https://yaml.org/spec/1.2.2/#103-core-schema), decimal numbers only."""

    yaml_implicit_resolvers = {}

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="anchors and aliases are not read; write it out", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen if isinstance(key, ScalarNode) else True:
                fault = f"{key.value!r} is given twice; keep one" if isinstance(key, ScalarNode) else "a key is no text"
                raise yaml.MarkedYAMLError(problem=fault, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _whole_number(_: _CoreLoader, node: ScalarNode) -> int:
    return int(node.value)


_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|Null|NULL|~|)$"), None)
_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), None)
_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), None)
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"), None
)
_CoreLoader.add_constructor("tag:yaml.org,2002:int", _whole_number)
