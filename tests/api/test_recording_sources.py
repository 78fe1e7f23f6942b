"""Where a recording comes from: the object store, the spool, the carrier, in this order; and that
nobody sees how nginx got it or can send nginx elsewhere."""

import contextlib
import http.server
import os
import pathlib
import re
import signal
import threading
import time

import pytest
import requests
from apikit import eventually, number, once
from mp3 import frames
from test_recording import Recorded

PREFIX = "calls of/2026/"
# All that a client may see of an answer with a recording, whoever kept it.
HEADERS = {"accept-ranges", "cache-control", "connection", "content-disposition", "content-length",
           "content-range", "content-type", "date", "etag", "last-modified", "server",
           "strict-transport-security", "x-content-type-options", "x-request-id"}


class Kept(Recorded):
    """A finished call whose recording is in the spool and at the carrier."""

    def __init__(self, stack, store):
        super().__init__(stack)
        self.store = store
        self.file = pathlib.Path(stack.folder, "data", "recordings", f"{self.call_id}.mp3")
        self.bytes = self.file.read_bytes()
        [(self.sid,)] = stack.sql("SELECT recording_sid FROM recordings WHERE call_id = %s",
                                  self.call_id)
        self.key = f"{PREFIX}{self.sid}.mp3"

    def get(self, query="", **arguments):
        return self.admin.get(self.path + query, **arguments)

    def at_the_carrier(self, method, suffix):
        account = requests.get(f"{self.stack.sim}/sim/calls", timeout=20)
        assert account.ok
        user = conf(self.stack, "account_sid"), conf(self.stack, "auth_token")
        return requests.request(
            method, f"{self.stack.sim}/2010-04-01/Accounts/{user[0]}/Recordings/{self.sid}{suffix}",
            auth=user, timeout=30)


@contextlib.contextmanager
def changed(stack, key, value):
    """While this lasts, offhook-api has another value of one setting that is in its file."""
    path = pathlib.Path(stack.env["OFFHOOK_CONF"])
    before = path.read_text()
    after = re.sub(rf"(?m)^{key} = .*$", f'{key} = "{value}"', before)
    assert after != before
    path.write_text(after)
    stack.kill("api", signal.SIGHUP)
    try:
        yield
    finally:
        path.write_text(before)
        stack.kill("api", signal.SIGHUP)
        eventually(lambda: all(stack.client.get("/healthz").status_code == 200 for _ in range(5)))


def conf(stack, key):
    for line in pathlib.Path(stack.env["OFFHOOK_CONF"]).read_text().splitlines():
        if line.startswith(f"{key} = "):
            return line.partition(" = ")[2].strip('"')
    raise AssertionError(key)


@pytest.fixture
def kept(media_stack, store):
    return Kept(media_stack, store)


def check_whole(answer, data):
    assert answer.status_code == 200, answer.text
    assert answer.content == data
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert int(answer.headers["Content-Length"]) == len(data)
    assert {h.lower() for h in answer.headers} <= HEADERS, answer.headers


def check_ranges(kept, data, suffix=True):
    """Parts, the length alone, and what lies behind the end."""
    last_ones = [("bytes=-50", len(data) - 50, len(data) - 1)] if suffix else []
    for asked, first, last in (("bytes=0-99", 0, 99), *last_ones,
                               (f"bytes={len(data) - 3}-", len(data) - 3, len(data) - 1)):
        answer = kept.get(headers={"Range": asked})
        assert answer.status_code == 206, answer.text
        assert answer.content == data[first:last + 1]
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(data)}"
        assert answer.headers["Content-Type"] == "audio/mpeg"
        assert {h.lower() for h in answer.headers} <= HEADERS, answer.headers
    head = kept.admin.request("HEAD", kept.path)
    assert head.status_code == 200 and head.content == b""
    assert int(head.headers["Content-Length"]) == len(data)
    assert head.headers["Content-Type"] == "audio/mpeg"
    behind = kept.get(headers={"Range": f"bytes={len(data)}-"}, checked=False)
    assert behind.status_code == 416, (behind.headers, behind.text[:80])
    assert "xml" not in behind.text.lower()


