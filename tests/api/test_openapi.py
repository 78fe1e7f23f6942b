"""/openapi.json. That every answer conforms to it is seen by the Client, test by test."""

import json

import pytest
from apikit import SEED

ROUTES = {"/calls": {"get", "post"}, "/calls/{call_id}": {"get"},
          "/calls/{call_id}/events": {"get"}, "/calls/{call_id}/cancel": {"post"},
          "/calls/{call_id}/recording": {"get"}, "/users/me": {"get"},
          "/skills": {"get"}, "/skills/{skill_id}/manifest": {"get"},
          "/skills/{skill_id}/run": {"post"}, "/v1/booking/bookings": {"get"},
          "/v1/booking/bookings/{booking_id}": {"get"},
          "/users/me/limits": {"put"}, "/healthz": {"get"}, "/readyz": {"get"},
          "/openapi.json": {"get"}}
# What the published document says of each field, and ours must not change.
BOUNDS = ("type", "minLength", "maxLength", "minimum", "maximum", "pattern", "enum", "default",
          "format", "items", "additionalProperties")


@pytest.fixture(scope="module")
def document(stack):
    answer = stack.client.get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


def operations(document):
    return [(path, method, operation) for path, methods in document["paths"].items()
            for method, operation in methods.items()]


def resolved(schema, root):
    while "$ref" in schema:
        schema = root["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def test_it_is_an_openapi_3_1_document(stack, document):
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] and document["info"]["version"]
    assert document["servers"][0]["url"] == stack.url


def test_it_has_every_route_and_no_other(document):
    assert {path: set(methods) for path, methods in document["paths"].items()} == ROUTES


def test_every_reference_leads_somewhere(document):
    text = json.dumps(document)
    for ref in set(text.split('"$ref": "')[1:]):
        kind, name = ref.split('"')[0].rsplit("/", 1)
        assert kind == "#/components/schemas" and name in document["components"]["schemas"]


def test_every_operation_is_complete(document):
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations(document):
        assert operation["summary"] and operation["tags"] and operation["responses"]
        for answer in operation["responses"].values():
            assert answer["description"]
        named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for parameter in operation.get("parameters", []):
            assert parameter["schema"] and (parameter["in"] != "path" or parameter["required"])
        if method in ("put",) or (path, method) == ("/calls", "post"):
            assert operation["requestBody"]["content"]["application/json"]["schema"]


def test_routes_that_ask_for_a_key_say_so(document):
    schemes = document["components"]["securitySchemes"]
    assert schemes["ApiKey"]["name"] == "X-API-Key" and schemes["Bearer"]["scheme"] == "bearer"
    for path, _, operation in operations(document):
        public = path in ("/healthz", "/readyz", "/openapi.json", "/skills",
                          "/skills/{skill_id}/manifest")
        assert public != bool(operation.get("security")), path


@pytest.mark.parametrize("method, path, statuses", [
    ("post", "/calls", {"201", "202", "400", "402", "409", "422", "502", "503"}),
    ("get", "/calls", {"200", "422"}), ("get", "/calls/{call_id}", {"200", "404"}),
    ("post", "/calls/{call_id}/cancel", {"200"}), ("get", "/users/me", {"200"}),
    ("put", "/users/me/limits", {"200", "422"}),
    ("get", "/skills", {"200"}), ("get", "/skills/{skill_id}/manifest", {"200", "404"}),
    ("post", "/skills/{skill_id}/run",
     {"201", "202", "400", "402", "404", "409", "422", "502", "503"}),
    ("get", "/v1/booking/bookings", {"200", "400", "422"}),
    ("get", "/v1/booking/bookings/{booking_id}", {"200", "404"}),
    ("get", "/calls/{call_id}/recording", {"200", "202", "401", "404", "422", "500"})])
def test_the_answers_of_the_contract_are_named(document, method, path, statuses):
    assert statuses <= set(document["paths"][path][method]["responses"])


@pytest.mark.parametrize("name", sorted(SEED["components"]["schemas"]))
def test_a_published_schema_is_kept(document, name):
    """Every field of the published document is there, with its type, bounds and default."""
    seed = SEED["components"]["schemas"][name]
    places = {"TaskKind": ("StartCallBody", "kind"), "BookingType": ("BookingDTO", "type"),
              "BookingStatus": ("BookingDTO", "status")}
    if name in places:  # a schema of its own there, in its field here
        ours, field = places[name]
        assert document["components"]["schemas"][ours]["properties"][field]["enum"] == seed["enum"]
        return
    ours = document["components"]["schemas"][name]
    assert set(ours.get("required", [])) == set(seed.get("required", []))
    for field, wanted in seed["properties"].items():
        got = resolved(ours["properties"][field], document)
        wanted_default, wanted = wanted.get("default"), resolved(wanted, SEED)
        if wanted_default is not None and name.endswith("Body"):
            assert got["default"] == wanted_default
        if "anyOf" in wanted:
            kinds = {form.get("type") for form in wanted["anyOf"]}
            assert {form.get("type") for form in got["anyOf"]} == kinds, field
            continue
        for bound in BOUNDS:
            if bound in wanted and bound not in ("default", "items"):
                assert got.get(bound) == wanted[bound], (field, bound)


def test_the_list_names_its_parameters(document):
    parameters = {p["name"]: p for p in document["paths"]["/calls"]["get"]["parameters"]}
    assert {"limit", "status", "since", "before"} <= set(parameters)
    limit = parameters["limit"]["schema"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 1000, 100)


def test_it_holds_no_secret(stack, document):
    text = json.dumps(document)
    for secret in (stack.auth_token, stack.env["OFFHOOK_ADMIN_KEY"], "twilio.com", stack.folder):
        assert secret not in text
