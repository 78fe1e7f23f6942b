"""Fixtures: stacks that live as long as the tests of one file need them (an idle one costs more than
a new one does), and customers on the first."""

import apikit
import backend as backend_kit
import callrail as callrail_kit
import deepgram
import llm
import pytest
import s3kit


# The files that take longest: where several are run at once, these are begun first.
LONG = ("test_voice", "test_jobs_process", "test_recording_sources", "test_call_life",
        "test_events_stream", "test_transcript",
        "test_webhooks", "test_answers", "test_bookings", "test_start_queued", "test_skills",
        "test_reload", "test_health", "test_talker")


def pytest_collection_modifyitems(items):
    place = {name: i for i, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.module.__name__, len(LONG)))


def made(settings, environment=None):
    stack = apikit.Stack(settings, environment)
    try:
        yield stack
    finally:
        stack.close()


@pytest.fixture(scope="module")
def stack():
    """A stack with the queue on, whose dialer is quick."""
    yield from made({"queue.enabled": "true", "queue.cps": 40, "calls.charge_cents": 7})


@pytest.fixture(scope="module")
def direct_stack():
    """A stack with the queue off: POST /calls waits for its dial."""
    yield from made({"queue.cps": 40, "calls.sync_wait_ms": 2500})


@pytest.fixture(scope="module")
def rough_stack():
    """A stack for tests that stop and reload its programs. Whoever changes something puts it
    back."""
    yield from made({"queue.cps": 40, "calls.sync_wait_ms": 4000})


@pytest.fixture(scope="module")
def hook_stack():
    """A stack whose customers may have webhooks on this host."""
    yield from made({"queue.enabled": "true", "queue.cps": 40,
                     "webhooks.allow_private_networks": "true"})


@pytest.fixture(scope="module")
def model():
    """A language model."""
    made_model = llm.Model()
    yield made_model
    made_model.close()


@pytest.fixture(scope="module")
def model_stack(model):
    """A stack that has it."""
    apikit.secrets.add(llm.KEY)
    yield from made({"queue.enabled": "true", "queue.cps": 40, "openai.api_key": llm.KEY,
                     "openai.base_url": model.url, "openai.model": llm.NAME})


@pytest.fixture(scope="module")
def talk_stack(model):
    """A stack whose agent thinks with it."""
    apikit.secrets.add(llm.KEY)
    yield from made({"queue.enabled": "true", "queue.cps": 40, "openai.api_key": llm.KEY,
                     "openai.base_url": model.url, "openai.model": llm.NAME,
                     "voice.engine": "openai"})


@pytest.fixture(scope="module")
def backend():
    """An external call backend of negotiations."""
    made_backend = backend_kit.Backend()
    yield made_backend
    made_backend.close()


@pytest.fixture(scope="module")
def backend_stack(backend):
    """A stack that has it."""
    apikit.secrets.add(backend_kit.KEY)
    yield from made({"queue.enabled": "true", "queue.cps": 40,
                     "webhooks.allow_private_networks": "true",
                     "providers.call_backend_url": backend.url,
                     "providers.call_backend_key": backend_kit.KEY})


@pytest.fixture(scope="module")
def rail():
    """CallRail."""
    made_rail = callrail_kit.CallRail()
    yield made_rail
    made_rail.close()


@pytest.fixture(scope="module")
def rail_stack(rail):
    """A stack that has it."""
    yield from made({"queue.enabled": "true", "queue.cps": 40, "callrail.base_url": rail.url,
                     "webhooks.allow_private_networks": "true"})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """An object store that verifies signatures."""
    made_store = s3kit.Store(tmp_path_factory.mktemp("s3"))
    yield made_store
    made_store.stop()


@pytest.fixture(scope="module")
def stt():
    """Speech to text."""
    fake = deepgram.Deepgram()
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def media_stack(store, stt):
    """A stack with an object store and with speech to text."""
    apikit.secrets.update((deepgram.KEY, "X-Amz-Signature"))
    yield from made({
        "queue.enabled": "true", "queue.cps": 40, "s3.endpoint": store.url,
        "s3.region": s3kit.REGION, "s3.bucket": s3kit.BUCKET, "s3.prefix": "calls of/2026/",
        "s3.access_key": s3kit.KEY, "s3.secret_key": s3kit.SECRET,
        "deepgram.api_key": deepgram.KEY, "deepgram.base_url": stt.url})


@pytest.fixture
def customer(stack):
    """A new workspace with 1,000 credits and a cap of 20, and its key."""
    return stack.customer()


@pytest.fixture
def single(stack):
    """A new workspace with a cap of one call at a time."""
    return stack.customer(cap=1)


@pytest.fixture
def payer(direct_stack):
    """A new workspace on the stack with the queue off."""
    return direct_stack.customer()
