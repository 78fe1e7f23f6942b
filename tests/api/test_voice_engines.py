"""The engines of real-time models, against strict stand-ins: what they say, what they tell, and what becomes
of them when the other side misbehaves."""

import audioop
import json
import time

import pytest

import deepgram_live
import drive
import gemini_live
import realtime
import wskit
from apikit import eventually
from wskit import Plan

QUIET = b"\xff" * 8
TOOL = {"name": "ask_user", "description": "Ask the customer",
        "parameters": {"type": "object", "properties": {"question": {"type": "string"}},
                       "required": ["question"]}}
SPEECH = wskit.pcmu(600)
GREETING = "Hello, this is an assistant."


class Pair:
    """A stand-in and the engine that talks to it."""

    def __init__(self, kind, fake, key, model):
        self.kind, self.fake, self.key, self.model = kind, fake, key, model
        self.drive = None

    def begin(self, disclosed=True, **more):
        """disclosed: the callee need not hear the greeting first."""
        begin = {"kind": self.kind, "url": self.fake.url, "api_key": self.key, "model": self.model,
                 "instructions": "You phone a restaurant.", "greeting": GREETING, "language": "en",
                 "tools": [TOOL], **more}
        self.drive = drive.Drive(self.ca, **begin)
        if disclosed:
            self.drive.write({"disclosed": True})
        return self.drive

    ca = None

    @property
    def session(self):
        return eventually(lambda: self.fake.sessions)[-1]


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return wskit.certificate(tmp_path_factory.mktemp("tls"))


def pairs(kind, tls):
    folder = tls if kind.endswith("tls") else None
    if kind.startswith("openai"):
        return Pair("openai", realtime.Realtime(folder), realtime.KEY, realtime.MODEL)
    return Pair("gemini", gemini_live.GeminiLive(folder), gemini_live.KEY, gemini_live.MODEL)


@pytest.fixture
def pair(request, tls):
    made = pairs(request.param, tls)
    if made.fake.secure:
        made.ca = f"{tls}/ca.pem"
    yield made
    if made.drive:
        log = made.drive.end()
        assert wskit.CANARY not in log and made.key not in log
        told = json.dumps(made.drive.all("failed"))
        assert wskit.CANARY not in told and made.key not in told
    made.fake.close()
    assert not made.fake.faults


both = pytest.mark.parametrize("pair", ["openai", "gemini"], indirect=True)
openai = pytest.mark.parametrize("pair", ["openai"], indirect=True)
gemini = pytest.mark.parametrize("pair", ["gemini"], indirect=True)


def turn(pair, *args, **more):
    kind = realtime.Turn if pair.kind == "openai" else gemini_live.Turn
    if pair.kind == "gemini" and "tool" in more:
        more["tools"] = [more.pop("tool")]
    made = kind(*args, **more)
    pair.fake.dialogue.append(made)
    return made


def names_in_order(d, *names):
    """Whether these were told in this order, whatever came between."""
    told = iter(d.names())
    return all(name in told for name in names)


# ---- a conversation ----

@pytest.mark.parametrize("pair", ["openai", "gemini", "openai-tls", "gemini-tls"], indirect=True)
def test_begins_with_the_greeting(pair):
    said = turn(pair, GREETING, 1500)
    d = pair.begin()
    d.wait("turn_done")
    assert names_in_order(d, "ready", "audio", "spoken", "turn_done")
    assert d.all("ready") == [True]
    assert not d.all("failed")
    items = {item for item, _ in d.all("audio")}
    assert len(items) == 1
    final = [text for _, text, whole in d.all("spoken") if whole]
    assert [text.strip() for text in final] == [GREETING]
    parts = "".join(text for _, text, whole in d.all("spoken") if not whole)
    assert parts.strip() == GREETING
    if pair.kind == "openai":
        assert d.sound() == said.sound  # passed on as it came
    else:
        assert abs(len(d.sound()) - 1500 * 8) <= 80
        heard = audioop.rms(audioop.ulaw2lin(d.sound(), 2), 2)
        assert abs(heard / audioop.rms(said.sound, 2) - 1) < 0.05


@openai
def test_openai_is_told_everything_in_the_right_form(pair):
    turn(pair, GREETING)
    d = pair.begin(voice="cedar", language="pt-BR")
    d.wait("turn_done")
    headers = pair.fake.requests[0]["headers"]
    assert headers["authorization"] == f"Bearer {realtime.KEY}"
    assert "OpenAI-Beta" not in headers
    assert pair.fake.requests[0]["path"] == f"/v1/realtime?model={realtime.MODEL}"
    kinds = [event["type"] for event in pair.session.said]
    assert kinds == ["session.update", "conversation.item.create", "response.create"]
    config = pair.session.config
    assert config["instructions"] == "You phone a restaurant."
    assert config["audio"]["output"] == {"format": {"type": "audio/pcmu"}, "voice": "cedar"}
    assert config["audio"]["input"]["transcription"]["language"] == "pt"
    assert [tool["name"] for tool in config["tools"]] == ["ask_user"]
    assert GREETING in pair.session.said[1]["item"]["content"][0]["text"]
    assert not pair.fake.refused


