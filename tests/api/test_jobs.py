"""/api/v1/jobs (seed 001): calls from elsewhere are taken in, listed, shown and queued again, by keys of
each scope. What the pipeline makes of them is another file's."""

import itertools
import json
import re

import pytest
from apikit import eventually, name, together

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
FIELDS = {"job_id", "workspace_id", "status", "skipped_reason", "external_id", "call_id", "source",
          "duration_seconds", "recording_url", "attempts", "error", "summary", "result",
          "source_metadata", "created_at", "updated_at"}
URL = "https://media.example.com/calls/17.mp3"
TEXT = "Agent: Good morning.\nCaller: A table for two, please.\nAgent: At eight?"
CANNOT = "Job is not in \"skipped\" status: its status is "
REQUEUED = ("Job requeued successfully (requeue #{}). Job will be re-validated against current"
            " processing filters.")
serial = itertools.count(1)


def make(client, status=201, **body):
    body = {"external_id": name("x"), "transcript": TEXT, **body}
    answer = client.post("/api/v1/jobs", {k: v for k, v in body.items() if v is not ...})
    assert answer.status_code == status, answer.text
    return answer.json()


def job(client, job_id):
    answer = client.get(f"/api/v1/jobs/{job_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def page(client, query="", **arguments):
    answer = client.get(f"/api/v1/jobs{query}", **arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(client, query="", **arguments):
    return [one["external_id"] for one in page(client, query, **arguments)["jobs"]]


def settle(client, job_id, status):
    """The job once it has the status."""
    return eventually(lambda: [now for now in [job(client, job_id)] if now["status"] == status])[0]


def skipped(client, **body):
    """A job that was too short."""
    made = make(client, duration_seconds=5, **body)
    return settle(client, made["job_id"], "skipped")


def failed(client, failure="model", external=None):
    """A job that has failed, and that no one could work on before."""
    return str(client.stack.sql(
        "SELECT (fn.job_move(i.job_id, %s, 'failed', 'It is away.', %s)).job_id FROM fn.job_ingest(%s,"
        " 'api', %s, 60, NULL, '[]', '{}', NULL) i", client.workspace, failure, client.workspace,
        external or name("x"))[0][0])


def patch(client, job_id, body={"status": "queued"}, **arguments):
    return client.request("PATCH", f"/api/v1/jobs/{job_id}/status", json=body, **arguments)


def requeue(client, expected=200, **body):
    answer = client.post("/api/v1/jobs/requeue", body)
    assert answer.status_code == expected, answer.text
    return answer.json()


def detail(answer, code):
    assert answer.status_code == code, answer.text
    return answer.json()["detail"]


class Tree:
    """Two workspaces of one organization, one of another, and one of another partner; a key for each
    level."""

    def __init__(self, stack):
        self.stack = stack
        self.partner, other = stack.partner(), stack.partner()
        self.organization = stack.organization(self.partner)
        self.one = stack.customer(organization=self.organization)
        self.two = stack.customer(organization=self.organization)
        self.three = stack.customer(organization=stack.organization(self.partner))
        self.foreign = stack.customer(organization=stack.organization(other))
        self.keys = {"workspace": self.one,
                     "organization": self.key("organization", self.organization),
                     "partner": self.key("partner", self.partner),
                     "platform": stack.with_key(stack.env["OFFHOOK_ADMIN_KEY"])}

    def key(self, scope, scope_id):
        return self.stack.with_key(self.stack.new_key(scope, scope_id))


@pytest.fixture(scope="module")
def tree(stack):
    return Tree(stack)


# ---- taking calls in ----

def test_a_call_is_taken_in_with_all_that_it_says(customer):
    made = make(customer, external_id="crm-1", recording_url=URL, duration_seconds=184.9,
                metadata={"campaign": "spring", "price": 0.1, "of": [1, None, {"é": True}]})
    assert set(made) == FIELDS
    assert made == {
        "job_id": made["job_id"], "workspace_id": customer.workspace, "status": "queued",
        "skipped_reason": None, "external_id": "crm-1", "call_id": None, "source": "api",
        "duration_seconds": 184, "recording_url": URL, "attempts": 0, "error": None,
        "summary": None, "result": None, "created_at": made["created_at"],
        "updated_at": made["updated_at"],
        "source_metadata": {"campaign": "spring", "price": 0.1, "of": [1, None, {"é": True}]}}
    assert re.fullmatch(r"[1-9]\d*", made["job_id"])
    seen = job(customer, made["job_id"])
    assert set(seen) == FIELDS | {"transcript", "history"}
    assert seen["transcript"] == [
        {"seq": 1, "role": "Agent", "text": "Good morning."},
        {"seq": 2, "role": "Caller", "text": "A table for two, please."},
        {"seq": 3, "role": "Agent", "text": "At eight?"}]
    first = seen["history"][0]
    assert re.fullmatch(TIME, first.pop("at"))
    assert first == {"status": "queued", "previous": None, "reason": None}


def test_numbers_in_metadata_stay_as_they_were_written(customer):
    answer = customer.post("/api/v1/jobs", data='{"external_id": "exact", "transcript": "A: b",'
                           ' "metadata": {"a": 0.1, "b": 1.50, "c": 9007199254740993}}')
    assert answer.status_code == 201, answer.text
    assert '"a": 0.1, "b": 1.50, "c": 9007199254740993' in answer.text


def test_the_same_external_id_again_is_the_same_job(customer):
    first = make(customer, external_id="once", duration_seconds=60)
    again = make(customer, 200, external_id="once", duration_seconds=7, metadata={"other": 1},
                 transcript="Only: one")
    assert again["job_id"] == first["job_id"]
    assert (again["duration_seconds"], again["source_metadata"]) == (60, {})
    assert len(job(customer, first["job_id"])["transcript"]) == 3
    assert listed(customer, "?external_id=once") == ["once"]


def test_many_at_once_with_one_external_id_make_one_job(customer):
    body = {"external_id": "storm", "transcript": TEXT}
    answers = together(8, lambda i: customer.twin().post("/api/v1/jobs", body))
    assert sorted(a.status_code for a in answers) == [200] * 7 + [201]
    assert len({a.json()["job_id"] for a in answers}) == 1


def test_another_workspace_has_its_own_external_ids(tree):
    one, two = make(tree.one, external_id="shared"), make(tree.two, external_id="shared")
    assert one["job_id"] != two["job_id"] and two["workspace_id"] == tree.two.workspace


@pytest.mark.parametrize("text, items", [
    ("Agent: Hello\nCaller: Hi", [("Agent", "Hello"), ("Caller", "Hi")]),
    ("\n\r\n Agent :  Hello there \t\r\n\n\nCaller:\nCaller: Hi:there\n",
     [("Agent", "Hello there"), ("Caller", ""), ("Caller", "Hi:there")]),
    ("no name here", [("unknown", "no name here")]),
    ("12:30 would be fine", [("unknown", "12:30 would be fine")]),
    ("https://x.example/ is it", [("unknown", "https://x.example/ is it")]),
    ("Meet me at 12: or so", [("Meet me at 12", "or so")]),
    ("Dr. O'Neill-Smith (sales): Ça va?", [("Dr. O'Neill-Smith (sales)", "Ça va?")]),
    ("Jürgen: ja", [("Jürgen", "ja")]),
    ("Ünal: evet", [("Ünal", "evet")]),
    (": words", [("unknown", ": words")]),
    ("x" * 40 + ": yes", [("x" * 40, "yes")]),
    ("x" * 41 + ": no", [("unknown", "x" * 41 + ": no")]),
    ("", []),
    (" \n\t\r\n ", []),
], ids=["two", "space", "nobody", "clock", "url", "digits", "punctuation", "umlaut", "first",
        "colon", "40", "41", "none", "blank"])
def test_each_line_of_a_text_is_an_item(customer, text, items):
    made = make(customer, transcript=text)
    found = job(customer, made["job_id"])["transcript"]
    assert [(i["role"], i["text"]) for i in found] == items
    assert [i["seq"] for i in found] == list(range(1, len(items) + 1))


def test_an_array_is_sorted_by_seq_and_numbered_from_one(customer):
    made = make(customer, transcript=[
        {"seq": 30, "role": "B", "text": "third", "start_ms": 2500, "end_ms": None},
        {"seq": 2, "role": "A", "text": "first", "start_ms": 0, "end_ms": 900, "more": "x"},
        {"seq": 7, "role": "B", "text": ""}])
    assert job(customer, made["job_id"])["transcript"] == [
        {"seq": 1, "role": "A", "text": "first", "start_ms": 0, "end_ms": 900},
        {"seq": 2, "role": "B", "text": ""},
        {"seq": 3, "role": "B", "text": "third", "start_ms": 2500}]


@pytest.mark.parametrize("body", [
    {"transcript": ..., "recording_url": URL}, {"transcript": None, "recording_url": URL},
    {"transcript": "", "recording_url": URL}, {"transcript": [], "recording_url": URL}],
    ids=["absent", "null", "blank", "empty"])
def test_a_recording_alone_is_enough(customer, body):
    made = make(customer, **body)
    assert made["recording_url"] == URL
    assert job(customer, made["job_id"])["transcript"] is None


def item(**more):
    return {"seq": 1, "role": "A", "text": "b", **more}


@pytest.mark.parametrize("body, says", [
    (b"", "body: Field required"),
    (b"{", "body: JSON decode error"),
    (b'{"external_id": "a", "external_id": "b", "transcript": "A: b"}', "body: JSON decode error"),
    (b"[]", "body: Input should be a valid dictionary or object to extract fields from"),
    ({"external_id": ...}, "external_id: Field required"),
    ({"external_id": None}, "external_id: Input should be a valid string"),
    ({"external_id": 7}, "external_id: Input should be a valid string"),
    ({"external_id": ""}, "external_id: String should have at least 1 character"),
    ({"external_id": " "}, "external_id must not be blank"),
    ({"external_id": "x" * 201}, "external_id: String should have at most 200 characters"),
    ({"transcript": ...}, "at least one of recording_url and transcript is required"),
    ({"transcript": None}, "at least one of recording_url and transcript is required"),
    ({"transcript": 7}, "transcript: Input should be a valid list"),
    ({"transcript": {}}, "transcript: Input should be a valid list"),
    ({"transcript": ["x"]}, "transcript[0].body: Input should be a valid dictionary or object to"
     " extract fields from"),
    ({"transcript": [item(), {"seq": 2}]},
     "transcript[1].role: Field required; text: Field required"),
    ({"transcript": [item(seq=0)]}, "transcript[0].seq: Input should be greater than or equal to 1"),
    ({"transcript": [item(seq="1")]}, "transcript[0].seq: Input should be a valid integer"),
    ({"transcript": [item(seq=1.0)]}, "transcript[0].seq: Input should be a valid integer"),
    ({"transcript": [item(role="")]}, "transcript[0].role: String should have at least 1 character"),
    ({"transcript": [item(start_ms=-1)]},
     "transcript[0].start_ms: Input should be greater than or equal to 0"),
    ({"transcript": [item(seq=2), item(), item(seq=2)]},
     "transcript: seq must be different in each item"),
    ({"transcript": [item()] * 20001},
     "transcript: List should have at most 20000 items after validation, not 20001"),
    ({"transcript": "A: b\n" * 20001},
     "transcript: more than 20000 lines, or one with more than 65536 bytes"),
    ({"transcript": "x" * 65537},
     "transcript: more than 20000 lines, or one with more than 65536 bytes"),
    ({"recording_url": 7}, "recording_url: Input should be a valid string"),
    ({"recording_url": "http://media.example.com/x.mp3"}, "recording_url: "),
    ({"recording_url": "https://127.0.0.1/x.mp3"}, "recording_url: "),
    ({"recording_url": "https://media.example.com/" + "x" * 2083}, "recording_url: "),
    ({"duration_seconds": -1}, "duration_seconds must be a number from 0 to 2147483647"),
    ({"duration_seconds": 2147483648}, "duration_seconds must be a number from 0 to 2147483647"),
    ({"duration_seconds": "60"}, "duration_seconds: Input should be a valid number"),
    ({"duration_seconds": True}, "duration_seconds: Input should be a valid number"),
    ({"metadata": []}, "metadata: Input should be a valid dictionary"),
    ({"metadata": {"x": "y" * 16384}}, "metadata: must be at most 16384 bytes of JSON"),
    ({"workspace_id": 7}, "workspace_id: Input should be a valid string"),
], ids=[f"case{i:02d}" for i in range(36)])
def test_wrong_input_is_a_sentence_that_names_it(customer, body, says):
    if isinstance(body, bytes):
        answer = customer.post("/api/v1/jobs", data=body)
    else:
        body = {"external_id": "wrong", "transcript": TEXT, **body}
        answer = customer.post("/api/v1/jobs", {k: v for k, v in body.items() if v is not ...})
    assert detail(answer, 400).startswith(says)
    assert page(customer)["jobs"] == []


def test_the_bounds_themselves_are_taken(customer):
    made = make(customer, external_id="é" * 200, duration_seconds=2147483647,
                transcript="\n".join(f"A: {i}" for i in range(20000)), metadata=None)
    assert (made["duration_seconds"], made["source_metadata"]) == (2147483647, {})
    assert len(job(customer, made["job_id"])["transcript"]) == 20000
    assert make(customer, duration_seconds=0, transcript="x" * 65536,
                metadata={"x": "y" * (16384 - 8)})["duration_seconds"] == 0
    assert make(customer, duration_seconds=None)["duration_seconds"] is None


def test_a_body_that_is_too_large_is_refused(customer):
    body = json.dumps({"external_id": "large", "transcript": "x" * (1 << 20)})
    assert customer.post("/api/v1/jobs", data=body).status_code == 413
    assert page(customer)["jobs"] == []


def test_nobody_writes_our_own_metadata(customer):
    made = make(customer, metadata={"requeue_count": 9, "last_requeued_by": "platform", "mine": 1})
    assert made["source_metadata"] == {"mine": 1}


# ---- whose workspace ----

def test_a_key_takes_in_where_it_reaches(tree):
    for key in tree.keys.values():
        by_body = make(key, workspace_id=tree.one.workspace)
        by_header = make(key, **{"external_id": name("x")}) if key is tree.one else None
        assert by_body["workspace_id"] == tree.one.workspace
        assert by_header is None or by_header["workspace_id"] == tree.one.workspace
    partner = tree.keys["partner"]
    answer = partner.post("/api/v1/jobs", {"external_id": name("x"), "transcript": TEXT},
                          headers={"X-Workspace-Id": tree.three.workspace})
    assert answer.status_code == 201 and answer.json()["workspace_id"] == tree.three.workspace
    body = {"external_id": name("x"), "transcript": TEXT}
    assert detail(partner.post("/api/v1/jobs", body), 400).startswith("This key is above a workspace")
    body["workspace_id"] = tree.one.workspace
    assert detail(partner.post("/api/v1/jobs", body,
                               headers={"X-Workspace-Id": tree.three.workspace}), 400) == (
        "workspace_id is another than the request's own (X-Workspace-Id, ?workspace_id=)")


@pytest.mark.parametrize("scope, where", [
    ("workspace", "two"), ("organization", "three"), ("partner", "foreign")])
def test_beyond_its_reach_a_key_takes_nothing_in_and_sees_nothing(tree, scope, where):
    key, place = tree.keys[scope], getattr(tree, where)
    external = name("x")
    for workspace in (place.workspace, "nobody-here", "?!"):
        body = {"workspace_id": workspace, "external_id": external, "transcript": TEXT}
        assert detail(key.post("/api/v1/jobs", body), 403) == "No access to this workspace"
        assert detail(key.get(f"/api/v1/jobs?workspace_id={workspace}"), 403) == (
            "No access to this workspace")
        assert detail(key.post("/api/v1/jobs/requeue", {"workspace_id": workspace,
                                                        "status": "failed"}), 403) == (
            "No access to this workspace")
    assert listed(place, f"?external_id={external}") == []


def test_without_a_good_key_nothing_is_told(stack, customer):
    stranger, wrong = stack.with_key(None), stack.with_key("ohk_" + "x" * 38)
    made = make(customer)["job_id"]
    for path, method in [("", "GET"), ("", "POST"), ("/requeue", "POST"), (f"/{made}", "GET"),
                         ("/none", "GET"), (f"/{made}/logs", "GET"), (f"/{made}/status", "PATCH"),
                         ("?limit=0", "GET")]:
        for client, says in ((stranger, "missing API key"), (wrong, "invalid API key")):
            answer = client.request(method, "/api/v1/jobs" + path,
                                    json=None if method == "GET" else {"status": "nonsense"})
            assert detail(answer, 401) == says and answer.headers["WWW-Authenticate"]


# ---- one job ----

@pytest.mark.parametrize("job_id", ["0", "-1", "99999999999999999", "99999999999999999999", "none",
                                    "1e3", "%20", "01", "requeue"])
def test_an_unknown_job_is_not_found(customer, job_id):
    for answer in (customer.get(f"/api/v1/jobs/{job_id}"),
                   customer.get(f"/api/v1/jobs/{job_id}/logs"), patch(customer, job_id)):
        assert detail(answer, 404) == "Job not found"


def test_a_foreign_job_is_forbidden(tree):
    made = make(tree.foreign)["job_id"]
    for scope in ("workspace", "organization", "partner"):
        key = tree.keys[scope]
        for answer in (key.get(f"/api/v1/jobs/{made}"), key.get(f"/api/v1/jobs/{made}/logs"),
                       patch(key, made)):
            assert detail(answer, 403) == "No access to job's workspace"
    assert job(tree.keys["platform"], made)["workspace_id"] == tree.foreign.workspace


def test_who_acts_in_one_workspace_sees_no_other(tree):
    made = make(tree.two)["job_id"]
    partner = tree.keys["partner"]
    assert partner.get(f"/api/v1/jobs/{made}",
                       headers={"X-Workspace-Id": tree.two.workspace}).status_code == 200
    for workspace in (tree.one.workspace, tree.foreign.workspace, "none"):
        assert partner.get(f"/api/v1/jobs/{made}",
                           headers={"X-Workspace-Id": workspace}).status_code == 403


def test_a_job_tells_how_it_came_where_it_is(customer):
    made = skipped(customer, external_id="short")
    assert made["skipped_reason"] == "duration_below_minimum:5<30"
    assert [(h["status"], h["previous"], h["reason"]) for h in made["history"]] == [
        ("queued", None, None), ("skipped", "queued", "duration_below_minimum:5<30")]
    at = [h["at"] for h in made["history"]]
    assert at == sorted(at) and all(re.fullmatch(TIME, one) for one in at)


def test_the_log_is_read_page_by_page(customer):
    made = skipped(customer)["job_id"]
    whole = customer.get(f"/api/v1/jobs/{made}/logs").json()
    assert whole["next_cursor"] is None
    assert [(line["level"], line["status"], line["message"]) for line in whole["logs"]] == [
        ("info", "queued", "Queued."), ("info", "skipped", "duration_below_minimum:5<30")]
    first = customer.get(f"/api/v1/jobs/{made}/logs?limit=1").json()
    assert first["logs"] == whole["logs"][:1]
    second = customer.get(f"/api/v1/jobs/{made}/logs?limit=1&cursor={first['next_cursor']}").json()
    assert second == {"logs": whole["logs"][1:], "next_cursor": None}
    assert customer.get(f"/api/v1/jobs/{made}/logs?cursor=9{first['next_cursor']}").json() == {
        "logs": [], "next_cursor": None}
    for wrong in ("cursor=x", "cursor=-1", "cursor=", "limit=0", "limit=1001"):
        assert customer.get(f"/api/v1/jobs/{made}/logs?{wrong}").status_code == 400


# ---- lists ----

def test_a_list_is_newest_first_and_has_pages(customer):
    names = [f"n{i}" for i in range(5)]
    for one in names:
        make(customer, external_id=one)
    assert listed(customer) == names[::-1]
    first = page(customer, "?limit=2")
    assert set(first["jobs"][0]) == FIELDS
    make(customer, external_id="new")  # what comes meanwhile moves nothing
    second = page(customer, f"?limit=2&cursor={first['next_cursor']}")
    third = page(customer, f"?limit=2&cursor={second['next_cursor']}")
    assert [j["external_id"] for p in (first, second, third) for j in p["jobs"]] == names[::-1]
    assert third["next_cursor"] is None
    assert page(customer, "?limit=6")["next_cursor"] is None


def test_a_list_is_filtered(customer):
    short = skipped(customer, external_id="short")
    make(customer, external_id="plain", transcript="A: b")
    failed(customer, "mail", "bad")
    customer.stack.sql("SELECT fn.job_ingest(%s, 'callrail', 'rail', 60, NULL, NULL, '{}', 'rate_limit')",
                       customer.workspace)
    for query, want in [
            ("status=skipped", ["rail", "short"]), ("status=failed", ["bad"]),
            ("source=callrail", ["rail"]), ("source=offhook", []),
            ("status=skipped&source=api", ["short"]),
            ("skipped_reason=duration_below_minimum", ["short"]),
            ("skipped_reason=duration_below_minimum:5%3C30", ["short"]),
            ("skipped_reason=duration_below_minimum:4%3C30", []), ("skipped_reason=rate_limit", ["rail"]),
            ("failure=mail", ["bad"]), ("failure=model", []), ("external_id=plain", ["plain"]),
            ("external_id=none", []), ("call_id=call_none", []),
            (f"since={short['created_at']}", ["rail", "bad", "plain", "short"]),
            (f"until={short['created_at']}", []), ("since=2100-01-01T00:00:00Z", []),
            ("until=2100-01-01T00:00:00%2B02:00&limit=1", ["rail"])]:
        assert listed(customer, "?" + query) == want, query


def test_a_call_of_ours_is_found_by_its_id(customer):
    call_id = customer.start()
    customer.ended(call_id)
    customer.stack.sql("SELECT fn.job_process(%s, %s, 'workspace')", customer.workspace, call_id)
    found = page(customer, f"?call_id={call_id}")["jobs"]
    assert [(j["call_id"], j["external_id"], j["source"]) for j in found] == [
        (call_id, None, "offhook")]


@pytest.mark.parametrize("query", [
    "status=done", "status=", "source=crm", "limit=0", "limit=201", "limit=x", "since=yesterday",
    "until=2026-11-20", "cursor=", "cursor=x", "cursor=1", "cursor=1.", "cursor=.1", "cursor=1.0",
    "cursor=-1.1", "cursor=1.1.1", "cursor=9999999999999999999.1", "cursor=1.99999999999999999999",
    "cursor=1%201.1"])
def test_a_wrong_query_is_refused(customer, query):
    says = detail(customer.get("/api/v1/jobs?" + query), 400)
    assert says.startswith(query.partition("=")[0] + ":")


def test_a_key_sees_the_jobs_of_all_that_it_reaches(stack):
    tree = Tree(stack)
    for place in ("one", "foreign", "two", "three", "one"):
        make(getattr(tree, place), external_id=f"{place}-{next(serial)}")

    def seen(key, query=""):
        return [one.partition("-")[0] for one in listed(key, query)]

    assert seen(tree.keys["workspace"]) == ["one", "one"]
    assert seen(tree.keys["organization"]) == ["one", "two", "one"]
    assert seen(tree.keys["partner"]) == ["one", "three", "two", "one"]
    assert seen(tree.keys["platform"], "?limit=5") == ["one", "three", "two", "foreign", "one"]
    assert seen(tree.keys["partner"], f"?workspace_id={tree.two.workspace}") == ["two"]
    assert seen(tree.keys["workspace"], f"?workspace_id={tree.one.workspace}") == ["one", "one"]
    first = page(tree.keys["partner"], "?limit=2")
    rest = page(tree.keys["partner"], f"?limit=2&cursor={first['next_cursor']}")
    assert [j["external_id"].partition("-")[0] for j in rest["jobs"]] == ["two", "one"]
    assert rest["next_cursor"] is None


# ---- requeueing one ----

def test_a_skipped_job_is_requeued_to_the_letter(customer):
    made = skipped(customer, metadata={"mine": 1})
    was = job(customer, made["job_id"])["history"][-1]["at"]
    answer = patch(customer, made["job_id"])
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"job_id": made["job_id"], "previous_status": "skipped",
                             "new_status": "queued", "message": REQUEUED.format(1)}
    metadata = job(customer, made["job_id"])["source_metadata"]
    assert re.fullmatch(TIME, metadata["last_requeued_at"])
    assert metadata == {
        "mine": 1, "requeue_count": 1, "last_requeued_at": metadata["last_requeued_at"],
        "last_requeued_by": "workspace", "previous_skipped_reason": "duration_below_minimum:5<30",
        "previous_skipped_at": metadata["previous_skipped_at"]}
    assert abs(int(was[-4:-1]) - int(metadata["previous_skipped_at"][-4:-1])) % 1000 in (0, 1, 999)
    # Nobody has changed the filter: it is skipped again, and counted when it is requeued again.
    again = settle(customer, made["job_id"], "skipped")
    assert again["skipped_reason"] == "duration_below_minimum:5<30"
    assert patch(customer, made["job_id"]).json()["message"] == REQUEUED.format(2)
    settle(customer, made["job_id"], "skipped")
    answer = customer.request("PATCH", f"/api/v1/config/workspace/{customer.workspace}",
                              json={"processing": {"filters": {"min_duration_seconds": 5}}})
    assert answer.status_code == 200, answer.text
    assert patch(customer, made["job_id"]).json()["message"] == REQUEUED.format(3)
    passed = eventually(lambda: job(customer, made["job_id"])["history"][7:])
    assert passed[0]["status"] == "transcribing"


@pytest.mark.parametrize("scope", ["workspace", "organization", "partner", "platform"])
def test_each_scope_may_and_is_remembered(tree, scope):
    made = skipped(tree.one)["job_id"]
    assert patch(tree.keys[scope], made).status_code == 200
    assert job(tree.one, made)["source_metadata"]["last_requeued_by"] == scope


def test_the_bootstrap_key_is_the_platforms(stack):
    stack.stop("api")
    stack.environment["OFFHOOK_BOOTSTRAP_ADMIN_API_KEY"] = "a key of 16 and more"
    stack.up()
    client = stack.customer()
    made = skipped(client)["job_id"]
    assert patch(stack.with_key("a key of 16 and more"), made).status_code == 200
    assert job(client, made)["source_metadata"]["last_requeued_by"] == "platform"


@pytest.mark.parametrize("body, says", [
    ({"status": "completed"}, 'Invalid status: only "queued" is supported'),
    ({"status": "Queued"}, 'Invalid status: only "queued" is supported'),
    ({"status": ""}, 'Invalid status: only "queued" is supported'),
    ({"status": None}, "status: Input should be a valid string"),
    ({}, "status: Field required"), ([], "body: Input should be a valid dictionary")],
    ids=["completed", "case", "blank", "null", "none", "array"])
def test_only_queued_is_supported(customer, body, says):
    made = skipped(customer)["job_id"]
    assert detail(patch(customer, made, body), 400).startswith(says)
    assert job(customer, made)["status"] == "skipped"


def test_what_is_not_skipped_is_not_requeued(customer):
    bad = failed(customer)
    assert detail(patch(customer, bad), 400) == CANNOT + '"failed"'
    empty = make(customer, transcript="A: b", duration_seconds=60)["job_id"]
    done = settle(customer, empty, "completed")
    assert done["result"] == {"empty": True} and done["summary"] is None
    assert detail(patch(customer, empty), 400) == CANNOT + '"completed"'
    assert job(customer, empty)["source_metadata"] == {}


def test_of_many_requeues_at_once_one_wins(customer):
    made = skipped(customer)["job_id"]
    # Whoever comes so late that the job is skipped again finds this a filter that lets it pass.
    customer.request("PATCH", f"/api/v1/config/workspace/{customer.workspace}",
                     json={"processing": {"filters": {"min_duration_seconds": 5}}})
    answers = together(8, lambda i: patch(customer.twin(), made))
    assert sorted(a.status_code for a in answers) == [200] + [400] * 7
    assert job(customer, made)["source_metadata"]["requeue_count"] == 1


# ---- requeueing many ----

def test_many_are_requeued_after_a_dry_run(customer):
    ids = [skipped(customer)["job_id"] for _ in range(3)][::-1]
    make(customer, external_id="other")
    dry = requeue(customer, status="skipped")
    assert dry == {"dry_run": True, "matched": 3, "requeued": 0, "more": False, "job_ids": ids}
    assert len(listed(customer, "?status=skipped")) == 3
    assert requeue(customer, status="skipped", limit=2)["more"] is True
    done = requeue(customer, status="skipped", dry_run=False, limit=2,
                   skipped_reason="duration_below_minimum")
    assert done == {"dry_run": False, "matched": 3, "requeued": 2, "more": True, "job_ids": ids[:2]}
    for one, count in zip(ids, (1, 1, 0)):
        metadata = job(customer, one)["source_metadata"]
        assert metadata.get("requeue_count", 0) == count


def test_failed_ones_are_requeued_by_their_reason(customer):
    model, mail = failed(customer, "model"), failed(customer, "mail")
    done = requeue(customer, status="failed", failure="model", dry_run=False)
    assert (done["requeued"], done["job_ids"]) == (1, [model])
    assert job(customer, mail)["status"] == "failed"
    assert job(customer, model)["source_metadata"]["previous_error"] == "It is away."


def test_a_key_requeues_in_all_that_it_reaches(stack):
    tree = Tree(stack)
    mine, other, foreign = failed(tree.one), failed(tree.three), failed(tree.foreign)
    partner = tree.keys["partner"]
    assert requeue(partner, status="failed", workspace_id=tree.two.workspace)["matched"] == 0
    assert requeue(partner, status="failed")["job_ids"] == [other, mine]
    done = requeue(partner, status="failed", workspace_id=tree.three.workspace, dry_run=False)
    assert done["job_ids"] == [other]
    assert requeue(partner, status="failed", dry_run=False)["job_ids"] == [mine]
    assert job(tree.foreign, foreign)["status"] == "failed"


def test_of_two_at_once_each_job_is_requeued_once(customer):
    ids = {failed(customer) for _ in range(30)}
    done = together(3, lambda i: requeue(customer.twin(), status="failed", dry_run=False))
    taken = [one for answer in done for one in answer["job_ids"]]
    assert len(taken) == len(set(taken))
    rest = requeue(customer, status="failed", dry_run=False)
    assert set(taken + rest["job_ids"]) == ids
    assert {job(customer, one)["source_metadata"]["requeue_count"] for one in ids} == {1}


@pytest.mark.parametrize("body, says", [
    ({}, "status: Field required"),
    ({"status": "queued"}, "status: Input should be 'skipped' or 'failed'"),
    ({"status": "completed"}, "status: Input should be 'skipped' or 'failed'"),
    ({"status": "skipped", "limit": 1001}, "limit: Input should be less than or equal to 1000"),
    ({"status": "skipped", "dry_run": "no"}, "dry_run: Input should be a valid boolean"),
    ({"status": "skipped", "skip_reason": "x"}, "skip_reason: there is no such filter"),
    ({"status": "skipped", "x" * 70: "x"}, "there is no filter of that name"),
    ({"status": "skipped", "since": "x"}, "since: Input should be a valid datetime"),
], ids=["none", "queued", "completed", "limit", "dry", "unknown", "long", "since"])
def test_a_wrong_filter_requeues_nothing(customer, body, says):
    made = failed(customer)
    assert requeue(customer, 400, **body)["detail"].startswith(says)
    assert job(customer, made)["status"] == "failed"


# ---- the seed's own programs ----

def test_the_seeds_bulk_example_runs(customer):
    """Lists with a bearer key, and requeues each by its number."""
    for _ in range(2):
        skipped(customer)
    bearer = customer.stack.with_key(None, Authorization=f"Bearer {customer.key}")
    jobs = bearer.get("/api/v1/jobs", params={"status": "skipped",
                                              "workspace_id": customer.workspace}).json()["jobs"]
    results = [patch(bearer, int(one["job_id"])).json() for one in jobs]
    assert [(r["job_id"], r["message"]) for r in results] == [
        (one["job_id"], REQUEUED.format(1)) for one in jobs]
