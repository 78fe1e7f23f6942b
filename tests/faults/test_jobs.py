"""The processor dies again and again, at every step of a job and wherever a kill happens to hit it: each
job ends once, each mail is one mail, and the webhook tells of each job under one id."""

import collections
import json
import os
import pathlib
import random
import signal
import sys
import time

import pytest

from stack import Stack, children_of, eventually

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "api"))

import deepgram  # noqa: E402
import filehost  # noqa: E402
import llm  # noqa: E402
import mailserver  # noqa: E402
from receiver import Receiver  # noqa: E402

TO = "reports@example.com"
ANSWER = {"summary": "All is agreed.", "outcome": "agreed", "sentiment": "neutral",
          "action_items": ["Send the offer"]}
POINTS = ["process.checked", "process.leased", "process.leased:3", "process.fetched", "process.heard",
          "process.transcribed", "process.read", "process.summarised", "process.mail_planned",
          "process.mail_sent", "process.published"]


class Vendors:
    """All that the pipeline asks: each answers at once, and whatever it is asked."""

    def __init__(self):
        self.model, self.ears = llm.Model(), deepgram.Deepgram()
        self.post, self.files = mailserver.MailServer(), filehost.FileHost()
        self.sound = self.files.put("/sound.wav", {"type": "audio/wav", "body": filehost.wav()})
        self.model.always = lambda body: llm.Reply(content=json.dumps(ANSWER))
        self.ears.talk = [(0, "Good morning."), (1, "I call about a boat."), (0, "Very well.")]

    def settings(self):
        return {"OFFHOOK_OPENAI_API_KEY": llm.KEY, "OFFHOOK_OPENAI_BASE_URL": self.model.url,
                "OFFHOOK_OPENAI_MODEL": llm.NAME, "OFFHOOK_DEEPGRAM_API_KEY": deepgram.KEY,
                "OFFHOOK_DEEPGRAM_BASE_URL": self.ears.url, "OFFHOOK_SMTP_URL": self.post.url,
                "OFFHOOK_SMTP_FROM": "offhook@calls.example"}

    def close(self):
        for each in (self.model, self.ears, self.post, self.files):
            each.close()


@pytest.fixture(scope="module")
def vendors():
    made = Vendors()
    yield made
    made.close()


@pytest.fixture(scope="module")
def whole(vendors):
    with Stack(vendors.settings()) as made:
        yield made


@pytest.fixture
def stack(whole):
    whole.up()
    return whole


class Customer:
    """A workspace with a webhook, whose jobs send a mail each."""

    def __init__(self, stack, vendors, receiver):
        self.stack, self.vendors, self.receiver = stack, vendors, receiver
        self.name = "jobs-" + os.urandom(4).hex()
        self.path = "/" + self.name
        stack.command("workspace", "create", self.name, "--quota", "10")
        stack.command("settings", "set", "workspace", self.name, "email.recipients", json.dumps([TO]))
        stack.rows("SELECT fn.webhook_set(%s, %s, 'whsec_' || repeat('A', 32), true)", self.name,
                   receiver.url(self.path))

    def ingest(self, count, sound=0):
        """Jobs with a transcript; so many of them with a recording instead."""
        return [self.stack.value(
            "SELECT job_id FROM fn.job_ingest(%s, 'api', %s, 60, %s, %s, '{}', NULL)", self.name,
            f"{os.urandom(4).hex()}-{i}", self.vendors.sound if i < sound else None, None if i < sound else json.dumps(
                [{"seq": n, "role": "Agent", "text": f"Sentence {n}."} for n in (1, 2, 3)]))
            for i in range(count)]

    def open_ones(self):
        """How many have not ended; spares them the waits of the dead and of failed tries."""
        self.stack.rows("UPDATE jobs SET due_at = clock_timestamp() WHERE workspace_id = %s"
                        " AND due_at < 'infinity' AND due_at > clock_timestamp() + interval '1 s'",
                        self.name)
        return self.stack.value("SELECT count(*) FROM jobs WHERE workspace_id = %s AND ended_at IS NULL",
                                self.name)

    def settle(self, seconds=60):
        eventually(lambda: self.open_ones() == 0, seconds, lambda: f"{self.open_ones()} jobs go on")
        eventually(lambda: not self.stack.value(
            "SELECT count(*) FROM webhook_deliveries WHERE workspace_id = %s AND state = 'pending'",
            self.name), seconds, "not all was told")

    def mails(self):
        """{Message-ID: the bytes of each time that it was sent}, of this customer's jobs."""
        ours = {r["id"] for r in self.stack.rows(
            "SELECT job_id::text AS id FROM jobs WHERE workspace_id = %s", self.name)}
        found = collections.defaultdict(list)
        for mail in self.vendors.post.taken(TO):
            if mail.id.strip("<>").split(".")[1] in ours:
                found[mail.id].append(mail.bytes)
        return found

    def verify(self, jobs):
        """Each has completed, once; with one mail, the same each time that it was sent; and was told of
        under one id."""
        self.settle()
        rows = self.stack.rows("SELECT j.job_id, j.status, j.error, (SELECT count(*) FROM job_log l WHERE"
                               " l.job_id = j.job_id AND l.status = 'completed' AND l.previous IS NOT NULL)"
                               " AS ends FROM jobs j WHERE workspace_id = %s", self.name)
        assert {r["job_id"] for r in rows} == set(jobs)
        assert [r for r in rows if r["status"] != "completed" or r["ends"] != 1] == []
        mails = self.mails()
        of_jobs = collections.Counter(id.strip("<>").split(".")[1] for id in mails)
        assert of_jobs == {str(job): 1 for job in jobs}
        assert [id for id, copies in mails.items() if len(set(copies)) != 1] == []
        told = collections.defaultdict(set)
        for message in self.receiver.at(self.path):
            told[message.event["job_id"]].add((message.id, message.body))
        assert {job: len(messages) for job, messages in told.items()} == {str(job): 1 for job in jobs}
        assert not self.vendors.model.faults