@gemini
def test_gemini_is_told_everything_in_the_right_form(pair):
    turn(pair, GREETING)
    d = pair.begin(voice="Kore")
    d.wait("turn_done")
    request = pair.fake.requests[0]
    assert request["path"] == pair.fake.PATH  # no key in it
    assert request["headers"]["x-goog-api-key"] == gemini_live.KEY
    setup = pair.session.setup
    assert setup["systemInstruction"] == {"parts": [{"text": "You phone a restaurant."}]}
    assert setup["tools"][0]["functionDeclarations"][0]["name"] == "ask_user"
    assert len(pair.session.texts) == 1 and GREETING in pair.session.texts[0]


@both
def test_without_a_greeting_the_callee_begins(pair):
    turn(pair, "Good day.")
    d = pair.begin(greeting="")
    d.wait("ready")
    time.sleep(0.3)
    assert d.names() == ["ready"]
    pair.fake.hears.append("Hello, who is there?")
    d.hear(SPEECH + QUIET * 1000)
    d.wait("turn_done")
    eventually(lambda: [text.strip() for text, whole in d.all("heard") if whole] == [
        "Hello, who is there?"])
    parts = "".join(text for text, whole in d.all("heard") if not whole)
    assert parts.strip() == "Hello, who is there?"


@both
def test_the_callee_is_heard_as_he_speaks(pair):
    turn(pair, GREETING, 200)
    d = pair.begin()
    d.wait("turn_done")
    d.hear(SPEECH)
    eventually(lambda: len(pair.session.sound) >= len(SPEECH) * (1 if pair.kind == "openai" else 3.9))
    if pair.kind == "openai":
        assert pair.session.sound == SPEECH
    else:  # 16 bits at 16 kHz, of the same loudness
        assert abs(len(pair.session.sound) - len(SPEECH) * 4) <= 200
        assert abs(audioop.rms(pair.session.sound, 2) / audioop.rms(
            audioop.ulaw2lin(SPEECH, 2), 2) - 1) < 0.05


@both
def test_what_is_said_before_the_model_is_there_is_kept_for_a_moment(pair):
    pair.fake.hears.append("Hello?")
    turn(pair, "Good day.")
    d = pair.begin(greeting="")
    d.hear(SPEECH + QUIET * 700, pace=0)  # all of it before the first answer of the server
    d.wait("turn_done")
    eventually(lambda: [text.strip() for text, whole in d.all("heard") if whole] == ["Hello?"])


@both
def test_the_callee_interrupts(pair):
    pair.fake.pace = 2
    turn(pair, "This is a long sentence that nobody wants to hear to its end.", 8000)
    turn(pair, "Yes?", 300)
    d = pair.begin()
    item = d.wait("audio", 3)[0]
    d.hear(wskit.pcmu(200))
    d.wait("speech_started")
    so_far = len(d.all("audio"))
    d.write({"interrupted": [item, 240]})
    d.hear(QUIET * 1000)
    d.wait("audio", so_far + 1)
    d.wait("turn_done", len(d.all("turn_done")) + 1)
    later = {one for one, _ in d.all("audio")[so_far:]}
    assert item not in later  # nothing more of what was interrupted
    *cut, whole = [text.strip() for _, text, final in d.all("spoken") if final]
    assert whole == "Yes?"
    assert len(cut) <= 1 and all(
        "This is a long sentence that nobody wants to hear".startswith(text) for text in cut)
    if pair.kind == "openai":
        truncated = [e for e in pair.session.said if e["type"] == "conversation.item.truncate"]
        assert truncated == [{"type": "conversation.item.truncate", "item_id": item,
                              "content_index": 0, "audio_end_ms": 240}]
        assert pair.session.items[item]["truncated"] == 240
        assert not pair.fake.refused


@openai
def test_nothing_is_truncated_beyond_what_there_is(pair):
    turn(pair, GREETING, 610)
    d = pair.begin()
    d.wait("turn_done")
    item = d.all("audio")[0][0]
    for heard_ms in (610, 611, 100000):
        d.write({"interrupted": [item, heard_ms]})
    d.write({"interrupted": ["item_unknown", 10]})
    d.write({"interrupted": [item, 609]})
    eventually(lambda: pair.session.items[item].get("truncated") == 609)
    assert not pair.fake.refused
    assert len([e for e in pair.session.said if "truncate" in e["type"]]) == 1


