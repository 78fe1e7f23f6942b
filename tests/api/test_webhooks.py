"""Webhooks: who sets them, what they are told, how often, and what they may not be."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import pytest
from apikit import eventually, name, number, secrets
from receiver import Receiver, nobody

NODE = pathlib.Path(__file__).parent / "node"
LISTED = {"delivery_id", "call_id", "job_id", "event_id", "event_type", "status", "attempts",
          "response_status", "error", "url", "created_at", "next_attempt_at", "delivered_at"}


@pytest.fixture(scope="module")
def receiver(hook_stack):
    made = Receiver(f"{hook_stack.folder}/tls")
    yield made
    made.close()


class Hooked:
    """A customer with a path of its own at the receiver."""

    def __init__(self, stack, receiver, answer=204):
        self.client, self.receiver = stack.customer(), receiver
        self.path = "/" + name("hook")
        receiver.answers[self.path] = answer
        self.secret = self.set()

    def set(self, url=None, **more):
        answer = self.client.put("/users/me/webhook",
                                 {"url": url or self.receiver.url(self.path), **more})
        assert answer.status_code == 200, answer.text
        secret = answer.json()["secret"]
        if secret:
            secrets.add(secret)
        return secret

    def messages(self, kind=None):
        return [m for m in self.receiver.at(self.path)
                if kind in (None, m.event["event_type"])]

    def deliveries(self, query=""):
        answer = self.client.get("/users/me/webhook/deliveries" + query)
        assert answer.status_code == 200, answer.text
        return answer.json()["deliveries"]

    def delivery(self, call_id, kind="outcome"):
        return next(iter(d for d in self.deliveries("?limit=200")
                         if (d["call_id"], d["event_type"]) == (call_id, kind)), None)

    def busy(self):
        """A call that is soon over, with an outcome to tell of; its id."""
        call_id = self.client.start(number("0001"))
        self.client.ended(call_id)
        return call_id

    def wait(self, call_id, status, kind="outcome", seconds=20):
        def look():
            found = self.delivery(call_id, kind)
            return found and found["status"] == status and found
        return eventually(look, seconds)

    def hurry(self):
        """Spares the waits between tries."""
        self.client.stack.sql("UPDATE webhook_deliveries SET next_at = clock_timestamp() WHERE"
                              " workspace_id = %s AND state = 'pending' AND next_at >"
                              " clock_timestamp() + interval '1 s'", self.client.workspace)

    def redeliver(self, delivery_id):
        return self.client.post(f"/users/me/webhook/deliveries/{delivery_id}/redeliver")


@pytest.fixture
def hooked(hook_stack, receiver):
    return Hooked(hook_stack, receiver)


# ---- the endpoint ----

def test_a_webhook_is_set_shown_and_removed(hooked):
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{32}", hooked.secret)
    me = hooked.client.me()
    assert me["ask_user_webhook_url"] == hooked.receiver.url(hooked.path)
    assert me["ask_user_webhook_configured"] is True
    assert hooked.secret not in json.dumps(me)
    for _ in range(2):
        answer = hooked.client.request("DELETE", "/users/me/webhook")
        assert (answer.status_code, answer.json()) == (200, {"cleared": True})
    me = hooked.client.me()
    assert (me["ask_user_webhook_url"], me["ask_user_webhook_configured"]) == (None, False)


def test_the_secret_is_new_by_default_and_kept_by_request(hooked):
    second = hooked.set()
    assert second and second != hooked.secret
    assert hooked.set(regenerate_secret=False) is None
    assert hooked.set(regenerate_secret=True) not in (None, second)


def test_the_first_secret_is_shown_whatever_is_asked_for(hook_stack):
    answer = hook_stack.customer().put("/users/me/webhook", {
        "url": "https://example.com/", "regenerate_secret": False})
    secrets.add(answer.json()["secret"])
    assert answer.json()["secret"].startswith("whsec_")


def test_the_webhook_is_the_customers_whichever_key_sets_it(hook_stack, hooked):
    other = hook_stack.with_key(hook_stack.new_key("workspace", hooked.client.workspace))
    assert other.me()["ask_user_webhook_configured"] is True
    assert hook_stack.customer().me()["ask_user_webhook_configured"] is False


@pytest.mark.parametrize("url", [
    "http://example.com/", "https://localhost/", "https://127.0.0.1/", "https://10.0.0.1:8443/",
    "https://[::1]/", "https://2130706433/", "https://user:pw@example.com/",
    "https://example.com:8080/", "https://example.com:22/", "https://intranet/", "ftp://a.example/",
    "file:///etc/passwd", "https://", "x", "https://example.com/\r\nX: y", "https://exa mple.com/",
    "https://example.com#@127.0.0.1/", "https://169.254.169.254/latest/meta-data/"])
def test_a_url_that_leads_elsewhere_is_422(customer, url):
    answer = customer.put("/users/me/webhook", {"url": url})
    assert answer.status_code == 422, answer.text
    fault = answer.json()["detail"][0]
    assert fault["loc"] == ["body", "url"] and "the URL" in fault["msg"]
    assert customer.me()["ask_user_webhook_url"] is None


@pytest.mark.parametrize("body", [
    {}, {"url": None}, {"url": 7}, {"url": ""}, {"url": "https://a.example/" + "x" * 2083},
    {"url": "https://a.example/", "regenerate_secret": "yes"}, []])
def test_a_body_that_is_none_is_422(customer, body):
    assert customer.put("/users/me/webhook", body).status_code == 422


@pytest.mark.parametrize("url", ["https://example.com", "https://example.com:8443/a?b=c",
                                 "https://hooks.example.co.uk/%C3%BC"])
def test_a_public_url_is_taken(customer, url):
    answer = customer.put("/users/me/webhook", {"url": url})
    secrets.add(answer.json()["secret"])
    assert (answer.status_code, answer.json()["url"]) == (200, url)


def test_nobody_sets_a_webhook_without_a_key(stack):
    assert stack.client.put("/users/me/webhook", {"url": "x"}).status_code == 401
    assert stack.client.request("DELETE", "/users/me/webhook").status_code == 401
    assert stack.client.get("/users/me/webhook/deliveries").status_code == 401
    assert stack.client.post("/users/me/webhook/deliveries/x/redeliver").status_code == 401


def test_a_name_that_leads_to_loopback_is_refused_after_dns(stack):
    """A whole name, so that its text is fine; libcurl itself takes it for loopback."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", 8443))
            listener.listen()
            listener.setblocking(False)
        except OSError:
            listener = None  # somebody's stack is there: only the refusal is seen then
        hooked = Hooked.__new__(Hooked)
        hooked.client = stack.customer()
        hooked.set("https://receiver.localhost:8443/hook")
        call_id = hooked.busy()
        found = eventually(lambda: (d := hooked.delivery(call_id)) and d["error"] and d)
        assert found["status"] == "pending" and "public Internet" in found["error"]
        if listener:
            with pytest.raises(BlockingIOError):
                listener.accept()


