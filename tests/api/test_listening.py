"""Live listening: admins hear calls while they go on, as a file of sound that grows until the end."""

import array
import json
import math
import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading

import apikit
import pytest
import requests
from apikit import CANARY, Client, eventually
from conftest import made
from mediakit import Line, babble, linear

ANY = {"Accept": "*/*"}
LINEAR = [linear(byte) for byte in range(256)]
BYTES_A_S = 32000
LISTENERS = 4


@pytest.fixture(scope="module")
def stack():
    yield from made({"queue.enabled": "true", "queue.cps": 40, "voice.transport": "stream",
                     "voice.loops": 2})


def admin(stack, organization=None):
    """A new workspace and an admin's key, whose id is .key_id; nothing is allowed yet."""
    workspace = stack.new_workspace(cap=100, organization=organization)
    row = stack.key_row("workspace", workspace, admin=True)
    client = Client(stack, row["api_key"], workspace)
    client.key_id = row["api_key_id"]
    return client


def allow(stack, scope, scope_id, value=True):
    stack.offhook("settings", "set", scope, scope_id, "voice.live_listening", json.dumps(value))


@pytest.fixture(scope="module")
def client(stack):
    client = admin(stack)
    allow(stack, "workspace", client.workspace)
    return client


class Listener:
    """Reads a stream in a thread of its own, as an audio element does, until it ends."""

    def __init__(self, client, path=None, url=None):
        self.data = bytearray()
        self.fault = None
        self.over = threading.Event()
        headers = {"X-API-Key": client.key} if path else {}
        self.answer = requests.get(url or client.stack.url + path, headers={**ANY, **headers},
                                   verify=client.stack.ca, stream=True, timeout=(10, 20))
        assert self.answer.status_code == 200, self.answer.text
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for part in self.answer.iter_content(None):
                self.data += part
        except (requests.RequestException, AttributeError, OSError, ValueError) as error:
            self.fault = repr(error)
        self.over.set()

    def leave(self):
        self.answer.raw._fp.fp.raw._sock.shutdown(socket.SHUT_RDWR)
        self.answer.close()
        assert self.over.wait(10)

    def ends(self):
        """It ends, whole."""
        assert self.over.wait(20), "the stream goes on"
        assert self.fault is None

    def sides(self):
        """Samples of the callee and of the agent."""
        samples = array.array("h")
        samples.frombytes(bytes(self.data[44:len(self.data) - len(self.data) % 4]))
        return samples[0::2], samples[1::2]

    def ms(self):
        return (len(self.data) - 44) // 32


def listen(client, line):
    return Listener(client, f"/calls/{line.call_id}/listen")


def pcm(sound):
    """Mu-law as samples."""
    return array.array("h", (LINEAR[byte] for byte in sound))


def holds(side, sound):
    """Whether these samples come on a side in one piece."""
    return pcm(sound).tobytes() in side.tobytes()


def loudness(side):
    return math.sqrt(sum(sample * sample for sample in side) / len(side))


def talking(stack, client):
    """A call whose agent talks, for as long as nobody hangs up."""
    line = Line(stack, client, brief=f"{CANARY} " + "Please tell them all of this. " * 60)
    line.media = line.stream().wait_open()
    eventually(lambda: line.media.spoken_ms() > 200)
    return line


@pytest.fixture
def line(stack, client):
    line = talking(stack, client)
    yield line
    hang_up(line)


def hang_up(line):
    line.media.stop()
    line.hung_up()
    return line.client.ended(line.call_id)


def refused(client, path, status, code=None, method="GET"):
    answer = client.request(method, path, headers=ANY)
    assert answer.status_code == status, answer.text
    if code:
        assert answer.json()["detail"]["error_code"] == code
    return answer


# ---- what is heard ----

def test_both_sides_are_heard_each_on_its_own(stack, client):
    line = talking(stack, client)
    listener = listen(client, line)
    headers = listener.answer.headers
    assert headers["Content-Type"] == "audio/wav"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Accel-Buffering"] == "no"
    assert "Content-Length" not in headers and "Content-Encoding" not in headers
    assert "Accept-Ranges" not in headers and headers["X-Request-Id"]
    eventually(lambda: listener.ms() > 500)
    said = babble(700)
    line.media.say(said)
    eventually(lambda: listener.ms() > 4000)
    began = len(line.media.heard)
    eventually(lambda: listener.ms() > 5000)
    hang_up(line)
    listener.ends()
    assert listener.data[:44] == struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 0xffffffff, b"WAVE", b"fmt ", 16, 1, 2, 8000, BYTES_A_S, 4, 16,
        b"data", 0xffffffff)
    callee, agent = listener.sides()
    assert holds(callee, said) and not holds(agent, said)
    played = bytes(line.media.heard[:began])
    words = next(played[at:at + 2400] for at in range(len(played) - 6400, 0, -800)
                 if len(set(played[at:at + 2400])) > 60)
    assert holds(agent, words) and not holds(callee, words)


