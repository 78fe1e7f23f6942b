"""/openapi.json: sound by itself. That every answer conforms to it is seen by the Client, test by
test; that it keeps the published contract, by test_contract.py.

Without npm the linter's tests fail; they never skip.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import schema

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import nodekit  # noqa: E402

LINTER = pathlib.Path(__file__).parent / "redocly"


@pytest.fixture(scope="module")
def document(stack):
    answer = stack.client.get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


def operations(document):
    return [(path, method, operation) for path, methods in document["paths"].items()
            for method, operation in methods.items()]


def test_it_is_an_openapi_3_1_document(stack, document):
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] and document["info"]["version"]
    assert document["servers"][0]["url"] == stack.url


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
        if (path, method) in (("/calls", "post"), ("/users/me/webhook", "put"),
                              ("/users/me/limits", "put")):
            assert operation["requestBody"]["content"]["application/json"]["schema"]


def test_routes_that_ask_for_a_key_say_so(document):
    schemes = document["components"]["securitySchemes"]
    assert schemes["ApiKey"]["name"] == "X-API-Key" and schemes["Bearer"]["scheme"] == "bearer"
    for path, _, operation in operations(document):
        assert "security" in operation, path
        public = path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/skills",
                          "/skills/{skill_id}/manifest", "/api/v1/celery/twilio/health")
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


def test_the_list_names_its_parameters(document):
    parameters = {p["name"]: p for p in document["paths"]["/calls"]["get"]["parameters"]}
    assert {"limit", "status", "since", "before"} <= set(parameters)
    limit = parameters["limit"]["schema"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 1000, 100)


def test_it_holds_no_secret(stack, document):
    text = json.dumps(document)
    for secret in (stack.auth_token, stack.env["OFFHOOK_ADMIN_KEY"], "twilio.com", stack.folder):
        assert secret not in text


# ---- the linter ----

@pytest.fixture(scope="module")
def linter(tmp_path_factory):
    """The folder in which it is installed."""
    files = [file.name for file in LINTER.iterdir()]
    return nodekit.install(LINTER, files, "redocly", tmp_path_factory.mktemp("node"))


def lint(linter, text, folder):
    """Runs it on a document, cut off from the network."""
    path = folder / "openapi.json"
    path.write_text(text)
    environment = {**os.environ, "REDOCLY_TELEMETRY": "off", "https_proxy": "http://127.0.0.1:9",
                   "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run([linter / "node_modules/.bin/redocly", "lint", path, "--config",
                           linter / "redocly.yaml"], cwd=linter, env=environment, timeout=120,
                          capture_output=True, text=True)


def test_the_linter_has_nothing_to_say(document, linter, tmp_path):
    done = lint(linter, json.dumps(document, indent=1), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linter_would_have_something_to_say(document, linter, tmp_path):
    broken = json.loads(json.dumps(document))
    del broken["components"]["schemas"]["CallDTO"]
    assert lint(linter, json.dumps(broken), tmp_path).returncode == 1


# ---- examples ----

@pytest.fixture(scope="module")
def admin(stack):
    """A platform key that acts in a workspace of its own, with a call that has ended."""
    workspace = stack.new_workspace(cap=20)
    client = stack.with_key(stack.env["OFFHOOK_ADMIN_KEY"], X_Workspace_Id=workspace)
    job = client.post("/api/jobs", {"description": "A sink", "providers": [
        {"name": "A", "phone": "+12025550147"}]}).json()
    client.named = {"call_id": client.start(), "number": "+12025550147",
                    "job_id": job["job_id"],
                    "provider_id": job["providers"][0]["id"],
                    "scope": "workspace", "id": workspace}  # a value for each {name} in a path
    client.post_call = stack.sql("SELECT job_id FROM fn.job_ingest(%s, 'callrail', 'x', 60, NULL, '[]',"
                                 " '{}', 'rate_limit')", workspace)[0][0]
    client.ended(client.named["call_id"])
    return client


def path_of(admin, path):
    """With its names filled in; jobs of the post-call pipeline and of negotiations share one."""
    more = {"job_id": admin.post_call} if path.startswith("/api/v1/jobs") else {}
    return path.format(**{**admin.named, **more})


def schema_of(part, document):
    name = part["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    return document["components"]["schemas"][name]


def example(part):
    return part.get("content", {}).get("application/json", {}).get("example")


def examples_of(document):
    """Each example that a client may send: method, path, query, body."""
    for path, method, operation in operations(document):
        body = example(operation.get("requestBody", {}))
        if body is not None:
            yield method, path, {}, body
        for parameter in operation.get("parameters", []):
            for value in parameter["schema"].get("examples", []):
                yield method, path, {parameter["name"]: value}, body


def test_every_example_that_can_be_sent_is_taken(document, admin):
    sent = list(examples_of(document))
    assert len(sent) > 5
    for method, path, query, body in sent:
        query = {name: json.dumps(value).strip('"') for name, value in query.items()}
        if body is not None and "tenant_id" in body:
            body = {**body, "tenant_id": admin.named["id"]}  # whoever reads it has another
        answer = admin.request(method.upper(), path_of(admin, path), params=query, json=body)
        assert answer.status_code < 300, (method, path, query, answer.text)


def test_every_body_has_an_example(document):
    for path, method, operation in operations(document):
        body = operation.get("requestBody")
        if body and schema_of(body, document).get("properties"):
            assert example(body), (method, path)


def test_every_example_fits_its_schema(document):
    for path, method, operation in operations(document):
        for part in [operation.get("requestBody", {}), *operation["responses"].values()]:
            if example(part) is not None:
                named = part["content"]["application/json"]["schema"]
                schema.check(example(part), named, document, f"{method} {path}")
        for parameter in operation.get("parameters", []):
            for value in parameter["schema"].get("examples", []):
                schema.check(value, parameter["schema"], document, parameter["name"])