def check_names(kept):
    for query, kind in (("", "inline"), ("?download=true", "attachment")):
        assert kept.get(query).headers["Content-Disposition"] == (
            f'{kind}; filename="{kept.call_id}.mp3"')


# ---- the object store ----

def test_the_store_comes_first(kept):
    other = b"\xff\xfb" + os.urandom(40000)
    kept.store.put(kept.key, other, **{"content-type": "binary/octet-stream"})
    try:
        check_whole(kept.get(), other)
        check_ranges(kept, other, suffix=False)  # this server takes -50 for 0-50
        check_names(kept)
        check_whole(kept.stack.client.get(f"{kept.path}?api_key={kept.admin_key}"), other)
    finally:
        kept.store.delete(kept.key)
    check_whole(kept.get(), kept.bytes)


def test_nothing_of_the_clients_request_goes_to_the_store_but_the_range(kept):
    kept.store.put(kept.key, kept.bytes)
    before = len(kept.store.seen)
    answer = kept.get("?download=true", headers={
        "Range": "bytes=1-2", "Cookie": "a=b", "X-Offhook-Store": "http://127.0.0.1:1/",
        "X-Offhook-Carrier": "http://127.0.0.1:1/", "X-Offhook-Authorization": "Basic eDp5",
        "X-Accel-Redirect": "/_recording/x", "Referer": "http://here"})
    assert answer.content == kept.bytes[1:3]
    seen = eventually(lambda: kept.store.seen[before:])
    [asked] = [s for s in seen if s["method"] != "PUT"]
    assert asked["method"] == "GET" and asked["url"].startswith(
        f"/recordings/calls%20of/2026/{kept.sid}.mp3?X-Amz-Algorithm=AWS4-HMAC-SHA256&")
    assert set(asked["headers"]) == {"host", "connection", "range", "user-agent"}
    assert kept.admin_key not in str(asked)
    kept.store.delete(kept.key)


def test_a_store_that_is_away_is_passed_over(kept):
    kept.store.put(kept.key, b"nobody gets this")
    kept.store.stop()
    try:
        check_whole(kept.get(), kept.bytes)
    finally:
        kept.store.start()
    kept.store.delete(kept.key)


def test_a_store_that_refuses_the_key_is_passed_over(kept):
    kept.store.put(kept.key, b"nobody gets this")
    with kept.store.denied():
        check_whole(kept.get(), kept.bytes)
    check_whole(kept.get(), b"nobody gets this")
    kept.store.delete(kept.key)


# ---- the carrier ----

def test_the_carrier_comes_last(kept):
    kept.file.unlink()
    check_whole(kept.get(), kept.at_the_carrier("GET", ".mp3").content)
    check_ranges(kept, kept.bytes)
    check_names(kept)


def test_what_the_carrier_cannot_give_yet_is_202(kept):
    kept.file.unlink()
    assert kept.at_the_carrier("DELETE", ".json").status_code == 204
    answer = kept.get()
    assert answer.status_code == 202 and answer.json() == {"status": "recording_pending"}
    assert answer.headers["Content-Type"] == "application/json"
    assert "Content-Disposition" not in answer.headers


def test_a_carrier_that_is_away_is_503(kept):
    kept.file.unlink()
    with changed(kept.stack, "api_url", "http://127.0.0.1:1"):
        answer = once(kept.get, 503)
    assert answer.json() == {"detail": "temporarily unavailable"} and answer.headers["Retry-After"]
    kept.file.write_bytes(kept.bytes)
    os.chmod(kept.file, 0o644)


def test_without_the_carriers_credentials_it_is_500(kept):
    kept.file.unlink()
    with changed(kept.stack, "auth_token", ""):
        answer = once(kept.get, 500)
        assert answer.json() == {"detail": "Twilio credentials are not configured"}
        # A stranger and an owner learn nothing of it.
        assert kept.client.get(kept.path).status_code == 404
        assert kept.stack.client.get(kept.path).status_code == 401