def test_what_an_interruption_cut_off_is_not_heard(stack, client):
    line = talking(stack, client)
    listener = listen(client, line)
    eventually(lambda: line.media.spoken_ms() > 6000)
    line.media.talk(800)
    eventually(lambda: line.media.count("clear"))
    had = listener.ms()
    eventually(lambda: listener.ms() > had + 2000)
    hang_up(line)
    listener.ends()
    _, agent = listener.sides()
    played = pcm(line.media.heard).tobytes()
    pieces = [agent[at:at + 400] for at in range(0, len(agent) - 400, 400)]
    pieces = [one.tobytes() in played for one in pieces if len(set(one)) > 60]
    # How far the carrier is, is known to within a mark; far more was on its way to it.
    assert len(pieces) > 40 and pieces.count(False) < 20


def test_the_owner_sees_who_has_listened(stack, client):
    line = talking(stack, client)
    assert client.call(line.call_id)["supervisor_decisions"] in (None, [])
    listener = listen(client, line)
    [noted] = client.call(line.call_id)["supervisor_decisions"]
    assert noted["decision"] == "live_listening" and client.key_id in noted["text"]
    [event] = line.events("supervisor")
    assert event["decision"] == "live_listening"
    hang_up(line)
    listener.ends()


def test_the_path_of_the_newer_routes_leads_there_as_well(client, line):
    listener = Listener(client, f"/api/v1/calls/{line.call_id}/listen")
    eventually(lambda: listener.ms() > 200)
    listener.leave()


def test_a_browser_gets_a_rate_that_it_begins_to_play_soon(stack, client):
    line = talking(stack, client)
    plain, fast = listen(client, line), Listener(client, f"/calls/{line.call_id}/listen?rate=48000")
    refused(client, f"/calls/{line.call_id}/listen?rate=16000", 422)
    eventually(lambda: plain.ms() > 2000)
    hang_up(line)
    plain.ends()
    fast.ends()
    assert fast.data[24:32] == struct.pack("<II", 48000, 6 * BYTES_A_S)
    slow = [loudness(side) for side in plain.sides()]
    quick = [loudness(side) for side in fast.sides()]
    assert slow[1] > 200 and abs(quick[1] / slow[1] - 1) < 0.2 and quick[0] < 20
    assert abs(fast.ms() / 6 - plain.ms()) < 500


# ---- tickets ----

def ticket(client, line):
    """The URL of a new ticket."""
    answer = client.post(f"/calls/{line.call_id}/listen", headers=ANY)
    assert answer.status_code == 201, answer.text
    url = answer.json()["url"]
    apikit.secrets.add(url.partition("ticket=")[2])
    assert url.startswith(f"{client.stack.url}/calls/{line.call_id}/listen?rate=48000&ticket=")
    return url


def knock(client, url, method="GET"):
    return requests.request(method, url, headers=ANY, verify=client.stack.ca, timeout=20)


def test_a_ticket_is_good_once_and_without_a_key(client, line):
    url = ticket(client, line)
    looked = knock(client, url, "HEAD")
    assert (looked.status_code, looked.headers["Content-Type"]) == (200, "audio/wav")
    listener = Listener(client, url=url)
    eventually(lambda: listener.ms() > 2000)
    for method in "GET", "HEAD":
        answer = knock(client, url, method)
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"]
    listener.leave()


def test_a_ticket_is_one_calls(stack, client, line):
    other = talking(stack, client)
    wrong = ticket(client, line).replace(line.call_id, other.call_id)
    answer = knock(client, wrong)
    assert (answer.status_code, answer.json()) == (401, {"detail": "invalid ticket"})
    hang_up(other)


def test_of_many_who_show_a_ticket_one_listens(client, line):
    url = ticket(client, line)

    def show(_):
        try:
            return Listener(client, url=url)
        except AssertionError:
            return None

    [one] = [one for one in apikit.together(8, show) if one]
    one.leave()


def test_a_ticket_is_good_for_a_minute(stack, client, line):
    url = ticket(client, line)
    stack.sql("UPDATE listening_tickets SET expires_at = now() WHERE call_id = %s", line.call_id)
    assert knock(client, url).status_code == 401
    base = url.partition("ticket=")[0] + "ticket="
    for text in "0" * 64, "x", "%27":
        assert knock(client, base + text).status_code == 401
    assert knock(client, base).status_code == 422


