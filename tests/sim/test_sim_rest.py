"""The REST side of offhook-sim is as strict as the carrier's, and answers in its shapes."""

import email.utils
import re
import socket
import time

import pytest
import requests

from simkit import ACCOUNT, API, FROM, HANGUP, TOKEN, eventually

TO = "+14155550100"
CALLS = API + "/Calls.json"


def good(**changes):
    data = {"To": TO, "From": FROM, "Url": "http://127.0.0.1:9/none"}
    data.update(changes)
    return {name: value for name, value in data.items() if value is not None}


def check_error(answer, status, code):
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert body["status"] == status
    assert body["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert body["message"]


@pytest.mark.parametrize("credentials", [None, (ACCOUNT, "wrong"), ("AC" + "0" * 32, TOKEN),
                                         (ACCOUNT, ""), ("", "")])
def test_without_good_credentials_nothing_is_shown(sim, credentials):
    for path in (CALLS, API + "/Recordings.json", "/2010-04-01/nothing"):
        answer = requests.get(sim.url + path, auth=credentials)
        check_error(answer, 401, 20003)
        assert answer.json()["message"] == "Authenticate"
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_an_api_key_is_as_good_as_the_account(start_sim):
    key = "SK" + "1" * 32
    sim = start_sim("--api-key", key, "--api-secret", "hush")
    assert requests.get(sim.url + CALLS, auth=(key, "hush")).status_code == 200
    assert requests.get(sim.url + CALLS, auth=(key, TOKEN)).status_code == 401
    assert requests.get(sim.url + CALLS, auth=(ACCOUNT, TOKEN)).status_code == 200


@pytest.mark.parametrize("path", [
    f"/2010-04-01/Accounts/{ACCOUNT}/calls.json",
    f"/2010-04-01/Accounts/{ACCOUNT}/Calls",
    f"/2010-04-01/accounts/{ACCOUNT}/Calls.json",
    "/2010-04-01/Accounts/AC" + "0" * 32 + "/Calls.json",
    API + "/Calls/CA" + "0" * 32 + ".json",
    API + "/Recordings/RE" + "0" * 32 + ".json",
    API + "/Recordings/RE" + "0" * 32 + ".mp3",
])
def test_unknown_paths_are_404(sim, path):
    answer = sim.get(path)
    check_error(answer, 404, 20404)
    assert answer.json()["message"] == f"The requested resource {path} was not found"


def test_a_wrong_method_is_405(sim):
    check_error(sim.delete(CALLS), 405, 20004)


@pytest.mark.parametrize("changes,code", [
    ({"To": None}, 21201),
    ({"To": ""}, 21201),
    ({"From": None}, 21213),
    ({"To": "4155550100"}, 21211),
    ({"To": "+0155550100"}, 21211),
    ({"To": FROM}, 21211),
    ({"To": "sip:nobody"}, 21211),
    ({"From": "5005550006"}, 21212),
    ({"From": "client:agent"}, 21212),
    ({"Url": None}, 21205),
    ({"Url": "/relative"}, 21205),
    ({"Url": "ftp://example.com/"}, 21205),
    ({"Url": "http://bad_host.example/"}, 21205),
    ({"Url": None, "Twiml": "x" * 4001}, 32018),
    ({"ApplicationSid": "AP" + "0" * 32}, 21218),
    ({"Method": "PUT"}, 21209),
    ({"Timeout": "0"}, 21208),
    ({"Timeout": "601"}, 21208),
    ({"Timeout": "ten"}, 21208),
    ({"TimeLimit": "86401"}, 20422),
    ({"SendDigits": "12x"}, 21206),
    ({"SendDigits": "1" * 33}, 21206),
    ({"Record": "yes"}, 20422),
    ({"RecordingTrack": "all"}, 20422),
    ({"RecordingChannels": "stereo"}, 20422),
    ({"RecordingStatusCallbackEvent": "completed,absent"}, 20422),
    ({"StatusCallback": "https://under_score.example/"}, 20422),
    ({"StatusCallbackEvent": "initiated ringing"}, 20422),
    ({"StatusCallbackEvent": ["initiated", "done"]}, 20422),
    ({"MachineDetection": "enable"}, 21234),
    ({"MachineDetectionTimeout": "61"}, 21234),
    ({"MachineDetectionSpeechThreshold": "999"}, 21234),
    ({"AsyncAmd": "maybe"}, 21234),
    ({"to": TO}, 20001),
    ({"StatusCallBack": "https://example.com/"}, 20001),
    ({"Timeout": ["10", "20"]}, 20422),
])
def test_a_wrong_dial_is_refused(sim, changes, code):
    before = len(sim.calls())
    check_error(sim.post(CALLS, good(**changes)), 400, code)
    assert len(sim.calls()) == before


@pytest.mark.parametrize("changes", [
    {"Timeout": "600", "TimeLimit": "86400", "SendDigits": "ww1#", "Record": "false"},
    {"Record": "true", "RecordingTrack": "outbound", "RecordingChannels": "mono",
     "Trim": "do-not-trim", "RecordingStatusCallback": "https://example.com/r",
     "RecordingStatusCallbackEvent": "in-progress completed absent"},
    {"RecordingStatusCallbackEvent": ["in-progress", "completed"]},
    {"StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"]},
    {"MachineDetection": "DetectMessageEnd", "MachineDetectionTimeout": "30", "AsyncAmd": "true",
     "AsyncAmdStatusCallback": "https://example.com/a"},
    {"To": "sip:someone@example.com", "SipAuthUsername": "u", "SipAuthPassword": "p"},
    {"To": "client:someone", "From": "client:me"},
    {"CallReason": "a reason", "CallToken": "t", "CallerId": "+15005550007"},
    {"Url": None, "Twiml": HANGUP},
])
def test_a_right_dial_is_accepted(sim, changes):
    assert sim.post(CALLS, good(**changes)).status_code == 201


