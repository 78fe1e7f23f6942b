"""GET /calls/{call_id}/recording: an MP3 for admins, nothing at all for everyone else."""

import pathlib

import pytest
from apikit import Client, eventually, name, number
from mp3 import frames


class Recorded:
    """A finished call whose recording has been fetched."""

    def __init__(self, stack):
        self.stack, self.client = stack, stack.customer()
        self.workspace = self.client.workspace
        self.call_id = self.client.start()
        self.client.ended(self.call_id)
        self.call = eventually(lambda: (lambda c: c["has_recording"] and c)(
            self.client.call(self.call_id)))
        self.path = f"/calls/{self.call_id}/recording"
        self.admin_key = stack.new_key("workspace", self.workspace, admin=True)
        self.admin = stack.with_key(self.admin_key)


@pytest.fixture(scope="module")
def recorded(stack):
    return Recorded(stack)


def bytes_of(answer):
    headers = {n.lower(): v for n, v in answer.headers.items() if n.lower() != "date"}
    return answer.status_code, headers, answer.content


# ---- for admins ----

def test_an_admin_gets_a_real_mp3(recorded):
    answer = recorded.admin.get(recorded.path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert int(answer.headers["Content-Length"]) == len(answer.content) > 5000
    assert frames(answer.content) > 20


def test_it_is_the_file_that_was_fetched(recorded):
    file = pathlib.Path(recorded.stack.folder, "data", "recordings", f"{recorded.call_id}.mp3")
    assert recorded.admin.get(recorded.path).content == file.read_bytes()


def test_the_call_says_where_it_is_by_a_relative_path(recorded):
    assert recorded.call["recording_url"] == recorded.path
    [event] = [e for e in recorded.client.events(recorded.call_id)
               if e["event_type"] == "recording_ready"]
    assert event["data"]["recording_url"] == recorded.path
    assert event["data"]["duration_sec"] > 0


def test_it_is_shown_inline_and_saved_by_the_calls_name(recorded):
    for query, kind in (("", "inline"), ("?download=false", "inline"),
                        ("?download=true", "attachment")):
        answer = recorded.admin.get(recorded.path + query)
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"] == (
            f'{kind}; filename="{recorded.call_id}.mp3"')


def test_a_download_that_is_no_boolean_is_422(recorded):
    answer = recorded.admin.get(recorded.path + "?download=maybe")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "download"]


@pytest.mark.parametrize("asked, first, last", [
    ("bytes=0-99", 0, 99), ("bytes=100-", 100, None), ("bytes=-50", -50, None),
    ("bytes=0-0", 0, 0)])
def test_a_range_is_206(recorded, asked, first, last):
    whole = recorded.admin.get(recorded.path).content
    answer = recorded.admin.get(recorded.path, headers={"Range": asked})
    assert answer.status_code == 206
    first = first if first >= 0 else len(whole) + first
    last = len(whole) - 1 if last is None else last
    assert answer.content == whole[first:last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(whole)}"
    assert answer.headers["Content-Type"] == "audio/mpeg"


def test_a_range_behind_the_end_is_416(recorded):
    size = len(recorded.admin.get(recorded.path).content)
    answer = recorded.admin.get(recorded.path, headers={"Range": f"bytes={size}-"}, checked=False)
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"


def test_head_says_the_length_and_sends_nothing(recorded):
    whole = recorded.admin.get(recorded.path)
    answer = recorded.admin.request("HEAD", recorded.path)
    assert answer.status_code == 200 and answer.content == b""
    for header in ("Content-Length", "Content-Type", "Content-Disposition", "Accept-Ranges"):
        assert answer.headers[header] == whole.headers[header]


def test_the_key_may_stand_in_the_query_here(recorded):
    for query in (f"?api_key={recorded.admin_key}", f"?download=true&api_key={recorded.admin_key}"):
        assert recorded.stack.client.get(recorded.path + query).status_code == 200


def test_a_header_wins_over_the_query(recorded):
    wrong = recorded.stack.with_key("wrong")
    assert wrong.get(f"{recorded.path}?api_key={recorded.admin_key}").status_code == 401


def test_an_admin_of_a_level_above_gets_it_with_and_without_the_workspaces_name(stack, recorded):
    key = stack.new_key("platform", admin=True)
    assert stack.with_key(key).get(recorded.path).status_code == 200
    named = stack.with_key(key, X_Workspace_Id=recorded.workspace)
    assert named.get(recorded.path).status_code == 200