def test_the_ticket_is_not_in_the_database(stack, client, line):
    url = ticket(client, line)
    rows = stack.sql("SELECT t::text FROM listening_tickets t")
    assert rows and not any(url.partition("ticket=")[2] in row for [row] in rows)


# ---- who may ----

@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_a_foreign_call_is_one_that_is_not_there(stack, client, line, method):
    stranger = admin(stack)
    allow(stack, "workspace", stranger.workspace)
    unknown = stranger.get("/calls/call_" + "0" * 26)
    for call_id in line.call_id, "call_" + "0" * 26, "x":
        answer = refused(stranger, f"/calls/{call_id}/listen", 404, method=method)
        if method != "HEAD":
            assert answer.json() == unknown.json()


def test_a_key_that_is_no_admins_is_refused(stack, client, line):
    plain = stack.with_key(stack.new_key("workspace", client.workspace))
    assert plain.get(f"/calls/{line.call_id}").status_code == 200
    for method in "GET", "POST":
        refused(plain, f"/calls/{line.call_id}/listen", 403, "admins_only", method)
    assert refused(Client(stack), f"/calls/{line.call_id}/listen", 401).json() == {
        "detail": "missing API key"}
    refused(Client(stack, "ohk_x"), f"/calls/{line.call_id}/listen", 401)


def test_the_nearest_level_says_whether_it_is_allowed(stack):
    partner = stack.partner()
    organization = stack.organization(partner)
    client = admin(stack, organization)
    line = talking(stack, client)
    path = f"/calls/{line.call_id}/listen"
    levels = [("partner", partner), ("organization", organization), ("workspace", client.workspace)]
    says = refused(client, path, 403, "listening_forbidden").json()["detail"]["message"]
    assert "voice.live_listening" in says
    for scope, scope_id in levels:
        refused(client, path, 403, "listening_forbidden", "POST")
        allow(stack, scope, scope_id)
        assert client.post(path, headers=ANY).status_code == 201
        allow(stack, scope, scope_id, False)
    allow(stack, *levels[-1])
    url = ticket(client, line)
    allow(stack, *levels[-1], False)
    answer = knock(client, url)  # the moment of opening counts
    assert answer.status_code == 403 and answer.json()["detail"]["error_code"] == "listening_forbidden"
    assert client.call(line.call_id)["supervisor_decisions"] in (None, [])
    allow(stack, *levels[-1])
    listener = Listener(client, url=url)  # and what is refused is not used up
    hang_up(line)
    listener.ends()


def test_the_platform_may_allow_it_for_all(stack):
    client = admin(stack)
    line = talking(stack, client)
    allow(stack, "platform", "default")
    try:
        assert client.post(f"/calls/{line.call_id}/listen", headers=ANY).status_code == 201
    finally:
        allow(stack, "platform", "default", False)
    refused(client, f"/calls/{line.call_id}/listen", 403, "listening_forbidden")
    hang_up(line)


def test_nobody_comes_to_the_door_from_outside(stack, client, line):
    [[door]] = stack.sql("SELECT door FROM voice_streams WHERE call_id = %s", line.call_id)
    path = f"/_listen/{door}/{line.call_id}?request=x"
    answer = client.request("GET", path, checked=False, headers=ANY)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_who_accepts_no_sound_is_told(client, line):
    path = f"/calls/{line.call_id}/listen"
    assert client.get(path).status_code == 406  # application/json alone
    for accept in "audio/wav", "audio/*;q=0.5", "audio/webm, audio/*;q=0.9, application/ogg;q=0.7":
        assert client.request("HEAD", path, headers={"Accept": accept}).status_code == 200


# ---- calls that are not open to it ----

def test_a_call_that_is_not_talked_in_real_time_is_409(stack, client):
    line = Line(stack, client)
    path = f"/calls/{line.call_id}/listen"
    refused(client, path, 409, "not_answered")
    answer = line.answer()
    refused(client, path, 409, "not_in_real_time")
    line.media = line.stream(answer).wait_open()
    eventually(lambda: line.media.spoken_ms() > 200)
    hang_up(line)
    refused(client, path, 409, "call_over")
    refused(client, path, 409, "call_over", "POST")


def test_a_call_on_another_host_says_so(stack, client):
    line = talking(stack, client)
    stack.sql("UPDATE voice_streams SET host = 'elsewhere' WHERE call_id = %s", line.call_id)
    answer = refused(client, f"/calls/{line.call_id}/listen", 503, "call_on_another_host")
    assert "another host" in answer.json()["detail"]["message"]
    hang_up(line)


# ---- bounds and ends ----

