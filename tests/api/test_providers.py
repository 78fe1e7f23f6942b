"""Negotiation jobs and the calls to their providers (seed 004): the routes to the letter, the built-in
call backend, and an external one."""

import re
import uuid

import backend as backend_kit
import pytest
from apikit import Client, eventually, number, together

NOBODY = "550e8400-e29b-41d4-a716-446655440000"
NO_JOB = {"detail": f"Job not found: {NOBODY}"}
PRICE = " must be a number from 0 to 9999999999.99 with at most two decimals"


def provider(phone=None, name="Mike's Plumbing", price=150.0):
    return {"name": name, "phone": phone or number(), "estimated_price": price}


def make(client, *providers, **more):
    answer = client.post("/api/jobs", {"description": "Repair a sink", "location": "San Jose",
                                       "providers": list(providers), **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["job_id"]


def start(client, job_id, count, **arguments):
    answer = client.post(f"/api/start-calls/{job_id}", **arguments)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"status": "started", "provider_count": count,
                             "message": f"Started calls for {count} providers"}
    return answer


def status(client, job_id):
    answer = client.get(f"/api/providers/{job_id}/status")
    assert answer.status_code == 200, answer.text
    return answer.json()


def over(client, job_id, seconds=40):
    def look():
        now = status(client, job_id)
        return all(p["call_status"] in ("completed", "failed") for p in now) and now
    return eventually(look, seconds)


def says(client, phone, *words):
    client.stack.rule(phone, ring_ms=20, say=list(words))


def detail(answer, code):
    assert answer.status_code == code, answer.text
    return answer.json()["detail"]


# ---- jobs ----

def test_a_job_is_made_and_read_with_its_prices_as_they_were_written(customer):
    body = ('{"description": "Repair a sink", "max_price": 0.1, "providers": ['
            '{"name": "A", "phone": "%s", "estimated_price": 150},'
            '{"name": "B", "phone": "%s", "estimated_price": 135.50},'
            '{"name": "C", "phone": "%s", "estimated_price": 99.99},'
            '{"name": "D", "phone": "%s", "estimated_price": 9999999999.99},'
            '{"name": "E", "phone": "%s", "estimated_price": 1.5e2},'
            '{"name": "F", "phone": "%s"}]}' % tuple(number() for _ in range(6)))
    answer = customer.post("/api/jobs", data=body)
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert str(uuid.UUID(job["job_id"])) == job["job_id"]
    assert re.findall(r'"estimated_price" : ([^,]*)', answer.text) == [
        "150.0", "135.5", "99.99", "9999999999.99", "150.0", "null"]
    assert '"max_price" : 0.1,' in answer.text
    assert job["location"] is None and job["created_at"].endswith("Z")
    one = job["providers"][0]
    assert one == {"id": one["id"], "job_id": job["job_id"], "name": "A", "phone": one["phone"],
                   "estimated_price": 150.0, "negotiated_price": None, "price_evidence": None,
                   "call_status": "pending", "call_id": None}
    ids = [p["id"] for p in job["providers"]]
    assert ids == sorted(ids) and all(type(i) is int for i in ids)
    assert customer.get(f"/api/jobs/{job['job_id']}").json() == job


def test_the_routes_of_providers_have_the_fields_of_the_seed(customer):
    one, two = number(), number()
    job_id = make(customer, provider(one), provider(two, "Bay Area Plumbers", 200.0))
    everything = customer.get("/api/providers").json()
    first = everything[0]["id"]
    assert everything == [
        {"id": first, "job_id": job_id, "name": "Mike's Plumbing", "phone": one},
        {"id": first + 1, "job_id": job_id, "name": "Bay Area Plumbers", "phone": two}]
    assert customer.get("/api/providers?limit=1").json() == everything[:1]
    assert customer.get(f"/api/providers?after={first}").json() == everything[1:]
    listed = customer.get(f"/api/providers/{job_id}").json()
    assert listed == [
        {**everything[0], "estimated_price": 150.0, "negotiated_price": None,
         "call_status": "pending"},
        {**everything[1], "estimated_price": 200.0, "negotiated_price": None,
         "call_status": "pending"}]
    assert status(customer, job_id) == [{**p, "call_transcript": None} for p in listed]


@pytest.mark.parametrize("body, says", [
    (b"", "body: Field required"),
    (b"{", "body: JSON decode error"),
    (b"[]", "body: Input should be a valid dictionary or object to extract fields from"),
    ({}, "description: Field required"),
    ({"description": 1}, "description: Input should be a valid string"),
    ({"description": " "}, "description must not be blank"),
    ({"description": "x" * 2001}, "description: String should have at most 2000 characters"),
    ({"description": "x", "max_price": "1"}, "max_price: Input should be a valid number"),
    ({"description": "x", "max_price": 0}, "max_price must be above 0"),
    ({"description": "x", "max_price": -1}, "max_price" + PRICE),
    ({"description": "x", "providers": {}}, "providers: Input should be a valid list"),
    ({"description": "x", "providers": [1]}, "providers[0].body: Input should be a valid dictionary"
     " or object to extract fields from"),
    ({"description": "x", "providers": [{"name": "A"}]}, "providers[0].phone: Field required"),
    ({"description": "x", "providers": [provider("+12025550143"), provider("(408) 5")]},
     "providers[1].phone is not a phone number: (408) 5"),
    ({"description": "x", "providers": [provider("none")]},
     "providers[0].phone is not a phone number: none"),
    ({"description": "x", "providers": [provider("+12025550143", price="150")]},
     "providers[0].estimated_price: Input should be a valid number"),
    ({"description": "x", "providers": [provider("+12025550143", price=-0.01)]},
     "providers[0].estimated_price" + PRICE),
    ({"description": "x", "providers": [provider("+12025550143"),
                                        provider("+12025550143", price=1.005)]},
     "providers[1].estimated_price" + PRICE),
    ({"description": "x", "providers": [provider("+12025550143", price=1e10)]},
     "providers[0].estimated_price" + PRICE),
    ({"description": "x", "providers": [provider("+12025550143", price=1e-300)]},
     "providers[0].estimated_price" + PRICE),
])
def test_a_wrong_body_is_told_in_a_sentence(customer, body, says):
    answer = customer.post("/api/jobs", body) if isinstance(body, (dict, list)) \
        else customer.post("/api/jobs", data=body)
    said = detail(answer, 400)
    assert said == says or ("phone number" in says and said.startswith(says + " (")), said
    assert customer.get("/api/providers").json() == []


def test_national_numbers_are_those_of_the_workspaces_region(stack):
    for region, given, dialed in ((None, "(408) 555-1234", "+14085551234"),
                                  ("GB", "020 7946 0018", "+442079460018"),
                                  ("GB", "+1 408 555 1235", "+14085551235")):
        client = stack.customer()
        if region:
            stack.offhook("settings", "set", "workspace", client.workspace,
                          "calling.default_region", f'"{region}"')
        stack.rule(dialed, outcome="busy", ring_ms=20)
        job_id = make(client, provider(given))
        assert status(client, job_id)[0]["phone"] == given
        start(client, job_id, 1)
        assert client.get("/calls").json()[0]["target_phone"] == dialed
        over(client, job_id)


def test_what_is_not_there_is_told_in_the_words_of_the_seed(customer):
    for path in ("/api/jobs/", "/api/providers/"):
        answer = customer.get(path + NOBODY)
        assert answer.status_code == 404 and answer.json() == NO_JOB
    assert customer.get(f"/api/providers/{NOBODY}/status").json() == NO_JOB
    answer = customer.post(f"/api/start-calls/{NOBODY}")
    assert answer.status_code == 404 and answer.json() == NO_JOB
    assert customer.get("/api/providers/1").json() == {"detail": "Job not found: 1"}
    empty = make(customer)
    assert customer.get(f"/api/providers/{empty}").json() == []
    answer = customer.post(f"/api/start-calls/{empty}")
    assert answer.status_code == 404
    assert answer.json() == {"detail": f"No providers found for job: {empty}"}


def test_everything_is_its_own_workspaces(customer, stack):
    other = stack.customer()
    job_id = make(customer, provider())
    gone = {"detail": f"Job not found: {job_id}"}
    assert other.get("/api/providers").json() == []
    for path in (f"/api/jobs/{job_id}", f"/api/providers/{job_id}",
                 f"/api/providers/{job_id}/status"):
        answer = other.get(path)
        assert answer.status_code == 404 and answer.json() == gone
    answer = other.post(f"/api/start-calls/{job_id}")
    assert answer.status_code == 404 and answer.json() == gone
    one = customer.get("/api/providers").json()[0]["id"]
    answer = other.request("PATCH", f"/api/providers/{job_id}/{one}", json={})
    assert detail(answer, 404) == f"Provider not found: {one}"
    nobody = Client(stack)
    for method, path in (("POST", "/api/jobs"), ("GET", f"/api/jobs/{job_id}"),
                         ("GET", "/api/providers"), ("POST", f"/api/start-calls/{job_id}"),
                         ("PATCH", f"/api/providers/{job_id}/{one}"), ("POST", "/start-job/1")):
        answer = nobody.request(method, path, json={})
        assert detail(answer, 401) == "missing API key"
    assert status(customer, job_id)[0]["call_status"] == "pending"


# ---- the built-in backend ----

def test_prices_are_negotiated_and_proved(customer):
    a, b, c, d = (number() for _ in range(4))
    e = number("0001")
    says(customer, a, "It costs 150 dollars.", "Fine, I can do 135.50 dollars.")
    says(customer, b, "That would be 180 dollars.", "No, that is my final price.")
    says(customer, c, "One hundred and sixty dollars.", "Yes, no problem.")
    says(customer, d, "Well, I have to think about it.", "I really do not know yet, maybe.")
    job_id = make(customer, provider(a), provider(b), provider(c, price=140), provider(d),
                  provider(e))
    start(customer, job_id, 5)
    done = over(customer, job_id)
    assert [p["call_status"] for p in done] == ["completed"] * 4 + ["failed"]
    assert [p["negotiated_price"] for p in done] == [135.5, 180.0, 140.0, None, None]
    job = customer.get(f"/api/jobs/{job_id}").json()
    assert [p["price_evidence"] for p in job["providers"]] == [
        "Fine, I can do 135.50 dollars.", "That would be 180 dollars.",
        "Asked whether it could be done for 140: Yes, no problem.", None, None]
    lines = done[0]["call_transcript"].split("\n")
    assert all(re.match("(Agent|Provider): .", line) for line in lines)
    assert "Repair a sink" in lines[0] and "San Jose" in lines[0]
    assert lines[1] == "Provider: It costs 150 dollars."
    assert done[4]["call_transcript"] is None
    calls = [customer.call(p["call_id"]) for p in job["providers"]]
    assert len({call["task_id"] for call in calls}) == 1
    assert calls[0]["outcome_type"] == "success_no_booking"
    assert customer.get("/v1/booking/bookings").json() == []
    assert customer.usage() == 4  # the busy one is released


def test_no_price_above_the_limit_is_agreed_to(customer):
    phone = number()
    says(customer, phone, "It costs 150 dollars.", "150 dollars, not less.")
    job_id = make(customer, provider(phone), max_price=120)
    start(customer, job_id, 1)
    done = over(customer, job_id)[0]
    assert done["call_status"] == "completed" and done["negotiated_price"] is None
    assert "150" in done["call_transcript"]


def test_a_callee_who_names_no_price_leaves_none(customer):
    job_id = make(customer, provider())
    start(customer, job_id, 1)
    done = over(customer, job_id)[0]
    assert done["call_status"] == "completed" and done["negotiated_price"] is None
    assert done["call_transcript"].count("Provider: ") >= 2


def test_the_transcript_and_the_price_grow_while_the_call_goes_on(customer):
    phone = number()
    customer.stack.rule(phone, ring_ms=20, talk_ms=3000,
                        say=["It costs 150 dollars.", "Then 140 dollars."])
    job_id = make(customer, provider(phone))
    assert status(customer, job_id)[0]["call_transcript"] is None
    start(customer, job_id, 1)
    seen = []

    def look():
        now = status(customer, job_id)[0]
        if (now["call_status"], now["call_transcript"], now["negotiated_price"]) not in seen:
            seen.append((now["call_status"], now["call_transcript"], now["negotiated_price"]))
        return now["call_status"] == "completed"
    eventually(look, 30)
    texts = [text for _, text, _ in seen if text is not None]
    assert len(set(texts)) > 2
    assert all(texts[i + 1].startswith(texts[i]) for i in range(len(texts) - 1))
    assert any(state == "in_progress" and price == 150.0 for state, _, price in seen), seen
    assert seen[-1][2] == 140.0


def test_starting_twice_does_not_call_twice(customer):
    phones = [number(), number("0003")]
    customer.stack.rule(phones[0], ring_ms=800)
    job_id = make(customer, *map(provider, phones))
    twins = [customer.twin() for _ in range(6)]
    counts = together(6, lambda i: twins[i].post(f"/api/start-calls/{job_id}").json()["provider_count"])
    assert sorted(counts) == [0, 0, 0, 0, 0, 2]
    start(customer, job_id, 0)  # also when one has failed, as long as another is called
    over(customer, job_id)
    start(customer, job_id, 1)  # the one that came to nothing
    over(customer, job_id)
    dialed = [call["to"] for call in customer.stack.get_sim("/sim/calls")]
    assert dialed.count(phones[0]) == 1
    assert len(customer.get("/calls").json()) == 3


def test_an_idempotency_key_answers_the_first_answer_again(customer):
    job_id = make(customer, provider(number("0003")))
    first = start(customer, job_id, 1, headers={"Idempotency-Key": "k"})
    over(customer, job_id)
    again = start(customer, job_id, 1, headers={"Idempotency-Key": "k"})
    assert again.text == first.text and again.headers["Idempotent-Replayed"] == "true"
    assert len(customer.get("/calls").json()) == 1


def test_without_credits_for_all_nobody_is_called(stack):
    client = stack.customer(quota=2)
    job_id = make(client, provider(), provider(), provider())
    assert "credits" in detail(client.post(f"/api/start-calls/{job_id}"), 402)
    assert client.get("/calls").json() == [] and client.usage() == 0
    assert [p["call_status"] for p in status(client, job_id)] == ["pending"] * 3
    small = make(client, provider(), provider())
    start(client, small, 2)
    over(client, small)


def test_nobody_reports_on_our_own_call(customer):
    job_id = make(customer, provider())
    one = status(customer, job_id)[0]["id"]
    start(customer, job_id, 1)
    answer = customer.request("PATCH", f"/api/providers/{job_id}/{one}",
                              json={"negotiated_price": 1})
    assert answer.status_code == 409
    assert over(customer, job_id)[0]["negotiated_price"] is None


def test_the_skill_can_be_run_by_itself(customer):
    phone = number()
    says(customer, phone, "It costs 95 dollars.", "90 dollars.")
    answer = customer.post("/skills/negotiation/run", {
        "target_phone": phone, "job": "Repair a sink", "estimated_price": "100.00"})
    assert answer.status_code == 202, answer.text
    call = customer.ended(answer.json()["call_id"])
    assert call["outcome_summary"] == "The price is 90.00."


# ---- an external backend ----

@pytest.fixture
def asker(backend_stack, backend):
    backend.asked.clear()
    backend.told.clear()
    backend.answers.clear()
    backend.wait = 0
    return backend_stack.customer()


def report(client, job_id, provider_id, **said):
    return client.request("PATCH", f"/api/providers/{job_id}/{provider_id}", json=said)


def test_an_external_backend_is_sent_the_job_and_reports(asker, backend, backend_stack):
    phone = number()
    job_id = make(asker, provider(phone), provider(price=None), max_price=170)
    start(asker, job_id, 2)
    (path, headers, sent), = backend.asked
    assert path == f"/start-job/{job_id}"
    assert headers["X-API-Key"] == backend_kit.KEY and headers["Idempotency-Key"]
    assert headers["Content-Type"] == "application/json"
    ids = [p["id"] for p in status(asker, job_id)]
    assert sent["update_url"] == f"{backend_stack.url}/api/providers/{job_id}"
    assert sent["job"] == {"job_id": job_id, "description": "Repair a sink",
                           "location": "San Jose", "max_price": 170.0}
    assert [p["id"] for p in sent["providers"]] == ids
    assert sent["providers"][0] == {"id": ids[0], "job_id": job_id, "name": "Mike's Plumbing",
                                    "phone": phone, "phone_e164": phone,
                                    "estimated_price": 150.0}
    assert asker.get("/calls").json() == [] and asker.usage() == 0
    start(asker, job_id, 0)
    assert len(backend.asked) == 1

    by_key = Client(backend_stack, backend_kit.KEY)
    answer = report(by_key, job_id, ids[0], call_status="in_progress",
                    call_transcript="Agent: Hello.")
    assert answer.status_code == 200, answer.text
    now = status(asker, job_id)[0]
    assert (now["call_status"], now["call_transcript"]) == ("in_progress", "Agent: Hello.")
    answer = report(asker, job_id, ids[0], call_status="completed", negotiated_price=135.0)
    assert answer.json() == status(asker, job_id)[0]
    late = report(by_key, job_id, ids[0], call_status="in_progress", negotiated_price=1)
    assert late.status_code == 200
    now = status(asker, job_id)[0]
    assert (now["call_status"], now["negotiated_price"]) == ("completed", 135.0)
    assert now["call_transcript"] == "Agent: Hello."

    assert detail(report(by_key, job_id, ids[1], negotiated_price=1.001), 400) \
        == "negotiated_price" + PRICE
    assert "negotiated_price" in detail(report(by_key, job_id, ids[1], negotiated_price="1"), 400)
    assert "call_status" in detail(report(by_key, job_id, ids[1], call_status="done"), 400)
    assert detail(report(by_key, NOBODY, ids[1]), 404) == f"Provider not found: {ids[1]}"
    assert detail(report(by_key, job_id, "x"), 404) == "Provider not found: x"
    assert Client(backend_stack, backend_kit.KEY).get("/api/providers").status_code == 401
    report(by_key, job_id, ids[1], call_status="failed")
    start(asker, job_id, 1)  # the one that came to nothing, once none is under way
    assert [p["id"] for p in backend.asked[-1][2]["providers"]] == [ids[1]]
    assert status(asker, job_id)[1]["call_status"] == "pending"


def test_a_backend_that_fails_is_told_in_the_words_of_the_seed(asker, backend):
    job_id = make(asker, provider())
    backend.answers = [500]
    assert detail(asker.post(f"/api/start-calls/{job_id}"), 503) \
        == "Call backend service unavailable: HTTP 500"
    assert len(backend.asked) == 1  # it may have acted: asked again only when the client does
    start(asker, job_id, 1)
    assert len(backend.asked) == 2
    assert len({headers["Idempotency-Key"] for _, headers, _ in backend.asked}) == 1


def test_a_backend_that_does_not_answer_in_time(asker, backend):
    job_id = make(asker, provider())
    backend.wait = 12
    twin = asker.twin()
    answers = together(2, lambda i: [asker, twin][i].post(f"/api/start-calls/{job_id}"))
    assert sorted(a.status_code for a in answers) == [200, 503]
    for answer in answers:
        assert answer.json() == {"detail": "Call backend service unavailable: Timeout"} \
            or answer.json()["provider_count"] == 0
    assert len(backend.asked) == 1
    assert status(asker, job_id)[0]["call_status"] == "pending"


def test_a_backend_where_nobody_listens(asker, backend):
    job_id = make(asker, provider())
    backend.close()
    try:
        assert detail(asker.post(f"/api/start-calls/{job_id}"), 503) \
            == "Call backend service unavailable: Connection refused"
    finally:
        backend.open()
    assert backend.asked == []
    start(asker, job_id, 1)


# ---- being one ----

def sent_job(backend, *providers, path="/jobs/7", **more):
    return {"job": {"job_id": "7", "description": "Repair a sink", "location": None,
                    "max_price": 200.5, **more},
            "providers": [{"id": 70 + i, "job_id": "7", **p} for i, p in enumerate(providers)],
            "update_url": backend.url + path}


def test_the_calls_of_somebody_elses_job_are_placed_and_reported(asker, backend):
    one, two = number(), number("0001")
    says(asker, one, "It costs 150.50 dollars.", "No, that is my final price.")
    body = sent_job(backend, provider(one), provider(two))
    backend.answers = [500]  # a report that is lost is made good
    answer = asker.post("/start-job/7", body, headers={"Idempotency-Key": "k"})
    assert answer.json() == {"status": "started", "message": "Started calls for 2 providers",
                             "provider_count": 2}
    again = asker.post("/start-job/7", body, headers={"Idempotency-Key": "k"})
    assert again.text == answer.text
    assert asker.post("/start-job/7", body).json()["provider_count"] == 0

    def told(provider_id):
        return [said for path, _, said in backend.told if path == f"/jobs/7/{provider_id}"]
    eventually(lambda: all(told(i) and told(i)[-1]["call_status"] in ("completed", "failed")
                           for i in (70, 71)), 40)
    last = told(70)[-1]
    assert (last["call_status"], last["negotiated_price"]) == ("completed", 150.5)
    assert last["call_transcript"].startswith("Agent: Hello.")
    assert told(71)[-1] == {"call_status": "failed", "negotiated_price": None,
                            "call_transcript": None}
    assert {path for path, _, _ in backend.told} == {"/jobs/7/70", "/jobs/7/71"}
    assert all("X-API-Key" not in headers for _, headers, _ in backend.told)
    assert backend.asked == []  # these calls are our own, whoever makes those of our own jobs
    assert asker.usage() == 1
    mine = asker.get("/api/providers").json()
    assert [p["phone"] for p in mine] == [one, two]
    more = sent_job(backend, provider(one), provider(two), provider(number("0001")))
    assert asker.post("/start-job/7", more).json()["provider_count"] == 2  # the failed, the new


def test_the_shared_key_goes_only_to_who_has_it(backend_stack, asker, backend):
    backend_stack.sql("INSERT INTO api_keys (api_key_id, key_hash, last_4, scope, scope_id, is_admin)"
                      " VALUES ('shared', sha256(%s::bytea), %s, 'workspace', %s, false)"
                      " ON CONFLICT DO NOTHING",
                      backend_kit.KEY, backend_kit.KEY[-4:], asker.workspace)
    peer = Client(backend_stack, backend_kit.KEY)
    answer = peer.post("/start-job/8", sent_job(backend, provider(number("0001")), path="/jobs/8"))
    assert answer.status_code == 200, answer.text

    def told():
        return [(headers.get("X-API-Key"), said["call_status"])
                for path, headers, said in list(backend.told) if path == "/jobs/8/70"]
    eventually(lambda: any(state == "failed" for _, state in told()), 30)
    assert {key for key, _ in told()} == {backend_kit.KEY}


@pytest.mark.parametrize("change, says", [
    ({"job": None}, "job: Input should be a valid dictionary"),
    ({"job": {}}, "job.description: Field required"),
    ({"providers": []}, "providers: List should have at least 1 item after validation, not 0"),
    ({"providers": [{"name": "A", "phone": "+12025550143"}]}, "providers[0].id: Field required"),
    ({"update_url": "ftp://example.com/"}, "update_url: "),
    ({"update_url": None}, "update_url: Input should be a valid string"),
])
def test_a_wrong_job_of_somebody_else_is_told_in_a_sentence(asker, backend, change, says):
    body = {**sent_job(backend, provider("+12025550143")), **change}
    assert detail(asker.post("/start-job/9", body), 400).startswith(says)
    assert asker.get("/api/providers").json() == []


def test_reports_go_to_the_public_internet_alone(customer, backend):
    body = sent_job(backend, provider())
    assert detail(customer.post("/start-job/9", body), 400).startswith("update_url: ")
