"""The customer's own agent, own number, and the carrier's news at the customer's own URL."""

import urllib.parse

import pytest
from apikit import eventually, name, number, secrets
from receiver import Receiver

ANSWERED = ["initiated", "ringing", "in-progress", "completed"]
TWIML = b"<Response><Say>Hello from an agent of my own.</Say><Hangup/></Response>"


@pytest.fixture(scope="module")
def receiver(hook_stack):
    made = Receiver(f"{hook_stack.folder}/tls")
    yield made
    made.close()


class Owner:
    """A customer whose calls may carry URLs of its own."""

    def __init__(self, stack, receiver):
        self.stack, self.receiver = stack, receiver
        self.client = stack.customer(cap=1)

    def path(self, answer=204):
        made = "/" + name("own")
        self.receiver.answers[made] = answer
        return made

    def url(self, path):
        return self.receiver.url(path)

    def start(self, to, agent=None, status=None, sender=None):
        """A call with these of its own, dialed when all of them stand; its id."""
        held, _ = self.client.ring()
        call_id = self.client.start(to)
        self.stack.sql("UPDATE calls SET webhook_url = %s, status_callback_url = %s,"
                       " from_number = %s WHERE call_id = %s", agent, status, sender, call_id)
        self.client.cancel(held)
        return call_id

    def forms(self, path, count=0):
        """The forms that came at a path, once there are so many."""
        return eventually(lambda: len(self.receiver.at(path)) >= count and [
            m.form for m in self.receiver.at(path)] or count == 0 and [])

    def deliveries(self, call_id):
        answer = self.client.get("/users/me/webhook/deliveries?limit=200")
        assert answer.status_code == 200
        return [d for d in answer.json()["deliveries"]
                if (d["call_id"], d["event_type"]) == (call_id, "carrier_status")]

    def hurry(self):
        """Spares the waits after a first and a second try; a lease is longer."""
        self.stack.sql("UPDATE webhook_deliveries SET next_at = clock_timestamp() WHERE workspace_id"
                       " = %s AND state = 'pending' AND next_at BETWEEN clock_timestamp() + interval"
                       " '1 s' AND clock_timestamp() + interval '15 s'", self.client.workspace)


@pytest.fixture
def owner(hook_stack, receiver):
    return Owner(hook_stack, receiver)


def said(forms):
    return sorted((f["CallStatus"] for f in forms), key=(ANSWERED + ["busy"]).index)


# ---- the agent ----

def test_the_agent_at_a_webhook_url_talks_in_place_of_ours(owner):
    path, to = owner.path((200, {"Content-Type": "text/xml"}, TWIML)), number()
    call_id = owner.start(to, agent=owner.url(path))
    call = owner.client.ended(call_id)
    assert (call["status"], call["outcome_type"]) == ("completed", "success_no_booking")
    [asked] = owner.receiver.at(path)
    assert asked.form["To"] == to and asked.form["CallSid"] == call["call_sid"]
    assert asked.headers["x-twilio-signature"] == owner.stack.sign(owner.url(path), asked.pairs)
    [dial] = owner.stack.dials(to)
    assert dial["url"] == owner.url(path)
    assert urllib.parse.urlsplit(dial["status_callback"]).path == f"/twilio/status/{call_id}"
    # Ours was never asked: nothing was said or heard.
    assert not owner.stack.sql("SELECT FROM agent_turns WHERE call_id = %s", call_id)
    assert "transcript" not in [e["event_type"] for e in owner.client.events(call_id)]
    assert owner.client.usage() == 1


@pytest.mark.parametrize("digits, outcome", [
    ("0001", "failed_busy"), ("0002", "failed_no_answer"), ("0005", "success_no_booking")])
def test_how_a_call_with_an_agent_of_its_own_ends(owner, digits, outcome):
    path = owner.path((200, {"Content-Type": "text/xml"}, TWIML))
    call_id = owner.start(number(digits), agent=owner.url(path))
    assert owner.client.ended(call_id)["outcome_type"] == outcome


def test_an_agent_that_is_away_fails_by_the_carriers_word(owner):
    path = owner.path(500)
    call_id = owner.start(number(), agent=owner.url(path))
    call = owner.client.ended(call_id, seconds=60)
    assert call["status"] in ("completed", "failed")
    assert owner.receiver.at(path)


def test_from_number_is_who_calls(owner):
    to = number()
    owner.client.ended(owner.start(to, sender="+14155550123"))
    [dial] = owner.stack.dials(to)
    assert dial["from"] == "+14155550123"
    usual = number()
    owner.client.ended(owner.start(usual))
    [dial] = owner.stack.dials(usual)
    assert dial["from"] != "+14155550123"


def test_a_lost_answer_is_found_under_the_number_that_called(owner):
    to = number("0006")
    call = owner.client.ended(owner.start(to, sender="+14155550123"), seconds=60)
    assert call["status"] == "completed" and len(owner.stack.dials(to)) == 1


# ---- the news ----