# ---- who is calling ----

def said(d):
    return [text.strip() for _, text, whole in d.all("spoken") if whole]


@both
def test_the_greeting_is_heard_whole_and_what_was_said_meanwhile_is_answered(pair):
    pair.fake.pace = 2
    turn(pair, GREETING, 3000)
    turn(pair, "Do you have a table?", 300)
    pair.fake.hears.append("Hello?")
    d = pair.begin(disclosed=False)
    d.wait("audio")
    d.hear(SPEECH + QUIET * 1000)  # at once, and long before the greeting is made
    d.wait("turn_done")
    time.sleep(0.3)
    assert said(d) == [GREETING]
    assert abs(len(d.sound()) - 3000 * 8) <= 80, "none of it is missing"
    d.write({"disclosed": True})
    d.wait("turn_done", 2)
    eventually(lambda: [text.strip() for text, whole in d.all("heard") if whole] == ["Hello?"])
    assert said(d) == [GREETING, "Do you have a table?"]
    assert not d.all("speech_started") and not d.all("failed")
    # From now on he may interrupt.
    turn(pair, "This is a sentence that is cut off in the middle.", 6000)
    turn(pair, "Yes?", 300)
    heard = len(d.all("audio"))
    d.write({"prompt": ["Say something."]})
    d.wait("audio", heard + 2)
    d.hear(SPEECH + QUIET * 1000)
    d.wait("speech_started")
    eventually(lambda: said(d)[-1] == "Yes?")
    if pair.kind == "openai":
        updates = [e for e in pair.session.said if e["type"] == "session.update"]
        turns = [e["session"]["audio"]["input"]["turn_detection"] for e in updates]
        assert [(t["interrupt_response"], t["create_response"]) for t in turns] == [
            (False, False), (True, True)]
        assert "voice" not in updates[1]["session"]["audio"]["output"]
        assert not pair.fake.refused


@both
def test_who_still_speaks_at_the_end_of_the_greeting_is_answered_once(pair):
    turn(pair, GREETING, 600)
    turn(pair, "Do you have a table?", 300)
    pair.fake.hears.append("Hello, this is the restaurant.")
    d = pair.begin(disclosed=False)
    d.wait("turn_done")
    d.hear(wskit.pcmu(500))
    d.write({"disclosed": True})
    d.hear(wskit.pcmu(500) + QUIET * 1500)
    d.wait("turn_done", 2)
    time.sleep(0.5)
    assert said(d) == [GREETING, "Do you have a table?"]
    assert [text.strip() for text, whole in d.all("heard") if whole] == [
        "Hello, this is the restaurant."]


@both
def test_a_silent_callee_is_waited_for_after_the_greeting(pair):
    turn(pair, GREETING, 600)
    d = pair.begin(disclosed=False)
    d.wait("turn_done")
    d.hear(QUIET * 200)
    d.write({"disclosed": True})
    d.hear(QUIET * 1000)
    time.sleep(0.3)
    assert said(d) == [GREETING] and len(d.all("turn_done")) == 1


@both
def test_a_greeting_that_broke_off_is_said_again_and_heard_whole(pair):
    pair.fake.pace = 2
    pair.fake.plans.append(Plan(moment="reply", deed=wskit.drop()))
    turn(pair, GREETING, 3000)
    turn(pair, GREETING, 1000)
    d = pair.begin(disclosed=False)
    d.wait("failed")
    eventually(lambda: len(pair.fake.sessions) == 2)
    d.hear(SPEECH + QUIET * 1000)
    d.wait("turn_done")
    assert said(d)[-1] == GREETING and not d.all("speech_started")


# ---- tools ----

@both
def test_a_tool_is_called_and_answered_later(pair):
    turn(pair, "One moment.", 300, tool=("ask_user", {"question": "Window?"}))
    turn(pair, "The window, please.", 300)
    d = pair.begin()
    ident, name, arguments = d.wait("tool")
    assert (name, arguments) == ("ask_user", {"question": "Window?"})
    d.wait("turn_done")
    d.write({"answer": [ident, {"answer": "window"}]})
    d.wait("turn_done", 2)
    assert [text.strip() for _, text, whole in d.all("spoken") if whole] == [
        "One moment.", "The window, please."]
    if pair.kind == "openai":
        output, = [e["item"] for e in pair.session.said
                   if e.get("item", {}).get("type") == "function_call_output"]
        assert json.loads(output["output"]) == {"answer": "window"}
        assert not pair.fake.refused
    else:
        answer, = pair.session.answers
        assert (answer["id"], answer["name"]) == (ident, "ask_user")
        assert answer["response"] == {"answer": "window"}
    d.write({"answer": [ident, {"answer": "again"}]})  # nobody asks for it any more
    d.write({"answer": ["unknown", {}]})
    time.sleep(0.2)
    assert not d.all("failed")