# ---- for everyone else ----

def test_for_everyone_else_it_looks_as_if_there_were_nothing(stack, recorded):
    """The owner, a foreign admin, an admin who names another workspace: the same bytes as for a
    call that is not."""
    foreign = stack.new_workspace()
    headers = {"X-Request-Id": "same"}
    absent = Client(stack, recorded.admin_key, headers=headers).get(
        f"/calls/call_{'0' * 26}/recording")
    assert absent.status_code == 404
    for key, workspace in (
            (recorded.client.key, None),
            (stack.new_key("workspace", recorded.workspace), None),
            (stack.new_key("workspace", foreign, admin=True), None),
            (stack.new_key("platform"), recorded.workspace),
            (stack.new_key("platform"), None),
            (stack.new_key("platform", admin=True), foreign),
            (stack.new_key("platform", admin=True), name("none")),
            (stack.new_key("workspace", foreign, admin=True), recorded.workspace)):
        more = {"X-Workspace-Id": workspace} if workspace else {}
        client = Client(stack, key, headers={**headers, **more})
        for path in (recorded.path, f"/calls/call_{'0' * 26}/recording",
                     "/calls/nonsense/recording"):
            assert bytes_of(client.get(path)) == bytes_of(absent), (key[-4:], workspace, path)
        partly = client.get(recorded.path, headers={"Range": "bytes=0-9"})
        assert bytes_of(partly) == bytes_of(absent)


def test_without_a_key_it_is_401(stack, recorded):
    for client in (stack.client, stack.with_key("wrong")):
        assert client.get(recorded.path).status_code == 401
    for query in ("?api_key=", "?api_key=wrong", "?api_key"):
        assert stack.client.get(recorded.path + query).status_code == 401


def test_a_revoked_admin_key_is_401(stack, recorded):
    row = stack.key_row("workspace", recorded.workspace, admin=True)
    assert stack.with_key(row["api_key"]).get(recorded.path).status_code == 200
    stack.offhook("key", "revoke", row["api_key_id"])
    assert stack.with_key(row["api_key"]).get(recorded.path).status_code == 401


@pytest.mark.parametrize("path", [
    "/_recordings/{id}.mp3", "/_recordings/", "/calls/{id}/recording/", "/calls/{id}/recording.mp3",
    "/calls/../_recordings/{id}.mp3", "/recordings/{id}.mp3", "//_recordings/{id}.mp3"])
def test_there_is_no_other_way_to_the_file(stack, recorded, path):
    answer = recorded.admin.get(path.format(id=recorded.call_id))
    assert answer.status_code == 404 and answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_can_only_be_read(recorded, method):
    answer = recorded.admin.request(method, recorded.path)
    assert answer.status_code == 405 and "GET" in answer.headers["Allow"]


# ---- while there is none ----

def test_while_it_is_to_come_the_answer_is_202(stack, recorded):
    call_id, _ = recorded.client.talk()
    answer = recorded.admin.get(f"/calls/{call_id}/recording")
    assert answer.status_code == 202 and answer.json() == {"status": "recording_pending"}
    assert recorded.client.get(f"/calls/{call_id}/recording").status_code == 404
    recorded.client.cancel(call_id)


def test_there_is_none_of_a_call_that_was_never_dialed_or_never_answered(stack):
    client = stack.customer(cap=1)
    admin = stack.with_key(stack.new_key("workspace", client.workspace, admin=True))
    with client.held():
        waiting = client.start()
        assert admin.get(f"/calls/{waiting}/recording").status_code == 404
        client.cancel(waiting)
        assert admin.get(f"/calls/{waiting}/recording").status_code == 404
    busy = client.ended(client.start(number("0001")))["call_id"]
    assert admin.get(f"/calls/{busy}/recording").status_code == 404


def test_the_recording_of_a_cancelled_talk_is_kept(recorded):
    call_id, _ = recorded.client.talk()
    recorded.client.cancel(call_id)
    eventually(lambda: recorded.admin.get(f"/calls/{call_id}/recording").status_code == 200, 60)
    assert frames(recorded.admin.get(f"/calls/{call_id}/recording").content) > 0
