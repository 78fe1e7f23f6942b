"""Questions to the human: asked in the call, answered by reply, by POST or not at all, and what the
callee then hears."""

import concurrent.futures

import pytest
from apikit import eventually, number
from receiver import Receiver
from test_webhooks import Hooked


@pytest.fixture(scope="module")
def receiver(hook_stack):
    made = Receiver(f"{hook_stack.folder}/tls")
    yield made
    made.close()


@pytest.fixture
def hooked(hook_stack, receiver):
    return Hooked(hook_stack, receiver, 202)


def ask(client, **more):
    """A call whose callee has a question (0013), once it has been put; call and question."""
    call_id = client.start(number("0013"), language="en", **more)
    return call_id, eventually(lambda: next(iter(of(client, call_id, "ask_user")), None))


def of(client, call_id, kind):
    return [e["data"] for e in client.events(call_id) if e["event_type"] == kind]


def answer(client, call_id, text="At seven, please.", **more):
    found = client.post(f"/calls/{call_id}/answer", {"answer": text, **more})
    assert found.status_code == 200, found.text
    return found.json()["delivered"]


def said(client, call_id):
    return [e["text"] for e in of(client, call_id, "transcript") if e["role"] == "bot"]


def kinds(client, call_id):
    """What happened between the question and the end."""
    names = [e["event_type"] for e in client.events(call_id)]
    return [n for n in names[names.index("ask_user"):]
            if n not in ("transcript", "recording_ready", "status_change")]


def test_an_answer_is_spoken_and_the_call_goes_on(hook_stack, customer):
    call_id, question = ask(customer)
    assert "ask your client" in question["message"]
    assert question["answer_url"].endswith(f"/calls/{call_id}/answer")
    assert "hold the line" in said(customer, call_id)[-1]
    assert answer(customer, call_id, "At <seven> & not later.") is True
    assert answer(customer, call_id) is False
    call = customer.ended(call_id)
    assert call["outcome_type"] == "success_booked"
    assert any("At <seven> & not later." in words for words in said(customer, call_id))
    assert kinds(customer, call_id) == ["ask_user", "answered", "answer_spoken", "outcome"]
    answered, = of(customer, call_id, "answered")
    assert answered == {"request_id": question["request_id"], "mode": "voice"}
    spoken, = of(customer, call_id, "answer_spoken")
    assert spoken["request_id"] == question["request_id"]
    assert spoken["spoken_at"] < question["expires_at"]
    assert answer(customer, call_id) is False


def test_a_context_is_never_spoken(customer):
    call_id, question = ask(customer)
    assert answer(customer, call_id, "Take seven, whisper", mode="context",
                  request_id=question["request_id"]) is True
    assert customer.ended(call_id)["outcome_type"] == "success_booked"
    assert not any("whisper" in words for words in said(customer, call_id))
    assert kinds(customer, call_id) == ["ask_user", "answered", "outcome"]
    assert of(customer, call_id, "answered")[0]["mode"] == "context"


def test_the_webhooks_reply_is_an_answer(hooked):
    hooked.receiver.answers[hooked.path] = lambda m: (
        {"answer": "At nine.", "mode": "voice"} if m.event["event_type"] == "ask_user" else 204)
    call_id, question = ask(hooked.client)
    assert hooked.client.ended(call_id)["outcome_type"] == "success_booked"
    assert any("At nine." in words for words in said(hooked.client, call_id))
    assert kinds(hooked.client, call_id) == ["ask_user", "answered", "answer_spoken", "outcome"]
    message, = hooked.messages("ask_user")
    assert message.event["data"] == question
    assert message.signed_by(hooked.secret)


def test_the_webhook_may_answer_later_by_the_url_it_was_given(hooked):
    call_id, _ = ask(hooked.client)
    eventually(lambda: hooked.messages("ask_user"))
    data = hooked.messages("ask_user")[0].event["data"]
    path = data["answer_url"].removeprefix(hooked.client.stack.url)
    found = hooked.client.post(path, {"answer": "Later.", "request_id": data["request_id"]})
    assert found.json() == {"delivered": True}
    hooked.client.ended(call_id)
    assert any("Later." in words for words in said(hooked.client, call_id))


