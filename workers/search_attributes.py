"""Registers the search attributes that decisions carry on a server, the user's own included."""

import asyncio

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from workers.errors import SearchAttributesRefused
from workflows.search_attributes import CONFIDENCE, REVIEWER, RISK, STAGE, TENANT, VERDICT

SEARCH_ATTRIBUTES: dict[str, IndexedValueType.ValueType] = {
    key.name: IndexedValueType.ValueType(key.indexed_value_type.value)
    for key in (TENANT, STAGE, VERDICT, RISK, CONFIDENCE, REVIEWER)
}
"""The server's type of each search attribute, by name."""


async def register_search_attributes(client: Client) -> None:
    """Add what the client's namespace lacks and wait until the server knows it; doing it again changes nothing.

    Raises `SearchAttributesRefused` where an attribute of the same name has another type, or where the server (often
    a managed one) lets no client add them; its message holds the commands an administrator runs instead.
    """
    missing = await _missing(client)
    if not missing:
        return
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise SearchAttributesRefused(_refusal(client, missing, error.message)) from error
    for _ in range(100):
        if not await _missing(client):
            return
        await asyncio.sleep(0.1)
    raise SearchAttributesRefused(_refusal(client, missing, "they were added but did not appear within 10 s"))


async def _missing(client: Client) -> dict[str, IndexedValueType.ValueType]:
    try:
        present = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status not in {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED}:
            raise
        raise SearchAttributesRefused(_refusal(client, SEARCH_ATTRIBUTES, error.message)) from error
    for name, expected in SEARCH_ATTRIBUTES.items():
        actual = present.custom_attributes.get(name, expected)
        if actual != expected:
            raise SearchAttributesRefused(
                f"search attribute {name} is of type {_type_name(actual)} in namespace {client.namespace}, "
                f"{_type_name(expected)} is needed: use another namespace (TEMPORAL_NAMESPACE)"
            )
    return {name: kind for name, kind in SEARCH_ATTRIBUTES.items() if name not in present.custom_attributes}


def _refusal(client: Client, missing: dict[str, IndexedValueType.ValueType], reason: str) -> str:
    commands = "\n".join(
        f"  temporal operator search-attribute create --namespace {client.namespace} "
        f"--name {name} --type {_type_name(kind)}"
        for name, kind in missing.items()
    )
    return f"the server did not register the search attributes ({reason}); ask its administrator to run:\n{commands}"


def _type_name(kind: IndexedValueType.ValueType) -> str:
    words = IndexedValueType.Name(kind).removeprefix("INDEXED_VALUE_TYPE_").split("_")
    return "".join(word.capitalize() for word in words)