@openai
def test_a_tool_of_a_cancelled_response_is_not_run(pair):
    pair.fake.pace = 2
    turn(pair, "One moment, please, while I look that up for you.", 3000,
         tool=("ask_user", {"question": "Window?"}))
    turn(pair, "Yes?", 300)
    d = pair.begin()
    d.wait("audio", 2)
    d.hear(SPEECH + QUIET * 800)
    d.wait("turn_done", 2)
    assert not d.all("tool")


@openai
def test_arguments_that_are_nonsense_go_back_to_the_model(pair):
    turn(pair, None, tool=("ask_user", '{"question": '))
    turn(pair, "Sorry.", 300)
    d = pair.begin()
    d.wait("spoken")
    d.wait("turn_done")
    assert not d.all("tool")
    output, = [e["item"] for e in pair.session.said
               if e.get("item", {}).get("type") == "function_call_output"]
    assert "error" in json.loads(output["output"])
    assert not pair.fake.refused


@openai
def test_answers_wait_until_no_response_is_under_way(pair):
    turn(pair, None, tool=("ask_user", {"question": "One?"}))
    pair.fake.pace = 4
    d = pair.begin()
    ident, _, _ = d.wait("tool")
    turn(pair, "I am just saying something that takes a while.", 3000)
    turn(pair, "Ah, it is one.", 300)
    d.write({"prompt": ["Say something."]})
    d.wait("audio")
    d.write({"answer": [ident, {"answer": "one"}]})
    d.wait("turn_done", 2)
    assert [text.strip() for _, text, whole in d.all("spoken") if whole] == [
        "I am just saying something that takes a while.", "Ah, it is one."]
    assert not pair.fake.refused


@gemini
def test_a_tool_is_taken_back_when_the_callee_interrupts(pair):
    turn(pair, "One moment, please.", 6000, tool=("ask_user", {"question": "Window?"}))
    turn(pair, "Yes?", 300)
    pair.fake.pace = 4
    d = pair.begin()
    ident, _, _ = d.wait("tool")
    d.hear(SPEECH + QUIET * 800)
    assert d.wait("tool_cancelled") == ident
    d.write({"answer": [ident, {"answer": "window"}]})
    d.wait("turn_done", 2)
    assert not pair.session.answers
    assert not d.all("failed")


@gemini
def test_several_tools_at_once(pair):
    pair.fake.dialogue.append(gemini_live.Turn(tools=[("ask_user", {"question": "One?"}),
                                                      ("ask_user", {"question": "Two?"})]))
    d = pair.begin()
    d.wait("tool", 2)
    (one, _, first), (two, _, second) = d.all("tool")
    assert [first["question"], second["question"]] == ["One?", "Two?"]
    turn(pair, "Thank you.")
    d.write({"answer": [two, {"output": "2"}]})
    d.write({"answer": [one, {"output": "1"}]})
    d.wait("spoken")
    assert [answer["id"] for answer in pair.session.answers] == [two, one]


@both
def test_a_word_of_ours_makes_the_model_speak(pair):
    turn(pair, GREETING, 200)
    d = pair.begin()
    d.wait("turn_done")
    turn(pair, "Are you still there?", 300)
    d.write({"prompt": ["The callee is silent. Ask whether he is there."]})
    d.wait("turn_done", 2)
    said = json.dumps(pair.session.said)
    assert "The callee is silent." in said
    assert [text.strip() for _, text, whole in d.all("spoken") if whole][-1] == "Are you still there?"


# ---- what goes wrong ----

def peak_kib(d):
    """The most memory that the engine's process has had."""
    with open(f"/proc/{d.process.pid}/status") as status:
        return [int(line.split()[1]) for line in status if line.startswith("VmHWM")][0]


def died(d, word=None, seconds=20):
    """It has failed for good, and said this."""
    sentence, _ = eventually(lambda: [one for one in d.all("failed") if one[1]], seconds)[0]
    if word:
        assert word in sentence, sentence
    return sentence


@both
def test_a_wrong_key_is_for_good(pair):
    pair.key = "wrong"
    d = pair.begin()
    sentence = died(d, "401" if pair.kind == "openai" else "API key not valid")
    assert "wrong" not in sentence
    assert len(pair.fake.requests) == 1  # asking again is useless
    assert not d.all("ready")


@both
def test_a_model_that_nobody_knows_is_for_good(pair):
    pair.model = "gpt-nothing"
    died(pair.begin(), "400" if pair.kind == "openai" else "1008")
    assert len(pair.fake.requests) == 1


