"""As much of JSON Schema as the API's documents use: a fault is an AssertionError that says where.

Anything else in a schema is a fault too, so that nothing is taken for checked that was not.
"""

import re

# What only describes.
SILENT = {"title", "description", "default", "example", "examples"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
# RFC 3339 in UTC with milliseconds, as every time of the API is but the date of a booking.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
WHOLE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")  # of the task routes
NAIVE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def is_type(value, kind):
    if kind in ("integer", "number"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return kind == "number" or value == int(value)
    return isinstance(value, TYPES[kind])


def find(root, ref):
    assert ref.startswith("#/"), ref
    at = root
    for part in ref[2:].split("/"):
        at = at[part]
    return at


def fits(value, schema, root, where):
    try:
        check(value, schema, root, where)
    except AssertionError:
        return False
    return True


def check_object(value, schema, root, where):
    for name in schema.get("required", []):
        assert name in value, f"{where}: no {name}"
    properties = schema.get("properties", {})
    for name, item in value.items():
        more = schema.get("additionalProperties", True)
        if name in properties:
            check(item, properties[name], root, f"{where}.{name}")
        else:
            assert more is not False, f"{where}: {name} is not in the schema"


def check(value, schema, root, where="$"):
    """Fails unless value conforms to schema, whose references lead into root."""
    for word, rule in schema.items():
        if word in SILENT or word in ("required", "properties", "additionalProperties"):
            continue
        if word == "$ref":
            check(value, find(root, rule), root, where)
        elif word == "anyOf":
            assert any(fits(value, one, root, where) for one in rule), \
                f"{where}: {value!r} fits no form"
        elif word == "type":
            kinds = rule if isinstance(rule, list) else [rule]
            assert any(is_type(value, kind) for kind in kinds), f"{where}: {value!r} is no {rule}"
        elif word == "items":
            for i, item in enumerate(value if isinstance(value, list) else []):
                check(item, rule, root, f"{where}[{i}]")
        elif word == "enum":
            assert value in rule, f"{where}: {value!r} is none of {rule}"
        elif word == "pattern":
            assert not isinstance(value, str) or re.search(rule, value), f"{where}: {value!r}"
        elif word in ("minimum", "maximum"):
            low = word == "minimum"
            assert value >= rule if low else value <= rule, f"{where}: {value!r}"
        elif word in ("minLength", "maxLength"):
            low = word == "minLength"
            assert len(value) >= rule if low else len(value) <= rule, f"{where}: {value!r}"
        elif word in ("minItems", "maxItems"):
            low = word == "minItems"
            assert len(value) >= rule if low else len(value) <= rule, f"{where}: {value!r}"
        elif word == "format":
            assert rule in ("date-time", "uri", "email"), f"{where}: unknown format {rule}"
            assert rule != "email" or re.fullmatch(r"[!-?A-~]+@[A-Za-z0-9.-]+", value), where
            form = (NAIVE if where.endswith(".booking_date") else
                    WHOLE if where.startswith(("/api/v1/celery/", "/api/v1/campaigns")) else TIME)
            assert rule != "date-time" or form.fullmatch(value), f"{where}: {value!r} is no time"
        else:
            raise AssertionError(f"{where}: the schema says {word}, which is not checked here")
    if isinstance(value, dict):
        check_object(value, schema, root, where)