# ---- what is sent ----

def test_a_call_tells_its_outcome_and_its_recording(hooked):
    call_id = hooked.client.start(language="en")
    hooked.client.ended(call_id)
    told = {kind: hooked.wait(call_id, "delivered", kind) for kind in ("outcome", "recording_ready")}
    events = {e["event_id"]: e for e in hooked.client.events(call_id)}
    messages = hooked.messages()
    assert {m.event["event_type"] for m in messages} == {"outcome", "recording_ready"}
    for message in messages:
        assert message.event == events[message.event["event_id"]]
        assert message.signed_by(hooked.secret)
        assert message.headers["content-type"] == "application/json"
        assert message.headers["user-agent"] == "offhook"
        assert "expect" not in message.headers
        row = told[message.event["event_type"]]
        assert row["delivery_id"] == message.id and row["event_id"] == message.event["event_id"]
        assert (row["attempts"], row["response_status"], row["error"]) == (1, 204, None)
        assert row["next_attempt_at"] is None and row["delivered_at"] >= row["created_at"]
    assert len({m.id for m in messages}) == len(messages)


def test_the_customers_own_library_verifies_it(hooked, tmp_path_factory):
    named = os.environ.get("OFFHOOK_NODE_MODULES")
    folder = pathlib.Path(named, "api") if named else tmp_path_factory.mktemp("node")
    folder.mkdir(parents=True, exist_ok=True)
    lock, wanted = folder / ".installed-lock.json", (NODE / "package-lock.json").read_text()
    for file in ("package.json", "package-lock.json", ".npmrc", "verify.js"):
        shutil.copyfile(NODE / file, folder / file)
    if not lock.exists() or lock.read_text() != wanted:
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                              cwd=folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        lock.write_text(wanted)

    def verdict(message, secret, body=None):
        text = json.dumps({"headers": message.headers, "body": body or message.body.decode()})
        return subprocess.run(["node", "verify.js", secret], cwd=folder, input=text, text=True,
                              timeout=60).returncode

    hooked.wait(hooked.busy(), "delivered")
    before = hooked.secret
    after = hooked.set()
    hooked.wait(hooked.busy(), "delivered")
    first, second = hooked.messages("outcome")
    assert verdict(first, before) == 0
    assert verdict(first, after) == 3
    assert verdict(first, before, first.body.decode() + " ") == 3
    assert verdict(second, after) == 0 and verdict(second, before) == 0


