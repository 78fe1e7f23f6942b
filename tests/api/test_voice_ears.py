"""Other ears: what the callee says, by speech to text beside the engine."""

import apikit
import deepgram_live
import pytest
import wskit
from apikit import eventually
from conftest import made
from mediakit import Line
from test_voice import hears, turns


@pytest.fixture(scope="module")
def ears():
    fake = deepgram_live.DeepgramLive()
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def ears_stack(ears):
    apikit.secrets.add(deepgram_live.KEY)
    yield from made({"queue.enabled": "true", "queue.cps": 40, "voice.transport": "stream",
                     "deepgram.api_key": deepgram_live.KEY, "deepgram.live_url": ears.url})


def test_the_script_decides_by_what_other_ears_have_heard(ears_stack, ears):
    client = ears_stack.customer(cap=20)
    ears.hears = ["Yes, a table is booked for you at eight pm."]
    line = Line(ears_stack, client)
    stream = line.stream().wait_open()
    hears(stream)
    stream.talk(1500)
    assert stream.wait_closed(20)[0] == 1000
    call = line.finish()
    assert turns(call, "supervisor_stt") == ["Yes, a table is booked for you at eight pm."]
    assert not turns(call, "operator")
    assert call["outcome_type"] == "success_booked"


def test_their_words_give_a_machine_away(ears_stack, ears):
    client = ears_stack.customer(cap=20)
    ears.hears = ["Please leave a message after the tone."]
    line = Line(ears_stack, client)
    stream = line.stream().wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    stream.talk(2000)
    assert stream.wait_closed(20)[0] == 1000
    assert line.finish()["outcome_type"] == "failed_voicemail"


def test_without_them_a_call_goes_on(ears_stack, ears):
    client = ears_stack.customer(cap=20)
    ears.plans = [wskit.Plan(refuse=401)]
    line = Line(ears_stack, client)
    stream = line.stream().wait_open()
    hears(stream)
    stream.stop()
    line.hung_up()
    assert client.ended(line.call_id)["outcome_type"] == "success_no_booking"


# ---- the last words ----

def order(client, line, *wanted):
    """Which of these texts of the transcript, and "outcome", came after which."""
    found = [e["data"].get("text") if e["event_type"] == "transcript" else e["event_type"]
             for e in client.events(line.call_id)]
    return [one for one in found if one in wanted]


@pytest.fixture
def lazy(ears):
    """Ears that tell what they have heard when they are asked for it, and that have told nothing yet."""
    ears.lazy, ears.slow_s, ears.plans = True, 0.5, []
    yield ears
    ears.lazy, ears.slow_s, ears.plans = False, 0, []


def test_what_was_said_last_is_told_after_the_callee_has_hung_up(ears_stack, lazy):
    client = ears_stack.customer(cap=20)
    lazy.hears = ["I have to go now, goodbye."]
    line = Line(ears_stack, client)
    stream = line.stream().wait_open()
    eventually(lambda: stream.first("first_sound"), 5)
    stream.talk(1000)
    eventually(lambda: not stream.queue)
    stream.stop()
    line.hung_up()
    eventually(lambda: turns(client.call(line.call_id), "supervisor_stt"))
    call = client.ended(line.call_id)
    assert turns(call, "supervisor_stt") == ["I have to go now, goodbye."]
    assert lazy.sessions[-1].said == ["Finalize", "CloseStream"]
    eventually(lambda: lazy.sessions[-1].closed)
    assert lazy.sessions[-1].closed[0] == 1000, "it was waited for"


def test_what_was_said_to_the_agents_goodbye_is_told_before_the_end(ears_stack, lazy):
    client = ears_stack.customer(cap=20)
    lazy.lazy = False
    lazy.hears = ["Yes, it is booked.", "Thank you, goodbye to you too."]
    line = Line(ears_stack, client)
    stream = line.stream().wait_open()
    hears(stream)
    stream.talk(800)
    eventually(lambda: turns(client.call(line.call_id), "supervisor_stt"))
    lazy.lazy = True
    stream.talk(800)
    assert stream.wait_closed(20)[0] == 1000
    call = line.finish()
    assert call["outcome_type"] == "success_booked"
    assert order(client, line, "Yes, it is booked.", "Thank you, goodbye to you too.", "outcome") == [
        "Yes, it is booked.", "Thank you, goodbye to you too.", "outcome"]


def test_ears_that_do_not_answer_delay_no_end(ears_stack, lazy):
    client = ears_stack.customer(cap=20)
    lazy.lazy = False
    lazy.hears = ["Yes, it is booked."]
    lazy.plans = [wskit.Plan(moment="Finalize", deed=wskit.stall())]
    line = Line(ears_stack, client)
    stream = line.stream().wait_open()
    hears(stream)
    stream.talk(800)
    assert stream.wait_closed(20)[0] == 1000
    assert line.finish()["outcome_type"] == "success_booked"


def test_a_verdict_is_kept_when_the_callee_hangs_up_on_the_last_words(ears_stack, lazy):
    client = ears_stack.customer(cap=20)
    lazy.lazy = False
    lazy.hears = ["Yes, it is booked."]
    lazy.slow_s = 1.5
    line = Line(ears_stack, client)
    stream = line.stream().wait_open()
    hears(stream)
    stream.talk(800)
    eventually(lambda: lazy.sessions and "Finalize" in lazy.sessions[-1].said, 20)
    stream.stop()
    eventually(lambda: ears_stack.sql("SELECT verdict FROM calls WHERE call_id = %s",
                                      line.call_id)[0][0] == "success_booked")
    line.hung_up()
    assert client.ended(line.call_id)["outcome_type"] == "success_booked"