@pytest.fixture
def customer(stack, vendors):
    receiver = Receiver(stack.folder / "tls")
    yield Customer(stack, vendors, receiver)
    receiver.close()


@pytest.mark.parametrize("point", POINTS)
def test_a_processor_that_dies_at(point, stack, customer):
    if not stack.has_crash_points():
        pytest.skip("the programs have no crash points")
    mark = stack.folder / "tmp" / f"crashed.{point}"
    mark.unlink(missing_ok=True)
    with stack.without_scheduler():
        jobs = customer.ingest(6, sound=3)
        with stack.scheduler(OFFHOOK_CRASH_AT=point, OFFHOOK_CRASH_ONCE=str(mark)):
            eventually(mark.exists, 40, f"{point} was never reached")
            customer.settle()
    customer.verify(jobs)


@pytest.mark.parametrize("kills", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_a_processor_that_is_killed_all_the_time(kills, stack, customer):
    """So many kills, each wherever it hits; new jobs come meanwhile. Whole schedulers, because a master
    waits longer and longer before it starts a child that dies."""
    luck, jobs = random.Random(os.environ.get("FAULTS_SEED", "jobs")), []
    with stack.without_scheduler():
        for _ in range(kills):
            jobs += customer.ingest(4, sound=2)
            with stack.scheduler() as scheduler:
                eventually(lambda: children_of(scheduler.pid, "processor"), 10, "no processor")
                time.sleep(luck.uniform(0, .6))
                os.killpg(scheduler.pid, signal.SIGKILL)
                customer.open_ones()
    customer.verify(jobs)
    assert stack.value("SELECT max(lease) FROM jobs WHERE workspace_id = %s", customer.name) > 1, \
        "no kill hit a job"


def test_a_master_that_is_killed(stack, customer):
    jobs = customer.ingest(30, sound=10)
    time.sleep(.2)
    stack.kill("scheduler")
    stack.up()
    customer.verify(jobs)


def test_two_processors_share_the_work(stack, customer):
    with stack.without_scheduler():
        jobs = customer.ingest(60, sound=10)
        with stack.scheduler(), stack.scheduler():
            customer.settle()
    customer.verify(jobs)
    twice = [id for id, copies in customer.mails().items() if len(copies) > 1]
    assert twice == [], "nobody died, and a mail was sent twice"


def test_a_processor_that_is_stopped_is_replaced(stack, customer):
    """Nothing is heard of it for 45 s; what it says when it wakes up is not heard."""
    with stack.scheduler():
        jobs = customer.ingest(40, sound=10)
        time.sleep(.1)
        for pid in (stopped := stack.children("scheduler", "processor")):
            os.kill(pid, signal.SIGSTOP)
        try:
            stack.rows("UPDATE job_workers SET seen_at = seen_at - interval '45 s' WHERE pid = ANY (%s)",
                       stopped)
            customer.settle()
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
    customer.verify(jobs)


@pytest.fixture
def slow_model(vendors):
    """It takes half a second; how often it was asked about each transcript."""
    quick, vendors.model.always = vendors.model.always, lambda body: llm.Reply(
        content=json.dumps(ANSWER), wait=0.5)
    before = len(vendors.model.server.asked)
    yield lambda: collections.Counter(
        body["messages"][1]["content"] for body in vendors.model.server.asked[before:])
    vendors.model.always = quick


def test_a_reload_costs_no_try_and_no_answer(stack, customer, slow_model):
    jobs = customer.ingest(30)
    for _ in range(3):
        time.sleep(0.4)
        stack.kill("scheduler", signal.SIGHUP)
    customer.verify(jobs)
    assert stack.rows("SELECT DISTINCT attempts, losses FROM jobs WHERE workspace_id = %s",
                      customer.name) == [{"attempts": 1, "losses": 0}]
    assert sum(slow_model().values()) == 30  # what was nearly done was waited for
    assert {len(copies) for copies in customer.mails().values()} == {1}


def test_answers_outlive_the_database(stack, customer, slow_model):
    """What is answered while it is away is kept until it is back, and not asked for again. All have been asked by
    then: a job that is just being taken may be taken again."""
    jobs = customer.ingest(8)
    eventually(lambda: sum(slow_model().values()) == 8, 20, "not all were asked")
    stack.kill("postgres", signal.SIGQUIT)
    time.sleep(1)
    stack.up()
    customer.verify(jobs)
    assert sum(slow_model().values()) == 8
    assert {r["attempts"] for r in stack.rows("SELECT attempts FROM jobs WHERE workspace_id = %s",
                                              customer.name)} == {1}


def test_a_job_that_kills_its_processor(stack, customer):
    """Three die of it, which is told, and that is its end; those that were under way beside it complete."""
    if not stack.has_crash_points():
        pytest.skip("the programs have no crash points")
    with stack.without_scheduler():
        before = customer.ingest(8)
        poison, = customer.ingest(1)
        behind = customer.ingest(8)
        with stack.scheduler(OFFHOOK_CRASH_AT=f"job {poison}"):
            customer.settle()
    said = stack.log("by-hand")
    assert said.count(f"a processor has died of job {poison}\n") == 3, said
    assert stack.rows("SELECT status, failure, error, lease FROM jobs WHERE job_id = %s", poison) == [
        {"status": "failed", "failure": "lost", "error": "Three workers have died of it.", "lease": 3}]
    others = stack.rows("SELECT job_id, status FROM jobs WHERE workspace_id = %s AND job_id <> %s", customer.name, poison)
    assert {r["job_id"]: r["status"] for r in others} == dict.fromkeys([*before, *behind], "completed")


def test_who_is_killed_while_it_waits_has_died_of_nothing(stack, customer, vendors):
    """Three times, with all jobs asked about and none in hand."""
    quick, before, size = vendors.model.always, len(vendors.model.server.asked), len(stack.log("scheduler"))
    vendors.model.always = lambda body: llm.Reply(content=json.dumps(ANSWER), wait=4)
    try:
        jobs = customer.ingest(4)
        for n in (1, 2, 3):
            eventually(lambda n=n: customer.open_ones() and len(vendors.model.server.asked) >= before + 4 * n, 30,
                       "not all were asked about")
            time.sleep(0.2)
            os.kill(stack.child("scheduler", "processor"), signal.SIGKILL)
    finally:
        vendors.model.always = quick
    customer.verify(jobs)
    assert "has died of job" not in stack.log("scheduler")[size:]


def test_a_poison_job_among_many(stack, customer, vendors):
    """One whose recording is no sound, one that no model can read; the others know nothing of it."""
    poison = [stack.value("SELECT job_id FROM fn.job_ingest(%s, 'api', 'poison-1', 60, %s, NULL, '{}',"
                          " NULL)", customer.name, "https://nobody.invalid/r.mp3"),
              stack.value("SELECT job_id FROM fn.job_ingest(%s, 'api', 'poison-2', 60, NULL, %s, '{}',"
                          " NULL)", customer.name, json.dumps([
                              {"seq": n, "role": "Agent", "text": "poison"} for n in (1, 2, 3)]))]
    vendors.model.say("poison", *[llm.Reply(content="{")] * 100)
    jobs = customer.ingest(200, sound=20)
    customer.settle(90)
    ends = {r["job_id"]: r for r in stack.rows(
        "SELECT job_id, status, failure, error FROM jobs WHERE workspace_id = %s", customer.name)}
    assert {ends.pop(job)["status"] for job in poison} == {"failed"}
    assert {r["status"] for r in ends.values()} == {"completed"} and set(ends) == set(jobs)