@both
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_busy_is_asked_once_more(pair, status):
    pair.fake.plans += [Plan(refuse=status)]
    turn(pair, GREETING)
    d = pair.begin()
    d.wait("turn_done")
    assert [for_good for _, for_good in d.all("failed")] == [False]
    assert str(status) in d.all("failed")[0][0]
    assert len(pair.fake.requests) == 2


@both
def test_and_not_for_ever(pair):
    pair.fake.plans += [Plan(refuse=429), Plan(refuse=429)]
    died(pair.begin(), "429")
    time.sleep(0.8)
    assert len(pair.fake.requests) == 2


@both
def test_nobody_listens_there(pair):
    port = pair.fake.port
    pair.fake.close()
    d = pair.begin(url=f"ws://127.0.0.1:{port}{pair.fake.PATH}")
    died(d)


@both
def test_a_host_that_has_no_address(pair):
    died(pair.begin(url="wss://nowhere.invalid/v1"), "has no address")


@pytest.mark.parametrize("pair", ["openai-tls", "gemini-tls"], indirect=True)
def test_a_certificate_that_nobody_vouches_for(pair):
    pair.ca = None
    died(pair.begin())
    assert not pair.fake.requests


@pytest.mark.parametrize("pair", ["openai-tls", "gemini-tls"], indirect=True)
def test_a_certificate_of_another_host(pair):
    died(pair.begin(url=pair.fake.url.replace("localhost", "127.0.0.1")))
    assert not pair.fake.requests


@both
def test_an_upgrade_that_never_comes(pair):
    pair.fake.plans += [Plan(hang=True), Plan(hang=True)]
    d = pair.begin()
    began = time.monotonic()
    died(d, "did not answer", 40)
    assert 8 < time.monotonic() - began < 25
    assert len(pair.fake.requests) == 2


@gemini
def test_a_server_that_never_begins(pair):
    pair.fake.plans += [Plan(moment="open", deed=wskit.stall()) for _ in range(2)]
    died(pair.begin(), None, 40)


@both
@pytest.mark.parametrize("code", [1011, 1006])
def test_a_connection_that_breaks_is_made_anew(pair, code):
    deed = wskit.drop() if code == 1006 else wskit.close(code, "internal")
    pair.fake.plans.append(Plan(moment="audio", deed=deed))
    turn(pair, GREETING, 200)
    d = pair.begin()
    d.wait("turn_done")
    turn(pair, "As I was saying.", 300)
    pair.fake.hears.append("Go on.")
    d.hear(QUIET * 100)
    d.wait("failed")
    eventually(lambda: len(pair.fake.sessions) == 2 and (
        pair.fake.sessions[1].complete if pair.kind == "gemini" else
        pair.fake.sessions[1].updated))
    d.hear(SPEECH + QUIET * 1000)
    d.wait("turn_done", 2)
    assert [for_good for _, for_good in d.all("failed")] == [False]
    assert d.all("ready") == [True]  # once
    assert [text.strip() for _, text, whole in d.all("spoken") if whole] == [
        GREETING, "As I was saying."]
    if pair.kind == "gemini":
        assert pair.session.setup["sessionResumption"] == {"handle": pair.fake.handles[-2]} or \
            "handle" in pair.session.setup["sessionResumption"]
    else:
        seeded = [e["item"] for e in pair.session.said if e["type"] == "conversation.item.create"]
        assert seeded == [{"type": "message", "role": "assistant",
                           "content": [{"type": "output_text", "text": GREETING}]}]
        assert not pair.fake.refused


BREAKS = {"gone": wskit.drop, "no_code": wskit.close_without_code, "spoilt": wskit.spoil,
          "restart": lambda: wskit.close(1012, "restart"), "error": lambda: wskit.close(1011),
          "garbage": lambda: wskit.say("{"), "bytes": lambda: wskit.say(b"\xff\xfe\x00")}


@pytest.mark.parametrize("pair, how", [
    *((kind, how) for kind in ("openai", "gemini") for how in BREAKS if how != "spoilt"),
    *((kind + "-tls", how) for kind in ("openai", "gemini") for how in ("gone", "spoilt"))],
    indirect=["pair"])
def test_what_was_cut_off_by_the_break_is_gone_on_with(pair, how):
    pair.fake.pace = 2
    pair.fake.plans.append(Plan(moment="reply", deed=BREAKS[how]()))
    turn(pair, GREETING, 3000)
    turn(pair, "Where was I?", 300)
    d = pair.begin()
    d.wait("failed")
    d.wait("turn_done")
    assert [text.strip() for _, text, whole in d.all("spoken") if whole][-1] == "Where was I?"


@both
def test_it_is_not_made_anew_for_ever(pair):
    pair.fake.plans += [Plan(moment="setup", deed=wskit.close(1011)) for _ in range(3)]
    died(pair.begin())
    time.sleep(0.8)
    assert len(pair.fake.sessions) == 2


