"""POST /api/v1/process: the seed's words, who may, and that of twins one is enqueued."""

import pytest
from apikit import name, together

PATH = "/api/v1/process"


def fresh():
    return name("call")


def process(client, call_id, tenant=None, **more):
    return client.post(PATH, {"call_id": call_id, "tenant_id": tenant or client.workspace, **more})


def said(call_id, tenant, status):
    return {"call_id": call_id, "tenant_id": tenant, "enqueued": status == "queued",
            "status": status}


def jobs(stack, tenant, call_id):
    return stack.sql("SELECT status::text, source::text, known FROM jobs WHERE workspace_id = %s"
                     " AND coalesce(call_id, external_id) = %s", tenant, call_id)


def job_count(stack, tenant):
    return stack.sql("SELECT count(*) FROM jobs WHERE workspace_id = %s", tenant)[0][0]


# ---- what is answered ----

def test_a_call_is_queued_once(stack, customer):
    call_id = fresh()
    answer = process(customer, call_id)
    assert answer.status_code == 202
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == said(call_id, customer.workspace, "queued")
    again = process(customer, call_id)
    assert again.status_code == 202
    assert again.json() == said(call_id, customer.workspace, "already_queued_or_in_progress")
    assert len(jobs(stack, customer.workspace, call_id)) == 1


def test_a_call_of_ours_is_known_and_one_that_nobody_knows_is_queued_too(stack, customer):
    call_id, stranger = customer.start(), fresh()
    for one in (call_id, stranger):
        assert process(customer, one).json() == said(one, customer.workspace, "queued")
    assert jobs(stack, customer.workspace, call_id)[0][1:] == ("offhook", True)
    assert jobs(stack, customer.workspace, stranger)[0][1:] == ("api", False)


@pytest.mark.parametrize("status, answered", [
    ("transcribing", "already_queued_or_in_progress"),
    ("analyzing", "already_queued_or_in_progress"),
    ("publishing", "already_queued_or_in_progress"),
    ("completed", "already_completed"), ("failed", "queued"), ("skipped", "queued")])
def test_the_answer_goes_by_the_state(stack, customer, status, answered):
    call_id = fresh()
    stack.sql("INSERT INTO jobs (workspace_id, source, external_id, status, skipped_reason,"
              " skipped_at, failure, due_at, ended_at)"
              " SELECT %s, 'api', %s, s, CASE s WHEN 'skipped' THEN 'rate_limit' END,"
              " CASE s WHEN 'skipped' THEN now() END, CASE s WHEN 'failed' THEN 'model' END,"
              " CASE WHEN NOT job_is_final(s) THEN now() + interval '1 hour' END,"
              " CASE WHEN job_is_final(s) THEN now() END FROM (SELECT %s::job_status) x (s)",
              customer.workspace, call_id, status)
    assert process(customer, call_id).json() == said(call_id, customer.workspace, answered)
    now = jobs(stack, customer.workspace, call_id)
    assert len(now) == 1 and (answered == "queued" or now[0][0] == status)


def test_of_64_twins_one_is_enqueued(stack, customer):
    call_id = fresh()
    clients = [customer.twin() for _ in range(64)]
    answers = together(64, lambda i: process(clients[i], call_id))
    assert [a.status_code for a in answers] == [202] * 64
    bodies = [a.json() for a in answers]
    assert sorted(b["status"] for b in bodies) == (
        ["already_queued_or_in_progress"] * 63 + ["queued"])
    assert [b for b in bodies if b["enqueued"]] == [said(call_id, customer.workspace, "queued")]
    assert len(jobs(stack, customer.workspace, call_id)) == 1


def test_of_twins_for_a_failed_call_one_is_enqueued(stack, customer):
    call_id = fresh()
    stack.sql("INSERT INTO jobs (workspace_id, source, external_id, status, failure, due_at,"
              " ended_at) VALUES (%s, 'api', %s, 'failed', 'mail', NULL, now())",
              customer.workspace, call_id)
    clients = [customer.twin() for _ in range(16)]
    bodies = [a.json() for a in together(16, lambda i: process(clients[i], call_id))]
    assert sum(b["enqueued"] for b in bodies) == 1


