"""Nobody reaches what is another's: every route of the document (which is made from the table of routes), asked by
every kind of stranger for things that exist, is answered to the byte as for things that do not, tells nothing,
and changes nothing."""

import json
import time
import uuid

import pytest
from apikit import Client, eventually, name, number
from receiver import Receiver

PLACES = ("call_id", "booking_id", "task_id", "campaign_id", "job_id", "provider_id", "delivery_id",
          "number", "scope", "id", "skill_id")
LATER = "2096-12-24T12:00:00Z"
# What a request must say to get as far as the thing, or the workspace, that it is about.
CALL = {"to_number": "+12025550123"}
BODIES = {
    ("post", "/calls"): {"target_phone": "+12025550123", "brief": "Hello."},
    ("post", "/calls/{call_id}/answer"): {"answer": "At eight."},
    ("post", "/api/v1/celery/twilio/queue-single-call"): CALL,
    ("post", "/api/v1/celery/twilio/queue-bulk-calls"): {"phone_numbers": ["+12025550123"]},
    ("post", "/api/v1/celery/twilio/schedule-call"): {**CALL, "schedule_time": LATER},
    ("post", "/api/v1/campaigns"): {"phone_numbers": ["+12025550123"]},
    ("post", "/api/v1/jobs"): {"external_id": "of-nobody", "transcript": "Agent: Hello."},
    ("post", "/api/v1/jobs/requeue"): {},
    ("patch", "/api/v1/jobs/{job_id}/status"): {"status": "queued"},
    ("put", "/users/me/limits"): {"max_concurrent_calls": 5},
    ("put", "/users/me/webhook"): {"url": "https://hooks.example.com/"},
    ("patch", "/api/v1/config/{scope}/{id}"): {"processing": {"auto": False}},
    ("post", "/api/v1/process"): {"call_id": "call_" + "0" * 26, "tenant_id": "nobody"},
    ("post", "/api/jobs"): {"description": "A sink", "providers": [{"name": "A", "phone": "+12025550123"}]},
    ("patch", "/api/providers/{job_id}/{provider_id}"): {"negotiated_price": 10.5},
    ("post", "/start-job/{job_id}"): {},
    ("post", "/skills/{skill_id}/run"): {"restaurant_phone": "+12025550123", "party_size": 4, "date": "2096-12-24",
                                         "time": "19:30", "name": "Ann"},
}
# What is no thing of anybody's: everyone is answered.
OPEN = {("post", "/skills/{skill_id}/run"), ("get", "/api/v1/dnc/{number}"), ("put", "/api/v1/dnc/{number}")}
# The contract has 403 for another's job and 404 for none; their ids are numbers that anybody can count up.
TOLD_APART = "/api/v1/jobs/{job_id}"
ACCEPT = {("get", "/calls/{call_id}/listen"): "audio/wav"}