@pytest.mark.parametrize("body,kind", [
    ('{"To": "+14155550100"}', "application/json"),
    ("To=%2B14155550100", "text/plain"),
])
def test_a_body_of_another_type_is_refused(sim, body, kind):
    check_error(sim.post(CALLS, body, headers={"Content-Type": kind}), 415, 20001)


@pytest.mark.parametrize("body", ["To=%zz", "To=%00", "&".join(f"a{i}=1" for i in range(200))])
def test_a_malformed_form_is_refused(sim, body):
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    check_error(sim.post(CALLS, body, headers=kind), 400, 20422)


def test_an_endless_body_is_refused(sim):
    check_error(sim.post(CALLS, good(CallToken="x" * 300000)), 413, 20422)


def test_only_listed_numbers_may_call(start_sim):
    sim = start_sim("--from", "+15005550006,+15005550007")
    assert sim.post(CALLS, good(From="+15005550007")).status_code == 201
    check_error(sim.post(CALLS, good(From="+15005550008")), 400, 21210)
    check_error(sim.post(CALLS, good(From="+1500555000")), 400, 21210)


def test_a_created_call_has_the_carriers_shape(sim):
    answer = sim.post(CALLS, good())
    assert answer.status_code == 201
    call = answer.json()
    assert re.fullmatch("CA[0-9a-f]{32}", call["sid"])
    fixed = {
        "account_sid": ACCOUNT, "to": TO, "to_formatted": "(415) 555-0100", "from": FROM,
        "from_formatted": "(500) 555-0006", "status": "queued", "direction": "outbound-api",
        "start_time": None, "end_time": None, "duration": None, "price": None,
        "price_unit": "USD", "queue_time": "0", "answered_by": None, "api_version": "2010-04-01",
        "parent_call_sid": None, "group_sid": None, "phone_number_sid": None, "trunk_sid": "",
        "caller_name": None, "forwarded_from": None, "annotation": None,
        "uri": f"{API}/Calls/{call['sid']}.json",
    }
    for name, value in fixed.items():
        assert call[name] == value, name
    assert set(call) == set(fixed) | {"sid", "date_created", "date_updated", "subresource_uris"}
    created = email.utils.parsedate_to_datetime(call["date_created"])
    assert abs(created.timestamp() - time.time()) < 5
    assert call["date_created"].endswith(" +0000")
    assert call["subresource_uris"]["recordings"] == f"{API}/Calls/{call['sid']}/Recordings.json"
    assert len(call["subresource_uris"]) == 9