def test_the_old_secret_signs_for_a_day_and_no_longer(hook_stack, hooked):
    second = hooked.set()
    hooked.wait(hooked.busy(), "delivered")
    message, = hooked.messages("outcome")
    assert message.signed_by(second) and message.signed_by(hooked.secret)
    assert message.headers["webhook-signature"].startswith("v1,")
    third = hooked.set()
    hooked.wait(hooked.busy(), "delivered")
    message = hooked.messages("outcome")[1]
    assert message.signed_by(third) and message.signed_by(second)
    assert not message.signed_by(hooked.secret)
    hook_stack.sql("UPDATE webhooks SET old_until = clock_timestamp() WHERE workspace_id = %s",
                   hooked.client.workspace)
    hooked.wait(hooked.busy(), "delivered")
    message = hooked.messages("outcome")[2]
    assert message.signed_by(third) and not message.signed_by(second)


def test_nothing_is_sent_without_a_webhook(hooked):
    hooked.client.request("DELETE", "/users/me/webhook")
    hooked.busy()
    time.sleep(0.3)
    assert hooked.deliveries() == [] and hooked.messages() == []


# ---- when it does not go well ----

def test_a_500_is_tried_again_after_about_5_s_under_the_same_id(hooked):
    hooked.receiver.answers[hooked.path] = [500, 204]
    call_id = hooked.busy()
    first = eventually(lambda: (d := hooked.delivery(call_id)) and d["error"] and d)
    assert (first["status"], first["attempts"]) == ("pending", 1)
    assert (first["response_status"], first["error"]) == (500, "answered HTTP 500")
    hooked.wait(call_id, "delivered")
    one, two = hooked.messages("outcome")
    assert 3.5 < two.at - one.at < 15
    assert one.id == two.id and one.body == two.body
    assert one.headers["webhook-timestamp"] != two.headers["webhook-timestamp"]
    assert one.signed_by(hooked.secret) and two.signed_by(hooked.secret)
    assert hooked.delivery(call_id)["attempts"] == 2


@pytest.mark.parametrize("answer, error", [
    ("close", None), ("hang", None), (302, "answered HTTP 302"), (404, "answered HTTP 404"),
    (429, "answered HTTP 429")])
def test_whatever_is_no_2xx_is_tried_again(hooked, answer, error):
    if answer == 302:
        answer = (302, {"Location": hooked.receiver.url("/elsewhere")}, b"")
    hooked.receiver.answers[hooked.path] = [answer, 200]
    call_id = hooked.busy()
    found = eventually(lambda: (d := hooked.delivery(call_id)) and d["error"] and d, 25)
    assert found["status"] == "pending" and error in (None, found["error"])
    hooked.hurry()
    hooked.wait(call_id, "delivered")
    assert hooked.receiver.at("/elsewhere") == []
    assert len({m.id for m in hooked.messages("outcome")}) == 1


def test_a_reply_of_any_size_is_an_answer(hooked):
    hooked.receiver.answers[hooked.path] = (200, {}, b"x" * 1000000)
    hooked.wait(hooked.busy(), "delivered")
    assert len(hooked.messages("outcome")) == 1


def test_retry_after_is_kept_to(hooked):
    hooked.receiver.answers[hooked.path] = (503, {"Retry-After": "600"}, b"")
    call_id = hooked.busy()
    eventually(lambda: (d := hooked.delivery(call_id)) and d["error"])
    wait, = hooked.client.stack.sql("SELECT next_at - clock_timestamp() > interval '550 s' FROM"
                                    " webhook_deliveries WHERE call_id = %s", call_id)
    assert wait[0]


def test_nobody_listens_and_a_certificate_that_is_wrong(hooked):
    hooked.set(f"https://localhost:{nobody()}/", regenerate_secret=False)
    call_id = hooked.busy()
    assert "connect" in eventually(lambda: (d := hooked.delivery(call_id)) and d["error"])
    port = hooked.receiver.server.server_address[1]
    hooked.set(f"https://other.localhost:{port}/", regenerate_secret=False)
    call_id = hooked.busy()
    error = eventually(lambda: (d := hooked.delivery(call_id)) and d["error"])
    assert "certificate subject name" in error
    assert hooked.messages() == []


