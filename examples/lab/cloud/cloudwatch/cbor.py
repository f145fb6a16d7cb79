"""Smithy RPC v2 CBOR for CloudWatch: parameters in, results and errors out."""

import json
from datetime import datetime, timezone

import cbor2

from cloud.refusals import Answer

_HEADERS = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}


def parameters(body):
    """The call's parameters as moto's parsers would give them: naive UTC times, no nulls."""
    return _parsed(cbor2.loads(body)) if body else {}


def encode(serialized, shape):
    """A result that moto serialized as JSON, encoded by its shape (times and numbers have types of their own)."""
    given = json.loads(serialized) if serialized else {}
    return Answer(200, _HEADERS, cbor2.dumps(_typed(given, shape) if shape else {}))


def _parsed(value):
    if isinstance(value, dict):
        return {name: _parsed(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_parsed(one) for one in value]
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(timezone.utc).replace(tzinfo=None)
    return value


def _typed(value, shape):
    if value is None:
        return None
    if shape.type_name == "structure":
        members = shape.members
        return {name: _typed(value[name], members[name]) for name in members if value.get(name) is not None}
    if shape.type_name == "list":
        return [_typed(one, shape.member) for one in value]
    if shape.type_name == "map":
        return {name: _typed(one, shape.value) for name, one in value.items()}
    if shape.type_name == "timestamp":
        return cbor2.CBORTag(1, float(value))
    if shape.type_name in ("double", "float"):
        return float(value)
    if shape.type_name in ("integer", "long"):
        return int(value)
    return value