def test_answers_carry_the_carriers_headers(sim):
    headers = sim.get(CALLS).headers
    assert re.fullmatch("RQ[0-9a-f]{32}", headers["Twilio-Request-Id"])
    assert re.fullmatch(r"\d+\.\d{3}", headers["Twilio-Request-Duration"])
    assert int(headers["Twilio-Concurrent-Requests"]) >= 1
    assert headers["Content-Type"] == "application/json"


def test_the_list_can_be_filtered(start_sim, hooks):
    sim = start_sim()
    sids = [sim.call(f"+1415555020{i}", hooks.url + "/v") for i in range(3)]
    busy = sim.call("+14155550001", hooks.url + "/v")
    for sid in sids + [busy]:
        sim.ended(sid)

    def listed(**query):
        answer = sim.get(CALLS, params=query)
        assert answer.status_code == 200, answer.text
        return [c["sid"] for c in answer.json()["calls"]]

    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert listed() == [busy] + sids[::-1]
    assert listed(To="+14155550201") == [sids[1]]
    assert listed(To="+14155550201", From=FROM) == [sids[1]]
    assert listed(From="+15005550007") == []
    assert listed(Status="busy") == [busy]
    assert listed(Status="completed") == sids[::-1]
    assert listed(ParentCallSid=sids[0]) == []
    assert listed(**{"StartTime": today}) == [busy] + sids[::-1]
    assert listed(**{"StartTime>": today, "To": "+14155550202"}) == [sids[2]]
    assert listed(**{"StartTime<": today}) == []
    assert listed(**{"EndTime>": "2099-01-01"}) == []
    assert listed(**{"EndTime<": "2099-01-01T00:00:00Z"}) == [busy] + sids[::-1]
    check_error(sim.get(CALLS, params={"Status": "initiated"}), 400, 20422)
    check_error(sim.get(CALLS, params={"starttime": today}), 400, 20001)
    check_error(sim.get(CALLS, params={"StartTime": "today"}), 400, 20422)


def test_pages_stay_where_they_are(start_sim, hooks):
    sim = start_sim()
    sids = [sim.call(f"+1415555030{i}", hooks.url + "/v") for i in range(5)][::-1]
    first = sim.get(CALLS, params={"PageSize": 2, "From": FROM}).json()
    assert [c["sid"] for c in first["calls"]] == sids[:2]
    assert (first["page"], first["page_size"], first["start"], first["end"]) == (0, 2, 0, 1)
    assert first["previous_page_uri"] is None
    sim.call("+14155550309", hooks.url + "/v")  # newer calls move nothing
    second = sim.get(first["next_page_uri"]).json()
    assert [c["sid"] for c in second["calls"]] == sids[2:4]
    assert (second["page"], second["start"], second["end"]) == (1, 2, 3)
    third = sim.get(second["next_page_uri"]).json()
    assert [c["sid"] for c in third["calls"]] == sids[4:]
    assert third["next_page_uri"] is None
    back = sim.get(third["previous_page_uri"]).json()
    assert [c["sid"] for c in back["calls"]] == sids[2:4]
    for bad in ({"PageSize": 0}, {"PageSize": 1001}, {"PageToken": "x"}, {"Page": -1}):
        check_error(sim.get(CALLS, params=bad), 400, 20422)
    huge = sim.get(CALLS, params={"PageToken": "PA" + "0" * 14 + "9" * 18}).json()
    assert len(huge["calls"]) == 6