def test_a_reply_that_is_no_answer_means_later(hooked):
    hooked.receiver.answers[hooked.path] = {"answer": "", "mode": "voice"}
    call_id, question = ask(hooked.client)
    hooked.wait(call_id, "delivered", "ask_user")
    assert of(hooked.client, call_id, "answered") == []
    assert answer(hooked.client, call_id, request_id=question["request_id"]) is True
    hooked.client.ended(call_id)


def test_stream_never_calls_the_webhook(hooked):
    call_id, _ = ask(hooked.client, ask_user_mode="stream")
    assert answer(hooked.client, call_id) is True
    hooked.client.ended(call_id)
    hooked.wait(call_id, "delivered", "outcome")
    assert hooked.messages("ask_user") == []
    assert hooked.delivery(call_id, "ask_user") is None


def test_the_first_of_many_answers_wins(customer):
    call_id, _ = ask(customer)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda n: answer(customer.twin(), call_id, f"Number {n}."), range(6)))
    assert sorted(results) == [False] * 5 + [True]
    customer.ended(call_id)
    words = f"Number {results.index(True)}."
    assert [w for w in said(customer, call_id) if "Number" in w] == ["Thank you for waiting. " + words]


def test_nobody_answers_in_time(customer):
    call_id, question = ask(customer)
    customer.stack.sql("UPDATE questions SET expires_at = clock_timestamp() WHERE call_id = %s", call_id)
    assert customer.ended(call_id)["outcome_type"] == "success_no_booking"
    assert "could not reach my client" in said(customer, call_id)[-1]
    assert kinds(customer, call_id) == ["ask_user", "answer_dropped", "outcome"]
    assert of(customer, call_id, "answer_dropped") == [
        {"request_id": question["request_id"], "reason": "timeout"}]
    assert answer(customer, call_id) is False


def test_the_call_ends_while_it_waits(customer):
    call_id, question = ask(customer)
    assert customer.cancel(call_id)
    assert of(customer, call_id, "answer_dropped") == [
        {"request_id": question["request_id"], "reason": "call_ended"}]
    assert answer(customer, call_id) is False


def test_a_question_that_is_not_the_one_stays_open(customer):
    call_id, question = ask(customer)
    assert answer(customer, call_id, request_id="ask_other") is False
    assert answer(customer, call_id, request_id=None) is True
    customer.ended(call_id)


def test_a_call_that_asks_nothing_is_not_answered(customer):
    call_id, _ = customer.ring()
    assert answer(customer, call_id) is False
    customer.cancel(call_id)


@pytest.mark.parametrize("body", [
    {}, {"answer": ""}, {"answer": None}, {"answer": 7}, {"answer": "x" * 4001},
    {"answer": "x", "mode": "loud"}, {"answer": "x", "mode": None}, {"answer": "x", "request_id": 7},
    {"answer": "x", "request_id": "y" * 65}, []])
def test_an_answer_that_is_none_is_422(customer, body):
    call_id, _ = customer.ring()
    assert customer.post(f"/calls/{call_id}/answer", body).status_code == 422
    customer.cancel(call_id)


def test_a_long_answer_is_said_whole(customer):
    call_id, _ = ask(customer)
    text = "é&" * 2000
    assert answer(customer, call_id, text) is True
    assert customer.ended(call_id)["outcome_type"] == "success_booked"
    assert any(text in words for words in said(customer, call_id))


def test_a_foreign_call_is_as_unknown_as_none(stack, customer):
    call_id, _ = ask(customer)
    other = stack.customer()
    foreign = other.post(f"/calls/{call_id}/answer", {"answer": "x"})
    unknown = other.post("/calls/call_00000000000000000000000000/answer", {"answer": "x"})
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content
    assert stack.client.post(f"/calls/{call_id}/answer", {"answer": "x"}).status_code == 401
    assert of(customer, call_id, "answered") == []
    assert answer(customer, call_id) is True
    customer.ended(call_id)
