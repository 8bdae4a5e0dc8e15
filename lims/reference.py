"""The REST interface as a page, made from its own description: no script, nothing fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from lims.accounts.pages import page_for, shown
from lims.accounts.roles import Permission

PREFIX = "/api/v1/"
Json = Mapping[str, Any]


@page_for(Permission.VIEW)
@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    return shown(request, "reference.html", {"groups": _groups(), "shapes": _shapes(), "prefix": PREFIX})


@cache
def _description() -> Json:
    made: Json = SchemaGenerator().get_schema(request=None, public=True)
    return made


def _groups() -> list[dict[str, Any]]:
    """The operations by the first word of their path, as in the table of contents."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in sorted(_description()["paths"].items()):
        short = path.removeprefix(PREFIX)
        for method, operation in operations.items():
            body: tuple[str, Json] = next(iter(operation.get("requestBody", {}).get("content", {}).items()), ("", {}))
            groups.setdefault(short.split("/")[0], []).append(
                {
                    "method": method.upper(),
                    "path": short,
                    "text": operation.get("description", ""),
                    "parameters": [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"],
                    "public": {} in operation.get("security", [{}]),
                    "media": body[0],
                    "shape": _name_of(body[1].get("schema", {})) if body[0] else "",
                    "answer": next(iter(operation["responses"]), ""),
                }
            )
    return [{"name": name, "operations": found} for name, found in sorted(groups.items())]


def _shapes() -> list[dict[str, Any]]:
    """What bodies are made of, by name."""
    return [
        {
            "name": name,
            "text": schema.get("description", ""),
            "fields": [
                _field(key, field, required=key in schema.get("required", ()))
                for key, field in schema.get("properties", {}).items()
            ],
            "choices": [value for value in schema.get("enum", ()) if value],
        }
        for name, schema in sorted(_description()["components"]["schemas"].items())
    ]


def _field(key: str, schema: Json, *, required: bool) -> dict[str, Any]:
    of = _name_of(schema)
    return {
        "name": key,
        "shape": of,
        "kind": "" if of else _kind(schema),
        "longest": schema.get("maxLength"),
        "required": required,
    }


def _kind(schema: Json) -> str:
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "oneOf" in schema:
        return _kind(schema["oneOf"][0])
    kind = schema.get("type", "any value")
    return ", ".join(word for word in kind if word != "null") if isinstance(kind, list) else str(kind)


def _name_of(schema: Json) -> str:
    """The shape that a schema refers to, alone or beside a null."""
    for one in (schema, *schema.get("oneOf", ()), *schema.get("allOf", ())):
        if "$ref" in one:
            return str(one["$ref"]).rpartition("/")[2]
    return ""