def test_a_call_can_be_fetched_and_deleted_once_ended(sim, hooks):
    sid = sim.call(TO, hooks.url + "/v", Twiml=HANGUP)
    check_error(sim.delete(f"{API}/Calls/{sid}.json"), 409, 20409)
    sim.ended(sid)
    assert sim.delete(f"{API}/Calls/{sid}.json").status_code == 204
    check_error(sim.get(f"{API}/Calls/{sid}.json"), 404, 20404)
    assert sid in [c["sid"] for c in sim.calls()]


@pytest.mark.parametrize("digits,status,code", [("0008", 500, 20500), ("0012", 400, 21211)])
def test_numbers_that_are_refused(sim, digits, status, code):
    to = "+1415555" + digits
    check_error(sim.post(CALLS, good(To=to)), status, code)
    assert to not in [c["to"] for c in sim.calls()]


def test_number_0007_fails_although_the_call_is_made(sim, hooks):
    check_error(sim.post(CALLS, good(To="+14155550007")), 500, 20500)
    made = [c for c in sim.calls() if c["to"] == "+14155550007"]
    assert len(made) == 1
    assert sim.ended(made[0]["sid"])["status"] == "completed"


def test_number_0009_is_throttled_once(sim):
    for to in ("+14155550009", "+14165550009"):
        check_error(sim.post(CALLS, good(To=to)), 429, 20429)
        assert sim.post(CALLS, good(To=to)).status_code == 201
        assert sim.post(CALLS, good(To=to)).status_code == 201


def test_number_0006_gets_no_byte_of_an_answer(sim, hooks):
    hooks.answers["/v"] = HANGUP
    body = requests.Request("POST", sim.url + CALLS, auth=(ACCOUNT, TOKEN), data=good(
        To="+14155550006", Url=hooks.url + "/v")).prepare()
    host, port = sim.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 5) as conn:
        head = "".join(f"{n}: {v}\r\n" for n, v in body.headers.items())
        conn.sendall(f"POST {CALLS} HTTP/1.1\r\nHost: x\r\n{head}\r\n{body.body}".encode())
        assert conn.recv(100) == b""
    made = [c for c in sim.calls() if c["to"] == "+14155550006"]
    assert len(made) == 1
    assert sim.ended(made[0]["sid"])["status"] == "completed"
    assert hooks.at("/v")


def test_every_attempt_is_listed(start_sim):
    sim = start_sim()
    sim.post(CALLS, good(To="+14155550012"))
    sim.post(CALLS, good())
    requests.post(sim.url + CALLS, data=good())
    sim.post(CALLS, good(To=None))
    with pytest.raises(requests.ConnectionError):
        sim.post(CALLS, good(To="+14155550006"))
    attempts = requests.get(sim.url + "/sim/attempts").json()
    assert [(a["to"], a["status"]) for a in attempts] == [
        ("+14155550012", 400), (TO, 201), (None, 401), (None, 400), ("+14155550006", None)]
    times = [a["arrived_mono_us"] for a in attempts]
    assert times == sorted(times)
    assert abs(times[0] - time.monotonic() * 1e6) < 10e6


def test_the_latency_can_be_made_longer(start_sim):
    sim = start_sim("--latency-ms", "300")
    began = time.monotonic()
    assert sim.post(CALLS, good()).status_code == 201
    assert time.monotonic() - began >= 0.3