def test_unknown_fields_are_ignored(customer):
    call_id = fresh()
    answer = process(customer, call_id, attempt=7, priority="high")
    assert answer.status_code == 202
    assert answer.json() == said(call_id, customer.workspace, "queued")


# ---- what is refused ----

BLANK = {"missing": ..., "null": None, "empty": "", "one space": " ", "ten spaces": " " * 10,
         "tabs": "\t\n" * 5, "other spaces": "\u2003" * 9}


@pytest.mark.parametrize("how", BLANK)
@pytest.mark.parametrize("field", ["call_id", "tenant_id"])
def test_a_field_is_required(stack, customer, field, how):
    body = {"call_id": fresh(), "tenant_id": customer.workspace, field: BLANK[how]}
    if BLANK[how] is ...:
        del body[field]
    answer = customer.post(PATH, body)
    assert answer.status_code == 400
    assert answer.json() == {"detail": f"{field} is required"}
    assert job_count(stack, customer.workspace) == 0


def test_of_two_missing_fields_the_first_is_named(customer):
    answer = customer.post(PATH, {})
    assert (answer.status_code, answer.json()) == (400, {"detail": "call_id is required"})
    answer = customer.post(PATH, {"call_id": "short"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "tenant_id is required"})


WRONG = [
    ("call_id", "1234567", "string_too_short", "String should have at least 8 characters"),
    ("call_id", "c" * 201, "string_too_long", "String should have at most 200 characters"),
    ("call_id", 12345678, "string_type", "Input should be a valid string"),
    ("call_id", ["call_abc123xyz"], "string_type", "Input should be a valid string"),
    ("tenant_id", "ab", "string_too_short", "String should have at least 3 characters"),
    ("tenant_id", "t" * 201, "string_too_long", "String should have at most 200 characters"),
    ("tenant_id", True, "string_type", "Input should be a valid string")]


@pytest.mark.parametrize("field, value, kind, message", WRONG,
                         ids=[f"{w[0]}-{w[2]}-{i}" for i, w in enumerate(WRONG)])
def test_a_field_that_is_wrong_is_422(stack, customer, field, value, kind, message):
    answer = customer.post(PATH, {"call_id": fresh(), "tenant_id": customer.workspace,
                                  field: value})
    assert answer.status_code == 422
    error, = answer.json()["detail"]
    assert (error["loc"], error["type"], error["msg"]) == (["body", field], kind, message)
    assert job_count(stack, customer.workspace) == 0


def test_the_bounds_are_characters_and_inside(stack, customer):
    for call_id in ("12345678", "c" * 200, "é" * 200, "\\\"\u0001" + "x" * 197, "../../../etc/x"):
        answer = process(customer, call_id)
        assert answer.json() == said(call_id, customer.workspace, "queued")
        assert len(jobs(stack, customer.workspace, call_id)) == 1


@pytest.mark.parametrize("body, kind", [
    ("", "missing"), ("{", "json_invalid"), ("call_id=call_abc123xyz", "json_invalid"),
    ("[]", "model_attributes_type"), ("null", "model_attributes_type"),
    ('{"call_id": "call_abc\\u0000xyz", "tenant_id": "abc"}', "json_invalid"),
    ('{"call_id": "call_abc123", "call_id": "call_abc124", "tenant_id": "abc"}', "json_invalid")],
    ids=["empty", "open", "form", "array", "null", "zero", "twice"])
