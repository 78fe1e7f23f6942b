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