def test_every_status_is_forwarded_as_it_came_with_the_calls_id(owner):
    path, to = owner.path(), number()
    call_id = owner.start(to, status=owner.url(path))
    call = owner.client.ended(call_id)
    forms = owner.forms(path, 4)
    assert said(forms) == ANSWERED
    for form in forms:
        assert (form["call_id"], form["To"], form["CallSid"]) == (call_id, to, call["call_sid"])
        assert form["CallbackSource"] == "call-progress-events" and form["AccountSid"]
    assert len({f["SequenceNumber"] for f in forms}) == 4
    for message in owner.receiver.at(path):
        assert message.pairs[-1] == ("call_id", call_id)
        assert "webhook-signature" not in message.headers and message.id.startswith("msg_")
    assert len({m.id for m in owner.receiver.at(path)}) == 4
    listed = eventually(lambda: all(d["status"] == "delivered" for d in owner.deliveries(call_id))
                        and owner.deliveries(call_id))
    assert [d["url"] for d in listed] == [owner.url(path)] * 4
    assert {d["event_id"] for d in listed} == {None}


def test_a_status_that_comes_twice_is_forwarded_once(owner):
    path, to = owner.path(), number("0011")
    call_id = owner.start(to, status=owner.url(path))
    owner.client.ended(call_id)
    assert said(owner.forms(path, 4)) == ANSWERED
    sid = owner.client.call(call_id)["call_sid"]
    hook = owner.stack.dials(to)[0]["status_callback"].partition("#")[0]
    again = urllib.parse.urlsplit(hook)
    for form in ({"CallSid": sid, "CallStatus": "completed", "To": to},
                 {"CallSid": "CA" + "0" * 32, "CallStatus": "completed", "To": to}):
        answer = owner.stack.hook(f"{again.path}?{again.query}", form)
        assert answer.status_code == 200
    assert len(owner.deliveries(call_id)) == 4


def test_with_a_webhook_of_the_workspace_it_is_signed(owner):
    path, to = owner.path(), number("0001")
    answer = owner.client.put("/users/me/webhook", {"url": owner.url(owner.path())})
    secret = answer.json()["secret"]
    secrets.add(secret)
    owner.start(to, status=owner.url(path))
    assert said(owner.forms(path, 2)) == ["initiated", "busy"]
    assert all(m.signed_by(secret) for m in owner.receiver.at(path))


def test_it_is_tried_again_until_it_is_taken(owner):
    path = owner.path([503, 500, 204])
    call_id = owner.start(number("0001"), status=owner.url(path))
    owner.client.ended(call_id)

    def look():
        owner.hurry()
        return all(d["status"] == "delivered" for d in owner.deliveries(call_id))
    eventually(look)
    tries = owner.receiver.at(path)
    assert len(tries) == 4 and len({m.id for m in tries}) == 2
    bodies = {}
    for one in tries:
        assert bodies.setdefault(one.id, one.body) == one.body


def test_after_a_day_it_is_dead_and_can_be_sent_again(owner):
    path = owner.path(500)
    call_id = owner.start(number("0001"), status=owner.url(path))
    owner.client.ended(call_id)
    owner.forms(path, 2)
    owner.stack.sql("UPDATE webhook_deliveries SET retry_until = clock_timestamp() WHERE call_id ="
                    " %s", call_id)

    def dead():
        owner.hurry()
        return all(d["status"] == "dead" for d in owner.deliveries(call_id))
    eventually(dead)
    owner.receiver.answers[path] = 204
    one = owner.deliveries(call_id)[0]
    answer = owner.client.post(f"/users/me/webhook/deliveries/{one['delivery_id']}/redeliver")
    assert answer.status_code == 200 and answer.json()["url"] == owner.url(path)
    eventually(lambda: owner.deliveries(call_id)[0]["status"] == "delivered")


def test_a_410_ends_the_one_and_leaves_the_webhook_alone(owner):
    path = owner.path(410)
    answer = owner.client.put("/users/me/webhook", {"url": owner.url(path)})
    secrets.add(answer.json()["secret"])
    call_id = owner.start(number("0001"), status=owner.url(path))
    owner.receiver.answers[path] = lambda m: (410 if hasattr(m, "form") else 204, {}, b"")
    owner.client.ended(call_id)
    eventually(lambda: {d["status"] for d in owner.deliveries(call_id)} == {"dead"})
    assert owner.client.me()["ask_user_webhook_configured"] is True
    assert owner.stack.sql("SELECT off_at FROM webhooks WHERE workspace_id = %s",
                           owner.client.workspace) == [(None,)]


def test_a_place_that_may_not_be_asked_is_not(stack):
    """Where private networks are not allowed, a URL that got there all the same leads nowhere."""
    client = stack.customer(cap=1)
    held, _ = client.ring()
    call_id = client.start(number("0001"))
    stack.sql("UPDATE calls SET status_callback_url = 'https://127.0.0.1/x' WHERE call_id = %s",
              call_id)
    client.cancel(held)
    client.ended(call_id)

    def refused():
        found = client.get("/users/me/webhook/deliveries").json()["deliveries"]
        return len(found) == 2 and all(d["error"] for d in found) and found
    found = eventually(refused)
    assert {(d["status"], d["response_status"]) for d in found} == {("pending", None)}