def test_410_switches_the_webhook_off(hooked):
    hooked.receiver.answers[hooked.path] = 410
    call_id = hooked.busy()
    found = hooked.wait(call_id, "dead")
    assert (found["response_status"], found["error"]) == (410, "answered HTTP 410")
    me = hooked.client.me()
    assert me["ask_user_webhook_configured"] is False
    assert me["ask_user_webhook_url"] == hooked.receiver.url(hooked.path)
    hooked.busy()
    assert len(hooked.deliveries()) == 1
    assert hooked.redeliver(found["delivery_id"]).status_code == 409
    hooked.receiver.answers[hooked.path] = 204
    assert hooked.set(regenerate_secret=False) is None
    assert hooked.client.me()["ask_user_webhook_configured"] is True
    assert hooked.redeliver(found["delivery_id"]).status_code == 200
    hooked.wait(call_id, "delivered")


def test_what_waits_dies_with_the_webhook(hooked):
    hooked.receiver.answers[hooked.path] = 500
    call_id = hooked.busy()
    eventually(lambda: (d := hooked.delivery(call_id)) and d["error"])
    hooked.client.request("DELETE", "/users/me/webhook")
    assert "no webhook" in hooked.wait(call_id, "dead")["error"]


def test_dead_after_a_day_and_delivered_again_by_request(hook_stack, hooked):
    hooked.receiver.answers[hooked.path] = 500
    call_id = hooked.busy()
    eventually(lambda: (d := hooked.delivery(call_id)) and d["error"])
    hook_stack.sql("UPDATE webhook_deliveries SET retry_until = clock_timestamp() WHERE call_id = %s",
                   call_id)
    hooked.hurry()
    dead = hooked.wait(call_id, "dead")
    assert hooked.deliveries("?status=dead") == [dead]
    assert hooked.deliveries("?status=delivered") == []
    listed = hook_stack.offhook("webhooks", "list", "--workspace", hooked.client.workspace,
                                "--status", "dead")
    assert [row["delivery_id"] for row in listed] == [dead["delivery_id"]]
    assert hook_stack.customer().post(
        f"/users/me/webhook/deliveries/{dead['delivery_id']}/redeliver").status_code == 404
    assert hooked.redeliver("msg_none_1").status_code == 404
    hooked.receiver.answers[hooked.path] = 204
    again = hooked.redeliver(dead["delivery_id"])
    assert again.status_code == 200 and again.json()["status"] == "pending"
    hooked.wait(call_id, "delivered")
    hook_stack.offhook("webhooks", "redeliver", dead["delivery_id"])
    eventually(lambda: len(hooked.messages("outcome")) == 4)
    assert len({m.id for m in hooked.messages("outcome")}) == 1


def test_the_list_has_pages(hooked):
    calls = [hooked.busy() for _ in range(5)]
    for call_id in calls:
        hooked.wait(call_id, "delivered")
    everything = hooked.deliveries()
    assert [d["call_id"] for d in everything] == calls[::-1]
    assert all(set(d) == LISTED for d in everything)
    seen, cursor = [], ""
    while cursor is not None:
        page = hooked.client.get(
            f"/users/me/webhook/deliveries?limit=2&status=delivered{cursor}").json()
        seen += page["deliveries"]
        cursor = page["next_cursor"] and "&cursor=" + page["next_cursor"]
    assert seen == everything
    for query in ("?limit=0", "?limit=201", "?limit=x", "?status=x"):
        assert hooked.client.get("/users/me/webhook/deliveries" + query).status_code == 422


@pytest.mark.alone
def test_one_slow_endpoint_does_not_delay_another(hook_stack, receiver):
    slow, quick = (Hooked(hook_stack, receiver) for _ in range(2))
    receiver.answers[slow.path] = "hang"
    waiting = [slow.client.start(number("0001")) for _ in range(15)]
    for call_id in waiting:
        slow.client.ended(call_id)
    eventually(lambda: len(slow.messages()) >= 5)
    call_id = quick.busy()
    began = time.monotonic()
    quick.wait(call_id, "delivered")
    assert time.monotonic() - began < 3
    assert len(slow.messages()) <= 15
    slow.client.request("DELETE", "/users/me/webhook")


def test_an_answer_of_410_long_after_a_new_url_switches_nothing_off(hooked):
    def late(_):
        hooked.set(hooked.receiver.url(hooked.path + "-new"), regenerate_secret=False)
        return 410
    hooked.receiver.answers[hooked.path] = late
    hooked.wait(hooked.busy(), "dead")
    assert hooked.client.me()["ask_user_webhook_configured"] is True