def test_a_recording_that_we_were_never_told_of_is_looked_for(media_stack):
    """The carrier's callbacks are lost (0010): whoever asks does not wait for the recorder's turn."""
    client = media_stack.customer()
    admin = media_stack.with_key(media_stack.new_key("workspace", client.workspace, admin=True))
    call_id = client.start(number("0010"))
    client.ended(call_id, 60)
    at = time.monotonic()
    answer = once(lambda: admin.get(f"/calls/{call_id}/recording"), 200)
    assert frames(answer.content) > 20
    assert time.monotonic() - at < 12  # by itself it looks 15 s after the end
    eventually(lambda: client.call(call_id)["has_recording"])
    file = pathlib.Path(media_stack.folder, "data", "recordings", f"{call_id}.mp3")
    assert file.read_bytes() == answer.content


def test_the_recorder_fetches_from_the_store_what_the_carrier_does_not_keep(kept):
    """The carrier's external storage: the media is in the bucket alone."""
    kept.file.unlink()
    kept.store.put(kept.key, b"\xff\xfb external")
    kept.at_the_carrier("DELETE", ".json")
    before = len(kept.store.seen)
    kept.stack.sql("UPDATE recordings SET state = 'ready', check_at = clock_timestamp()"
                   " WHERE call_id = %s", kept.call_id)
    eventually(kept.file.exists)
    assert kept.file.read_bytes() == b"\xff\xfb external"
    asked = [s for s in kept.store.seen[before:] if s["method"] == "GET"]
    assert asked  # and perhaps the merger, which misses the file as well
    for one in asked:
        assert one["headers"]["authorization"].startswith("AWS4-HMAC-SHA256 Credential=S3RVER/")
    kept.store.delete(kept.key)


# ---- nobody in ----

@pytest.mark.parametrize("path", [
    "/_recording/{id}.mp3", "/_recording/", "/_recording/../_recording/{id}.mp3",
    "/%5frecording/{id}.mp3", "/_recording/..%2f..%2foffhook.conf", "/@store", "/@spool",
    "/@carrier", "/_errors/pending", "/{id}.mp3", "/dev/null"])
def test_the_sources_have_no_door_to_the_outside(kept, path):
    for headers in ({}, {"X-Offhook-Store": f"{kept.store.url}/recordings/x",
                         "X-Offhook-Carrier": f"{kept.stack.sim}/sim/calls"}):
        answer = kept.admin.get(path.format(id=kept.call_id), headers=headers)
        assert answer.status_code in (400, 404), answer.text
        assert answer.headers["Content-Type"] == "application/json"


def test_no_name_of_a_call_sends_nginx_elsewhere(kept):
    """Whatever stands for the id, in the reach of a platform's admin: nothing is asked of anybody."""
    asked = []

    class Trap(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

    trap = http.server.HTTPServer(("127.0.0.1", 0), Trap)
    threading.Thread(target=trap.serve_forever, daemon=True).start()
    base = f"127.0.0.1:{trap.server_port}"
    admin = kept.stack.with_key(kept.stack.new_key("platform", admin=True))
    before = len(kept.store.seen)
    for name in (f"{kept.call_id}%0d%0aX-Accel-Redirect:%20/_recording/x",
                 f"{kept.call_id}%0d%0aX-Offhook-Carrier:%20http:%2f%2f{base}%2f",
                 f"@{base}", f"http:%2f%2f{base}%2f", f"{kept.call_id}%3f@{base}", "..", "%2e%2e",
                 f"{kept.call_id}%00", "call_%27%20OR%201=1", f"{kept.call_id}.mp3"):
        answer = admin.get(f"/calls/{name}/recording", checked=False)
        assert answer.status_code in (400, 404), (name, answer.text)
        assert not {"x-accel-redirect", "x-offhook-carrier"} & {h.lower() for h in answer.headers}
    trap.shutdown()
    trap.server_close()
    assert not asked and len(kept.store.seen) == before