def test_the_ledger_tells_the_same_as_the_simulator(start_sim, hooks):
    sim = start_sim()
    hooks.answers["/v"] = HANGUP
    sid = sim.call(TO, hooks.url + "/v?attempt=7", StatusCallback=hooks.url + "/status")
    sim.ended(sid)
    call = sim.calls()[0]
    assert set(call) == {"sid", "to", "from", "url", "status_callback", "arrived_at",
                         "arrived_mono_us", "status", "answered_at", "ended_at", "answered_by",
                         "errors"}
    assert call["url"] == hooks.url + "/v?attempt=7"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", call["arrived_at"])
    lines = sim.lines()
    assert [line["status"] for line in lines] == ["queued", "ringing", "in-progress", "completed"]
    assert lines[-1] == call


def test_rules_are_checked(sim):
    url = sim.url + "/sim/rules"
    for bad in ("", "[]", "{}", '{"to": "4155550100"}', '{"to": "+14155550100", "outcome": "x"}',
                '{"to": "+14155550100", "ring_ms": "5"}', '{"to": "+14155550100", "say": "x"}',
                '{"to": "+14155550100", "more": 1}', '{"to": "+14155550100", "digits": "x"}'):
        assert requests.post(url, data=bad).status_code == 400, bad


def test_rules_make_callees(start_sim):
    sim = start_sim()
    for outcome, status in (("refuse", 400), ("error", 500), ("error-after-accept", 500)):
        sim.rule(to=TO, outcome=outcome)
        assert sim.post(CALLS, good()).status_code == status
    sim.rule(to=TO, outcome="throttle-once")
    assert [sim.post(CALLS, good()).status_code for _ in range(2)] == [429, 201]
    for outcome in ("busy", "no-answer", "failed"):
        sim.rule(to=TO, outcome=outcome)
        assert sim.ended(sim.post(CALLS, good()).json()["sid"])["status"] == outcome
    sim.rule(to="+14155550001", outcome="answer")
    assert sim.ended(sim.call("+14155550001", "http://127.0.0.1:9/"))["status"] == "completed"
    assert requests.delete(sim.url + "/sim/rules").status_code == 204
    assert sim.ended(sim.call("+14155550001", "http://127.0.0.1:9/"))["status"] == "busy"


def test_calls_above_the_rate_wait_in_the_queue(start_sim):
    sim = start_sim("--cps", "10")
    sids = [sim.call(f"+1415555040{i}", "http://127.0.0.1:9/") for i in range(6)]
    last = sids[-1]
    assert sim.fetch(last)["status"] == "queued"
    assert sim.fetch(last)["start_time"] is None
    waits = [int(sim.ended(sid)["queue_time"]) for sid in sids]
    assert waits[0] < 50
    assert all(later - earlier > 60 for earlier, later in zip(waits, waits[1:]))
    assert 400 < waits[-1] < 1500


def test_a_queued_call_can_be_cancelled_without_a_word(start_sim, hooks):
    sim = start_sim("--cps", "1")
    more = {"StatusCallback": hooks.url + "/status"}
    first = sim.call(TO, hooks.url + "/v", **more)
    second = sim.call("+14155550101", hooks.url + "/v", **more)
    answer = sim.post(f"{API}/Calls/{second}.json", {"Status": "canceled"})
    assert answer.status_code == 200
    assert answer.json()["status"] == "canceled"
    sim.ended(first)
    hooks.wait("/status")
    time.sleep(1.2)
    assert [r.form["CallSid"] for r in hooks.at("/status")] == [first]
    check_error(sim.post(f"{API}/Calls/{second}.json", {"Status": "completed"}), 400, 21220)


def test_it_ends_cleanly_with_everything_under_way(start_sim, hooks):
    sim = start_sim("--latency-ms", "50")
    hooks.answers["/v"] = '<Response><Pause length="60"/></Response>'
    for i in range(5):
        sim.call(f"+1415555050{i}", hooks.url + "/v", Record="true")
    hooks.wait("/v", 5)
    sim.stop()
    assert not sim.pid_file.exists()
    sim.stop = lambda: None
    eventually(lambda: sim.process.returncode == 0)