def test_a_body_that_is_no_json_object_is_422(customer, body, kind):
    answer = customer.post(PATH, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == kind


def test_other_methods_are_405(customer):
    answer = customer.get(PATH)
    assert answer.status_code == 405 and "POST" in answer.headers["Allow"]


# ---- who may ----

def test_without_a_key_or_with_a_wrong_one(stack, customer):
    wrong = "ohk_" + "0" * 38
    for key, says in ((None, "missing API key"), ("", "missing API key"),
                      ("nonsense", "invalid API key"), (wrong, "invalid API key")):
        client = stack.with_key(key)
        for body in ({"call_id": fresh(), "tenant_id": customer.workspace}, {}, {"call_id": "x"}):
            answer = client.post(PATH, body)
            assert (answer.status_code, answer.json()) == (401, {"detail": says})
            assert "WWW-Authenticate" in answer.headers
    assert job_count(stack, customer.workspace) == 0


def test_each_level_reaches_its_tenants_and_no_others(stack):
    partner = stack.partner()
    organization = stack.organization(partner)
    inside = stack.new_workspace(organization=organization)
    outside = stack.new_workspace(organization=stack.organization(stack.partner()))
    keys = {"workspace": inside, "organization": organization, "partner": partner}
    for scope, scope_id in keys.items():
        client = stack.with_key(stack.new_key(scope, scope_id))
        call_id = fresh()
        assert process(client, call_id, inside).json() == said(call_id, inside, "queued")
        for tenant in (outside, "no-such-tenant", "t" * 65, "no tenant/at all"):
            answer = process(client, fresh(), tenant)
            assert (answer.status_code, answer.json()) == (403, {"detail": "Forbidden"})
    assert job_count(stack, outside) == 0
    assert job_count(stack, inside) == 3


@pytest.mark.parametrize("admin", [False, True], ids=["mere", "admin"])
def test_the_platform_reaches_every_tenant_that_there_is(stack, customer, admin):
    client, call_id = stack.with_key(stack.new_key("platform", admin=admin)), fresh()
    assert process(client, call_id, customer.workspace).json() == said(
        call_id, customer.workspace, "queued")
    assert process(client, fresh(), "no-such-tenant").status_code == 403
    requeued = fresh()
    stack.sql("INSERT INTO jobs (workspace_id, source, external_id, status, failure, due_at,"
              " ended_at) VALUES (%s, 'api', %s, 'failed', 'mail', NULL, now())",
              customer.workspace, requeued)
    assert process(client, requeued, customer.workspace).json()["enqueued"]
    assert stack.sql("SELECT source_metadata->>'last_requeued_by' FROM jobs WHERE external_id = %s",
                     requeued) == [("platform",)]


def test_the_workspace_header_is_not_the_tenant(stack, customer):
    """The tenant of the body alone counts."""
    other = stack.customer()
    client = stack.with_key(customer.key, X_Workspace_Id=other.workspace)
    call_id = fresh()
    assert process(client, call_id, customer.workspace).json()["enqueued"]
    assert process(client, fresh(), other.workspace).status_code == 403


def test_a_bearer_key_is_as_good(stack, customer):
    client, call_id = stack.with_key(None, Authorization=f"Bearer {customer.key}"), fresh()
    assert process(client, call_id, customer.workspace).json()["enqueued"]


def test_a_revoked_key_is_refused_at_once(stack):
    workspace = stack.new_workspace()
    row = stack.key_row("workspace", workspace)
    client = stack.with_key(row["api_key"])
    assert process(client, fresh(), workspace).status_code == 202
    stack.offhook("key", "revoke", row["api_key_id"])
    answer = process(client, fresh(), workspace)
    assert (answer.status_code, answer.json()) == (401, {"detail": "invalid API key"})


# ---- the document ----

def test_the_document_has_the_seeds_bounds(stack):
    schemas = stack.document.json["components"]["schemas"]
    request = schemas["ProcessRequest"]
    assert set(request["required"]) == {"call_id", "tenant_id"}
    assert request["properties"]["call_id"]["minLength"] == 8
    assert request["properties"]["tenant_id"]["minLength"] == 3
    assert schemas["ProcessResponse"]["properties"]["status"]["enum"] == [
        "queued", "already_queued_or_in_progress", "already_completed"]