def test_only_so_many_listen_to_a_call(stack, client):
    line = talking(stack, client)
    listeners = [listen(client, line) for _ in range(LISTENERS)]
    eventually(lambda: all(one.ms() > 300 for one in listeners))
    refused(client, f"/calls/{line.call_id}/listen", 503, "too_many_listeners")
    listeners.pop().leave()
    listeners.append(eventually(lambda: one_more(client, line)))
    hang_up(line)
    for one in listeners:
        one.ends()


def one_more(client, line):
    try:
        return listen(client, line)
    except AssertionError:
        return None


def test_who_is_slow_loses_what_is_old_and_hurts_nobody(stack, client):
    line = talking(stack, client)
    [[door]] = stack.sql("SELECT door FROM voice_streams WHERE call_id = %s", line.call_id)
    with socket.socket(socket.AF_UNIX) as slow:  # without nginx, and the kernel's buffers for it
        slow.connect(f"{stack.folder}/sock/{door}.sock")
        slow.settimeout(10)
        slow.sendall(f"GET /_listen/{line.call_id}?rate=8000&request=x HTTP/1.1\r\n\r\n".encode())
        listener = listen(client, line)
        eventually(lambda: listener.ms() > 8000, 30)
        hang_up(line)
        listener.ends()
        got = 0
        while part := slow.recv(65536):
            got += len(part)
    assert 2 * BYTES_A_S < got < 6 * BYTES_A_S < len(listener.data)


def loops(stack):
    """The loops of the stack's own master, and those that another has left behind."""
    text = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True,
                          check=True).stdout
    return [int(line.split()[0]) for line in text.splitlines() if "offhook-voice: loop" in line]


def behind(stack, line):
    """The process that has the call."""
    [[door]] = stack.sql("SELECT door FROM voice_streams WHERE call_id = %s", line.call_id)
    [inode] = [words[6] for words in map(str.split, pathlib.Path("/proc/net/unix").read_text()
                                         .splitlines()) if words[-1].endswith(f"/{door}.sock")
               and words[3] == "00010000"]
    for pid in loops(stack):
        folder = f"/proc/{pid}/fd"
        if any(os.readlink(f"{folder}/{fd}") == f"socket:[{inode}]" for fd in os.listdir(folder)):
            return pid
    raise AssertionError("nobody has that door")


def test_a_loop_that_dies_ends_its_streams(stack, client):
    line = talking(stack, client)
    listener = listen(client, line)
    eventually(lambda: listener.ms() > 300)
    os.kill(behind(stack, line), signal.SIGKILL)
    assert listener.over.wait(20)
    answer = refused(client, f"/calls/{line.call_id}/listen", 409, "call_over")
    assert "broken off" in answer.json()["detail"]["message"]
    line.hung_up()
    client.ended(line.call_id)


def test_loops_have_doors_of_their_own_and_keep_them_while_they_drain(stack, client):
    old = talking(stack, client)
    first = listen(client, old)
    stack.kill("voice", signal.SIGHUP)  # others take the new calls
    held = behind(stack, old)
    new = eventually(lambda: talking_elsewhere(stack, client, held))
    second, third = listen(client, old), listen(client, new)
    had = first.ms()
    eventually(lambda: first.ms() > had + 1000 and second.ms() > 500 and third.ms() > 500)
    said = babble(300)
    new.media.say(said)
    eventually(lambda: holds(third.sides()[0], said))
    assert not holds(second.sides()[0], said)
    hang_up(old)
    first.ends()
    second.ends()
    assert not third.over.is_set()
    hang_up(new)
    third.ends()


def talking_elsewhere(stack, client, pid):
    line = talking(stack, client)
    if behind(stack, line) != pid:
        return line
    hang_up(line)
    return None


def test_listening_outlives_the_master_as_its_call_does(stack, client):
    line = talking(stack, client)
    listener = listen(client, line)
    stack.stop("voice")
    stack.up()
    had = listener.ms()
    eventually(lambda: listener.ms() > had + 1000)
    another = listen(client, line)
    eventually(lambda: another.ms() > 200)
    hang_up(line)
    listener.ends()
    another.ends()


def test_the_doors_of_the_dead_are_removed(stack, client):
    folder = pathlib.Path(stack.folder, "sock")
    dead, young = folder / ("0" * 16 + ".sock"), folder / ("1" * 16 + ".sock")
    for path in dead, young:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
        path.chmod(0o777)
    os.utime(dead, (1, 1))
    line = talking(stack, client)
    stack.kill("voice", signal.SIGHUP)
    eventually(lambda: not dead.exists())
    assert young.exists()
    listener = listen(client, line)  # nobody else's is
    hang_up(line)
    listener.ends()
    young.unlink()