@both
def test_a_close_that_means_no_is_for_good(pair):
    pair.fake.plans.append(Plan(moment="setup", deed=wskit.close(1008, "policy")))
    died(pair.begin(), "1008: policy")
    assert len(pair.fake.sessions) == 1


@both
@pytest.mark.parametrize("message", ["x", b"\xff\xfe", '{"type":1,"setupComplete":1}', "[" * 5000,
                                     '{"type":"error","serverContent":[]}'],
                         ids=["text", "bytes", "types", "depth", "shape"])
def test_garbage_ends_the_connection(pair, message):
    pair.fake.plans += [Plan(moment="setup", deed=wskit.say(message)) for _ in range(2)]
    died(pair.begin(), "none of its protocol")


@both
def test_a_message_without_end(pair):
    pair.fake.plans += [Plan(moment="setup", deed=wskit.say("[" + " " * (2 << 20)))
                        for _ in range(2)]
    died(pair.begin(), "too long")


def large(size):
    """A message of so many bytes that says nothing to anybody."""
    text = json.dumps({"type": "rate_limits.updated", "usageMetadata": {}, "x": ""})
    return text[:-2] + "x" * (size - len(text)) + text[-2:]


@both
def test_a_message_as_long_as_may_be(pair):
    pair.fake.plans += [Plan(moment="setup", deed=wskit.say(large(1 << 20)))]
    turn(pair, GREETING)
    d = pair.begin()
    d.wait("turn_done")
    assert not d.all("failed")
    pair.fake.plans += [Plan(moment="setup", deed=wskit.say(large((1 << 20) + 1))) for _ in range(2)]
    d.end()
    died(pair.begin(), "too long")


@both
def test_a_flood(pair):
    message = json.dumps({"type": "rate_limits.updated", "usageMetadata": {}, "x": "x" * 60000})
    pair.fake.plans += [Plan(moment="setup", deed=wskit.flood(4000, message)) for _ in range(2)]
    died(pair.begin(), "floods")


@both
def test_a_server_that_reads_nothing_holds_nothing_up(pair):
    pair.fake.plans.append(Plan(moment="audio", deed=wskit.stall()))
    turn(pair, GREETING, 200)
    d = pair.begin()
    d.wait("turn_done")
    d.hear(QUIET * 20 * 3000, pace=0)  # a minute, as fast as it goes
    d.wait("failed", seconds=40)       # it does not answer to pings either
    d.wait("ready")
    assert peak_kib(d) < (400 << 10 if "asan" in str(drive.PROGRAM) else 40 << 10)


@openai
def test_an_expired_session_goes_on_in_another(pair):
    pair.fake.expire_s = 1.0
    turn(pair, GREETING, 200)
    d = pair.begin()
    d.wait("turn_done")
    eventually(lambda: len(pair.fake.sessions) >= 2)
    pair.fake.expire_s = None
    eventually(lambda: pair.fake.sessions[-1].updated)
    assert not d.all("failed")
    eventually(lambda: len(pair.session.said) > 1)
    assert pair.session.said[1]["item"]["content"][0]["text"] == GREETING


@gemini
def test_a_server_that_goes_away_is_left_in_time(pair):
    pair.fake.go_away_s = 1.0
    turn(pair, GREETING, 200)
    d = pair.begin()
    d.wait("turn_done")
    eventually(lambda: len(pair.fake.sessions) >= 2)
    pair.fake.go_away_s = None
    eventually(lambda: pair.fake.sessions[-1].complete)
    assert not d.all("failed")
    assert pair.session.setup["sessionResumption"]["handle"] in pair.fake.handles
    assert pair.fake.sessions[0].closed[0] == 1000
    assert not pair.session.texts  # it need not be greeted again


@gemini
def test_a_handle_that_is_refused_is_done_without(pair):
    turn(pair, GREETING, 200)
    pair.fake.plans.append(Plan(moment="audio", deed=wskit.drop()))
    d = pair.begin()
    d.wait("turn_done")
    eventually(lambda: len(pair.fake.handles) >= 2)
    time.sleep(0.1)
    pair.fake.handles.clear()
    d.hear(QUIET * 40)
    eventually(lambda: len(pair.fake.sessions) == 3 and pair.session.complete)
    assert pair.session.setup["sessionResumption"] == {}
    text = pair.session.setup["systemInstruction"]["parts"][0]["text"]
    assert text.startswith("You phone a restaurant.") and f'You: "{GREETING}' in text


@openai
def test_a_format_that_is_not_ours_is_for_good(pair):
    pair.fake.other_format = True
    died(pair.begin(), "sound of telephones")
    assert len(pair.fake.sessions) == 1