class Owner:
    """A customer with one of everything, all of it at rest; told: what a stranger must not be told."""

    def __init__(self, stack, receiver, organization):
        self.stack, self.client = stack, stack.customer(quota=1000000, organization=organization)
        self.canary = "violetquartz" + uuid.uuid4().hex[:8]
        self.dnc = number()
        self.hook(receiver)
        self.call = self.ended_call()
        self.booking = self.client.get("/v1/booking/bookings").json()[0]["booking_id"]
        self.task = self.accepted("/api/v1/celery/twilio/schedule-call",
                                  {"to_number": number(), "message": self.canary, "schedule_time": LATER})["task_id"]
        self.campaign = self.accepted("/api/v1/campaigns", {
            "phone_numbers": [number()], "message": self.canary, "scheduled_at": LATER})["campaign_id"]
        self.job = self.pipeline_job()
        made = self.accepted("/api/jobs", {"description": self.canary, "providers": [
            {"name": self.canary, "phone": number()}]}, 201)
        self.negotiation, self.provider = made["job_id"], made["providers"][0]["id"]
        assert self.client.put(f"/api/v1/dnc/{self.dnc}?reason={self.canary}").status_code == 200
        self.told = [self.canary, self.call, self.booking, self.task, self.campaign, self.negotiation, self.dnc,
                     self.delivery, self.client.workspace]
        self.rest()

    def accepted(self, path, body, status=200):
        answer = self.client.post(path, body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def hook(self, receiver):
        path = "/" + name("hook")
        receiver.answers[path] = 204
        assert self.client.put("/users/me/webhook", {"url": receiver.url(path)}).status_code == 200

    def ended_call(self):
        to = number()
        self.stack.rule(to, ring_ms=20, say=["Yes, that is booked."])
        answer = self.client.post("/skills/restaurant-reservation/run", {
            "restaurant_phone": to, "party_size": 4, "date": "2096-12-24", "time": "19:30", "name": self.canary})
        call = answer.json()["call_id"]
        self.client.ended(call)

        def told():
            page = self.client.get("/users/me/webhook/deliveries").json()["deliveries"]
            return page and {d["status"] for d in page} == {"delivered"} and \
                "outcome" in [d["event_type"] for d in page] and page
        page = eventually(told)
        self.delivery = page[0]["delivery_id"]
        return call

    def pipeline_job(self):
        made = self.accepted("/api/v1/jobs", {"external_id": self.canary, "duration_seconds": 5,
                                              "transcript": "Agent: " + self.canary}, 201)
        path = "/api/v1/jobs/" + made["job_id"]
        eventually(lambda: self.client.get(path).json()["status"] == "skipped")
        return made["job_id"]

    def rest(self):
        """Waits until nothing of it changes by itself."""
        def still():
            before = self.state()
            time.sleep(1.5)
            return self.state() == before
        eventually(still, 30)

    def place(self, path):
        """The parts of a path that lead to what is the owner's."""
        return {"call_id": self.call, "booking_id": self.booking, "task_id": self.task,
                "campaign_id": self.campaign, "provider_id": self.provider, "delivery_id": self.delivery,
                "job_id": self.job if path.startswith("/api/v1/") else self.negotiation,
                "number": self.dnc, "scope": "workspace", "id": self.client.workspace,
                "skill_id": "restaurant-reservation"}

    def state(self):
        """All that the database holds of the workspace, but for what only looking changes."""
        tables = self.stack.sql("SELECT table_name FROM information_schema.columns JOIN information_schema.tables"
                                " USING (table_schema, table_name) WHERE column_name = 'workspace_id' AND"
                                " table_type = 'BASE TABLE' AND table_schema = 'public' ORDER BY 1")
        return {table: self.stack.sql(f'SELECT t::text FROM "{table}" t WHERE workspace_id = %s ORDER BY 1',
                                      self.client.workspace) for table, in tables}


def nothing(path):
    """The parts of a path that lead to nothing, in the form of those that lead somewhere."""
    return {"call_id": "call_" + "0" * 26, "booking_id": str(uuid.UUID(int=1)), "task_id": str(uuid.UUID(int=2)),
            "campaign_id": str(uuid.UUID(int=3)), "provider_id": 999999999, "delivery_id": str(uuid.UUID(int=4)),
            "job_id": "999999999" if path.startswith("/api/v1/") else str(uuid.UUID(int=5)),
            "number": number(), "scope": "workspace", "id": name("none"), "skill_id": "restaurant-reservation"}


@pytest.fixture(scope="module")
def stack(hook_stack):
    return hook_stack


@pytest.fixture(scope="module")
def partner(stack):
    return stack.partner()


@pytest.fixture(scope="module")
def organization(stack, partner):
    return stack.organization(partner)


@pytest.fixture(scope="module")
def owner(stack, organization):
    receiver = Receiver(f"{stack.folder}/tls")
    made = Owner(stack, receiver, organization)
    yield made
    receiver.close()


@pytest.fixture(scope="module")
def strangers(stack, partner, organization):
    """{who: (key, the workspace that is named)}; each has one of its own."""
    sister, cousin = stack.organization(partner), stack.partner()
    inside = {one: stack.new_workspace(organization=one) for one in (organization, sister)}
    far = stack.organization(cousin)
    inside[far] = stack.new_workspace(organization=far)
    return {"neighbour": (stack.new_key("workspace", inside[organization]), None),
            "stranger": (stack.new_key("workspace", inside[far]), None),
            "admin of a neighbour": (stack.new_key("workspace", inside[organization], admin=True), None),
            "other organization": (stack.new_key("organization", sister), inside[sister]),
            "other partner": (stack.new_key("partner", cousin), inside[far])}


WHO = ("neighbour", "stranger", "admin of a neighbour", "other organization", "other partner")


def operations(stack):
    return [(method, path) for path, methods in stack.document.json["paths"].items()
            for method, operation in methods.items() if operation.get("security")]


def ask(stack, who, method, path, place, body=None):
    """The answer, in which the parts of the path are named alike."""
    key, workspace = who
    headers = {"X-Request-Id": "same", "Accept": ACCEPT.get((method, path), "application/json")}
    if workspace is not None:
        headers["X-Workspace-Id"] = workspace
    answer = Client(stack, key, headers=headers).request(method.upper(), path.format(**place), json=body)
    text = answer.text
    for part in place:
        if "{" + part + "}" in path:
            text = text.replace(str(place[part]), part)
    kept = {n.lower(): v for n, v in answer.headers.items() if n.lower() not in ("date", "content-length")}
    return answer.status_code, text, kept


def alike(method, path, theirs, none):
    """Both are refused, and in the same words."""
    if path.startswith(TOLD_APART):
        assert (theirs[0], none[0]) == (403, 404), (method, path)
    else:
        assert theirs == none, (method, path)
    if (method, path) == ("post", "/calls/{call_id}/cancel") and theirs[0] == 200:
        assert json.loads(theirs[1]) == {"cancelled": False}
    else:
        assert theirs[0] in (400, 403, 404), (method, path, theirs)


def test_every_part_of_a_path_is_known_here(stack):
    """A new route must be thought of."""
    parts = {p["name"] for methods in stack.document.json["paths"].values() for operation in methods.values()
             for p in operation.get("parameters", []) if p["in"] == "path"}
    assert parts == set(PLACES)


@pytest.mark.parametrize("who", WHO)
def test_what_is_anothers_looks_like_what_is_not(stack, owner, strangers, who):
    before, asked = owner.state(), 0
    for method, path in operations(stack):
        if "{" not in path or (method, path) in OPEN:
            continue
        body = BODIES.get((method, path))
        theirs = ask(stack, strangers[who], method, path, owner.place(path), body)
        none = ask(stack, strangers[who], method, path, nothing(path), body)
        alike(method, path, theirs, none)
        asked += 1
    assert asked > 20
    assert owner.state() == before


@pytest.mark.parametrize("who", WHO)
def test_no_list_and_no_answer_tells_of_another(stack, owner, strangers, who):
    for method, path in operations(stack):
        if method == "get" and (method, path) not in OPEN:
            _, text, _ = ask(stack, strangers[who], method, path, owner.place(path))
            assert not [word for word in owner.told if word in text], (path, text)
    for query in (f"?call_id={owner.call}", f"?external_id={owner.canary}"):
        status, text, _ = ask(stack, strangers[who], "get", "/api/v1/jobs" + query, {})
        assert status == 200 and json.loads(text)["jobs"] == []


@pytest.mark.parametrize("who", WHO)
def test_naming_anothers_workspace_is_as_naming_none(stack, owner, strangers, who):
    key, _ = strangers[who]
    before = owner.state()
    for method, path in operations(stack):
        body = BODIES.get((method, path))
        theirs = ask(stack, (key, owner.client.workspace), method, path, owner.place(path), body)
        none = ask(stack, (key, name("none")), method, path, nothing(path), body)
        alike(method, path, theirs, none)
    assert owner.state() == before


def test_a_body_that_names_what_is_anothers_changes_nothing(stack, owner, strangers):
    before = owner.state()
    nobody = {"call_id": "call_" + "0" * 26, "booking_id": str(uuid.UUID(int=1)), "tenant_id": name("none"),
              "workspace_id": name("none")}
    for path, body in (
            ("/api/v1/process", {"call_id": owner.call, "tenant_id": owner.client.workspace}),
            ("/api/v1/jobs/requeue", {"workspace_id": owner.client.workspace}),
            ("/api/v1/jobs/requeue", {"call_id": owner.call}),
            ("/skills/cancel-booking/run", {"booking_id": owner.booking})):
        theirs = ask(stack, strangers["neighbour"], "post", path, {}, body)
        none = ask(stack, strangers["neighbour"], "post", path, {}, {k: nobody[k] for k in body})
        assert theirs == none, path
    status, text, _ = ask(stack, strangers["neighbour"], "post", "/api/v1/jobs", {}, {
        "external_id": owner.canary, "call_id": owner.call, "transcript": "Agent: Hello."})
    assert status == 400 or json.loads(text)["call_id"] is None
    assert owner.state() == before


def test_the_owner_reaches_it_all(stack, owner):
    """What the others are refused is there."""
    for method, path in operations(stack):
        if method != "get" or "{" not in path or path.endswith("/listen"):
            continue
        answer = owner.client.get(path.format(**owner.place(path)))
        missing = path in ("/calls/{call_id}/recording", "/calls/{call_id}/transcript-merged")
        assert answer.status_code in ((200, 202, 404) if missing else (200,)), (path, answer.text)
        assert json.loads(answer.text) is not None
