"""What POST /calls takes and what it refuses: 422 for what breaks the schema or is no JSON, 400 for
a number or a brief that no call can be made with, 413 for too much."""

import json

import pytest
from apikit import BRIEF, number


@pytest.fixture(scope="module")
def client(stack):
    return stack.customer()


def body(**fields):
    """A good body with these fields instead; a field that is Ellipsis is left out."""
    made = {"target_phone": number(), "brief": BRIEF, **fields}
    return {key: value for key, value in made.items() if value is not ...}


def send(client, data):
    """POST /calls with these very bytes."""
    return client.post("/calls", data=data, headers={"Content-Type": "application/json"})


def refused(answer, *fields):
    """422 with one error for each of these fields of the body."""
    assert answer.status_code == 422, answer.text
    detail = answer.json()["detail"]
    assert [error["loc"] for error in detail] == [["body", field] for field in fields], detail
    for error in detail:
        assert error["msg"] and error["type"]


BAD_FIELDS = [
    ("target_phone", ...), ("target_phone", None), ("target_phone", 12025550143),
    ("target_phone", ""), ("target_phone", "+12"), ("target_phone", "+1" + "0" * 31),
    ("target_phone", ["+12025550143"]), ("target_phone", True), ("target_phone", {}),
    ("brief", ...), ("brief", None), ("brief", 7), ("brief", ""), ("brief", "b" * 4001),
    ("brief", ["hello"]), ("language", None), ("language", 1), ("language", ["en"]),
    ("kind", "taxi"), ("kind", None), ("kind", 1), ("kind", ""), ("kind", "OTHER"),
    ("parsed_slots", []), ("parsed_slots", "a"), ("parsed_slots", 1), ("parsed_slots", False),
    ("ask_user_mode", "none"), ("ask_user_mode", None), ("ask_user_mode", 5),
    ("ask_user_mode", ""), ("ask_user_mode", "any\n"), ("ask_user_mode", "anystream"),
    ("machine_detection", "yes"), ("machine_detection", None), ("machine_detection", True),
    ("priority", "urgent"), ("priority", None), ("priority", 1), ("priority", "HIGH"),
    ("not_after", "tomorrow"), ("not_after", 1900000000), ("not_after", ""),
    ("not_after", "2036-13-01T00:00:00Z"), ("not_after", "2036-02-30T00:00:00Z"),
    ("not_after", "2036-01-01T25:00:00Z"), ("not_after", {}), ("not_after", True),
    ("metadata", []), ("metadata", "a"), ("metadata", 0),
]


@pytest.mark.parametrize("field, value", BAD_FIELDS)
def test_a_field_that_breaks_the_schema_is_422(client, field, value):
    refused(client.post("/calls", body(**{field: value})), field)


def test_every_wrong_field_is_named_at_once(client):
    refused(client.post("/calls", {"kind": "taxi", "metadata": 1}), "target_phone", "brief", "kind",
            "metadata")


def test_a_refused_value_is_given_back_as_input(client):
    [error] = client.post("/calls", body(kind="taxi")).json()["detail"]
    assert error["input"] == "taxi"


@pytest.mark.parametrize("phone", [
    "12025550143", "+02025550143", "+123456", "+1234567890123456", "+1 202 555 0143",
    "+1202555014x", "+1-202-555-0143", "tel:+12025550143", "+12025550143\n", " +12025550143",
    "+12025550143;ext=1", "++12025550143", "+１２０２５５５０１４３", "    ", "(202) 555-0143",
    "002025550143", "sip:a@b.c"])
def test_a_number_that_is_not_e164_is_400(client, phone):
    answer = client.post("/calls", body(target_phone=phone))
    assert answer.status_code == 400 and isinstance(answer.json()["detail"], str), answer.text


@pytest.mark.parametrize("brief", [" ", "\n\t \r", "\u00a0\u2003\u3000", " " * 4000])
def test_a_brief_of_white_space_is_400(client, brief):
    answer = client.post("/calls", body(brief=brief))
    assert answer.status_code == 400 and isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("phone", ["+7654321", "+998877665544332"])
def test_the_shortest_and_the_longest_number_are_taken(client, phone):
    client.cancel(client.start(phone))


def test_lengths_are_counted_in_characters(client):
    client.cancel(client.start(brief="é" * 3999 + "𝄞"))
    refused(client.post("/calls", body(brief="é" * 4001)), "brief")


@pytest.mark.parametrize("brief", ["a 'quoted' \"brief\"; DROP TABLE calls; --", "\\ %s %n {0} $1",
                                   "line\nline\ttab", "</Say><Hangup/>", "𝄞 ‮ \u202e é"])