@openai
def test_a_response_that_fails_is_asked_for_once_more(pair):
    turn(pair, None, status="failed")
    turn(pair, GREETING)
    d = pair.begin()
    d.wait("turn_done")
    assert [for_good for _, for_good in d.all("failed")] == [False]
    turn(pair, None, status="failed")
    turn(pair, None, status="failed")
    d.write({"prompt": ["Go on."]})
    died(d)


@both
@pytest.mark.parametrize("moment", ["ready", "audio", "spoken", "turn_done", "tool", "failed"])
def test_the_session_ends_it_from_within_anything(pair, moment):
    turn(pair, GREETING, 300, tool=("ask_user", {"question": "Window?"}))
    if moment == "failed":
        pair.fake.plans.append(Plan(moment="reply", deed=wskit.close(1008)))
    d = pair.begin(end_at=moment)
    d.wait("ended")
    time.sleep(0.3)
    assert d.names()[-1] == "ended"  # nothing is told afterwards
    if moment != "failed":
        eventually(lambda: pair.session.closed is not None)
        assert pair.session.closed[0] in (1000, 1005)


@both
def test_it_ends_before_it_has_begun(pair):
    pair.fake.plans.append(Plan(hang=True))
    d = pair.begin()
    eventually(lambda: pair.fake.requests)
    d.end()
    assert not d.names()


# ---- the ears ----

@pytest.fixture
def ears(request, tls):
    made = Pair("ears", deepgram_live.DeepgramLive(), deepgram_live.KEY, "")
    yield made
    if made.drive:
        log = made.drive.end()
        assert made.key not in log
    made.fake.close()
    assert not made.fake.faults


def test_ears_hear_utterances_with_times(ears):
    ears.fake.hears += ["Good day, this is the restaurant.", "Yes."]
    d = ears.begin()
    d.at_ms = 5000
    d.hear(QUIET * 400 + wskit.pcmu(1000) + QUIET * 600)
    d.hear(wskit.pcmu(300) + QUIET * 600)
    text, start, end = d.wait("heard", 2)
    assert [text for text, _, _ in d.all("heard")] == ["Good day, this is the restaurant.", "Yes."]
    (_, start, end), (_, again, _) = d.all("heard")
    assert abs(start - 5400) <= 40 and abs(end - 6400) <= 40
    assert abs(again - 7000) <= 40
    request = ears.fake.requests[0]
    assert request["headers"]["authorization"] == f"Token {deepgram_live.KEY}"
    d.write({"finish": True})
    d.wait("done")
    assert ears.session.said == ["Finalize", "CloseStream"]
    assert not d.all("failed")


def test_ears_tell_the_last_words(ears):
    ears.fake.hears.append("Goodbye then.")
    d = ears.begin()
    d.hear(wskit.pcmu(700))
    d.write({"finish": True})
    d.wait("done")
    assert [text for text, _, _ in d.all("heard")] == ["Goodbye then."]
    assert d.names()[-1] == "done"


def test_ears_in_a_noise(ears):
    ears.fake.noisy = True
    ears.fake.hears.append("Can you hear me now?")
    d = ears.begin()
    d.hear(wskit.pcmu(700) + QUIET * 500)
    assert d.wait("heard")[0] == "Can you hear me now?"
    time.sleep(0.2)
    assert len(d.all("heard")) == 1


def test_ears_keep_time_over_a_gap(ears):
    ears.fake.hears += ["One.", "Two."]
    d = ears.begin()
    d.hear(wskit.pcmu(500) + QUIET * 500)
    d.wait("heard")
    d.at_ms += 1000  # frames that never came
    d.hear(wskit.pcmu(500) + QUIET * 500)
    _, start, _ = d.wait("heard", 2)
    assert abs(start - 2000) <= 40
    d.at_ms += 60000
    ears.fake.hears += ["Three."]
    d.hear(wskit.pcmu(500) + QUIET * 500)
    _, start, _ = d.wait("heard", 3)
    assert abs(start - 63000) <= 60
    assert len(ears.session.sound) < 8 * 8000


def test_ears_keep_the_connection_alive(ears):
    ears.fake.idle_s = 6
    d = ears.begin()
    d.hear(QUIET * 100)
    eventually(lambda: "KeepAlive" in ears.session.said, 10)
    time.sleep(3)
    assert ears.session.closed is None and not d.all("failed")


def test_ears_connect_anew_and_times_go_on(ears):
    ears.fake.plans.append(Plan(moment="audio", deed=wskit.close(1011, "NET-0000")))
    ears.fake.hears.append("Still here.")
    d = ears.begin()
    d.hear(QUIET * 200)
    assert d.wait("failed")[1] is False
    eventually(lambda: len(ears.fake.sessions) == 2)
    time.sleep(0.1)
    d.at_ms = 9000
    d.hear(wskit.pcmu(500) + QUIET * 500)
    text, start, _ = d.wait("heard")
    assert text == "Still here." and abs(start - 9000) <= 60


@pytest.mark.parametrize("plan", ["key", "format"])
def test_ears_that_are_refused_give_up(ears, plan):
    if plan == "key":
        ears.key = "wrong"
    else:
        ears.fake.plans.append(Plan(moment="audio", deed=wskit.close(1008, "DATA-0000")))
    d = ears.begin()
    eventually(lambda: d.process.poll() is None)
    d.hear(QUIET * 200)
    assert d.wait("failed")[1] is True
    d.hear(QUIET * 200)
    d.write({"finish": True})
    d.wait("done")
    assert len(ears.fake.requests) == 1


@pytest.mark.parametrize("how", ["gone", "no_code", "error", "garbage", "bytes"])
def test_ears_that_break_off_in_the_middle_of_a_word(ears, how):
    """What has been heard is told; the rest is heard by the next connection."""
    ears.fake.hears += ["Good day.", "Still here."]
    d = ears.begin()
    d.hear(wskit.pcmu(400) + QUIET * 500)
    d.wait("heard")
    ears.session.plan.moment, ears.session.plan.deed = "audio", BREAKS[how]()
    d.hear(wskit.pcmu(300))
    assert d.wait("failed")[1] is False
    eventually(lambda: len(ears.fake.sessions) == 2)
    time.sleep(0.1)
    d.hear(wskit.pcmu(500) + QUIET * 500)
    d.wait("heard", 2)
    assert [text for text, _, _ in d.all("heard")] == ["Good day.", "Still here."]


@pytest.mark.parametrize("status, tries", [(400, 1), (429, 2), (500, 2), (503, 2)])
def test_ears_and_an_upgrade_that_is_refused(ears, status, tries):
    ears.fake.plans += [Plan(refuse=status, body=wskit.CANARY) for _ in range(tries)]
    d = ears.begin()
    eventually(lambda: [one for one in d.all("failed") if one[1]])
    assert [str(status) in sentence for sentence, _ in d.all("failed")] == [True] * tries
    assert len(ears.fake.requests) == tries


def test_ears_whose_upgrade_never_comes(ears):
    ears.fake.plans += [Plan(hang=True), Plan(hang=True)]
    d = ears.begin()
    eventually(lambda: [one for one in d.all("failed") if one[1]], 40)
    assert len(ears.fake.requests) == 2


def test_ears_that_take_nothing_hold_nothing_up(ears):
    ears.fake.plans.append(Plan(moment="audio", deed=wskit.stall()))
    d = ears.begin()
    d.hear(QUIET * 200)
    d.hear(QUIET * 20 * 3000, pace=0)
    d.wait("failed", seconds=40)
    assert peak_kib(d) < (400 << 10 if "asan" in str(drive.PROGRAM) else 40 << 10)


@pytest.mark.parametrize("what", ["flood", "long"])
def test_ears_that_are_shouted_at(ears, what):
    flood = wskit.flood(400, json.dumps({"type": "UtteranceEnd", "x": "x" * 60000}))
    deed = flood if what == "flood" else wskit.say(" " * (300 << 10))
    ears.fake.plans += [Plan(moment="audio", deed=deed) for _ in range(2)]
    d = ears.begin()
    d.hear(QUIET * 200)
    sentence, _ = d.wait("failed")
    assert ("floods" if what == "flood" else "too long") in sentence


def test_ears_whose_server_does_not_finish(ears):
    ears.fake.plans.append(Plan(moment="CloseStream", deed=wskit.stall()))
    d = ears.begin()
    d.hear(wskit.pcmu(400))
    d.write({"finish": True})
    d.wait("done", seconds=8)


@pytest.mark.parametrize("message", ["x", "[]", b"\xff", '{"type":"Results"}'],
                         ids=["text", "array", "bytes", "shape"])
def test_ears_and_garbage(ears, message):
    ears.fake.plans += [Plan(moment="audio", deed=wskit.say(message)) for _ in range(2)]
    d = ears.begin()
    d.hear(QUIET * 200)
    d.wait("failed")
    time.sleep(1.2)
    d.hear(QUIET * 200)
    assert d.wait("failed", 2)[1] is True


@pytest.mark.parametrize("moment", ["heard", "failed", "done"])
def test_ears_are_freed_from_within_anything(ears, moment):
    ears.fake.hears.append("Yes.")
    if moment == "failed":
        ears.key = "wrong"
    d = ears.begin(end_at=moment)
    d.hear(wskit.pcmu(400) + QUIET * 500)
    if moment == "done":
        d.write({"finish": True})
    d.wait("ended")
    time.sleep(0.2)
    assert d.names()[-1] == "ended"