def test_a_brief_of_odd_characters_is_taken_as_it_is(client, brief):
    call = client.ended(client.start(brief=brief))
    assert call["status"] == "completed"
    assert brief in call["transcript_full"][0]["text"]


def test_times_are_taken_with_and_without_milliseconds_and_with_an_offset(client):
    for time in ("2036-01-01T00:00:00Z", "2036-01-01T00:00:00.123Z", "2036-01-01T02:00:00+02:00"):
        client.cancel(client.start(not_after=time))


GOOD = json.dumps({"target_phone": "+12025550100", "brief": "Hello."})


@pytest.mark.parametrize("data", [
    "", " ", "{", "}", "null", "true", "5", '"text"', "[]", "[" + GOOD + "]",
    GOOD[:-1] + ",}", GOOD[:-1] + ', "metadata": {"a": [1,]}}', GOOD + GOOD, GOOD + "x",
    GOOD[:-1] + ', "brief": "Again."}', GOOD[:-1] + ', "metadata": {"a": 1, "a": 1}}',
    GOOD.replace('"', "'"), "// comment\n" + GOOD, "\ufeff" + GOOD,
    GOOD[:-1] + ', "metadata": {"a": NaN}}', GOOD[:-1] + ', "metadata": {"a": Infinity}}',
    GOOD[:-1] + ', "metadata": {"a": 1e400}}', GOOD[:-1] + ', "metadata": {"a": 01}}',
    GOOD[:-1] + ', "metadata": {"a": .5}}', GOOD[:-1] + ', "metadata": {"a": "\\ud800"}}',
    GOOD[:-1] + ', "metadata": {"a": "\\u0000"}}', GOOD[:-1] + ', "metadata": {"a": "\t"}}',
    GOOD[:-1] + ', "metadata": {"a": 1e19}}', GOOD[:-1] + ', "metadata": {"a": 1e-20000}}',
    GOOD[:-1] + ', "metadata": {"a": "\\x"}}', "target_phone=%2B12025550100&brief=Hello",
])
def test_what_is_no_json_object_is_422(client, data):
    answer = send(client, data.encode())
    assert answer.status_code == 422, answer.text
    assert isinstance(answer.json()["detail"], list) and answer.json()["detail"]


@pytest.mark.parametrize("raw", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
                                 b"\xe2\x82", b"\x00"])
def test_invalid_utf8_is_422(client, raw):
    data = GOOD.encode()[:-1] + b', "language": "' + raw + b'"}'
    assert send(client, data).status_code == 422


def nested(depth):
    """A body whose objects and arrays lie in each other so deep, the body itself counted."""
    return GOOD[:-1] + ', "metadata": {"a": ' + "[" * (depth - 2) + "]" * (depth - 2) + "}}"


def test_a_depth_of_32_is_taken_and_33_is_422(client):
    answer = send(client, nested(32))
    assert answer.status_code == 202, answer.text
    client.cancel(answer.json()["call_id"])
    assert send(client, nested(33)).status_code == 422
    assert send(client, nested(100000)).status_code == 422


def test_brackets_in_strings_are_no_depth(client):
    client.cancel(client.start(metadata={"a": "[" * 100}))


def test_a_body_of_one_mebibyte_is_taken_and_more_is_413(client):
    frame = body(metadata={"pad": ""})
    room = (1 << 20) - len(json.dumps(frame))
    frame["metadata"]["pad"] = "x" * room
    answer = send(client, json.dumps(frame))
    assert answer.status_code == 202, answer.text
    client.cancel(answer.json()["call_id"])
    frame["metadata"]["pad"] += "x"
    answer = send(client, json.dumps(frame))
    assert answer.status_code == 413 and isinstance(answer.json()["detail"], str)


def test_the_content_type_does_not_matter(client):
    answer = client.post("/calls", data=json.dumps(body()), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 202
    client.cancel(answer.json()["call_id"])


def test_401_comes_before_422_and_400(stack):
    for wrong in (stack.client, stack.with_key("ohk_" + "0" * 38)):
        for data in ({}, body(target_phone="5"), body(target_phone="nobody"), body(brief=" ")):
            assert wrong.post("/calls", data).status_code == 401


def test_422_comes_before_400(client):
    refused(client.post("/calls", body(target_phone="nobody", brief=5)), "brief")


def test_a_refused_body_leaves_no_call_and_takes_no_credit(stack):
    fresh = stack.customer()
    for wrong in ({}, body(target_phone="nobody"), body(brief=" "), body(kind="taxi")):
        assert fresh.post("/calls", wrong).status_code in (400, 422)
    assert fresh.get("/calls").json() == [] and fresh.usage() == 0
