"""Calls from CallRail: fetched once each, whatever happens meanwhile, by the settings as they are."""

import os
import signal
import subprocess
import time

import apikit
import pytest
from apikit import eventually

HOUR, DAY = 3600, 86400
# Seconds within which an account that is asked each second has been asked.
SOON = 30


class Feed:
    """An account at CallRail, and a workspace that wants its calls."""

    def __init__(self, stack, rail, account=None, **settings):
        self.stack, self.rail = stack, rail
        self.account = account or rail.account()
        apikit.secrets.add(self.account.key)
        self.client = stack.customer()
        self.workspace = self.client.workspace
        self.set(enabled=True, account_id=self.account.id, api_key=self.account.key,
                 **{"poll_interval_seconds": 1, **settings})

    def set(self, **settings):
        patch(self.client, f"workspace/{self.workspace}", **settings)

    def jobs(self):
        """external_id of each: None, or why it was skipped."""
        return jobs(self.stack, self.workspace)

    def lists(self, since=0):
        return self.rail.lists(self.account, since)

    def asked(self, times=2):
        """Waits until it was asked so many times more: what was there before is seen then."""
        before = len(self.lists())
        eventually(lambda: len(self.lists()) >= before + times, SOON)

    def row(self, columns):
        [found] = self.stack.sql(f"SELECT {columns} FROM callrail_accounts WHERE account_id = %s",
                                 self.account.id)
        return found

    def hurry(self):
        """Spares the wait after a refusal, or for the lease of a poller that died."""
        self.stack.sql("UPDATE callrail_accounts SET next_at = clock_timestamp(),"
                       " leased_until = '-infinity' WHERE account_id = %s", self.account.id)
        self.stack.sql("UPDATE callrail_walks SET next_at = '-infinity' WHERE account_id = %s",
                       self.account.id)

    def quiet(self, seconds=2.5):
        """That it is asked nothing."""
        before = len(self.lists())
        time.sleep(seconds)
        assert self.lists(before) == []


def patch(client, place, **settings):
    answer = client.request("PATCH", f"/api/v1/config/{place}",
                            json={"integrations": {"callrail": settings}})
    assert answer.status_code == 200, answer.text


def jobs(stack, workspace):
    return dict(stack.sql("SELECT external_id, skipped_reason FROM jobs WHERE workspace_id = %s"
                          " ORDER BY job_id", workspace))


def poller(stack):
    """The process id of the scheduler's poller, once there is one."""
    def look():
        found = subprocess.run(["ps", "--ppid", str(stack.pid("scheduler")), "-o", "pid=,args="],
                               capture_output=True, text=True, timeout=10).stdout
        return [int(line.split()[0]) for line in found.splitlines() if "poller" in line]
    return eventually(look)[0]


@pytest.fixture
def feed(rail_stack, rail):
    """Fetches each second; the past of a week."""
    made = Feed(rail_stack, rail)
    yield made
    made.set(enabled=False)


@pytest.fixture(autouse=True)
def strict(rail):
    """Nothing was asked that CallRail does not have, and no key went to where recordings are."""
    yield
    assert rail.unknown == set() and rail.leaks == []


# ---- what comes ----

def test_the_past_comes_page_by_page(rail_stack, rail):
    account = rail.account(zone=13)
    old = rail.call(account, ago=7 * DAY + HOUR)
    wanted = [rail.call(account, ago=7 * DAY - HOUR - i * 960) for i in range(615)]
    feed = Feed(rail_stack, rail, account, poll_interval_seconds=86400)
    eventually(lambda: len(feed.jobs()) >= len(wanted), SOON)
    assert list(feed.jobs()) == wanted, "each once, in the order in which they began"
    assert old not in feed.jobs() and set(feed.jobs().values()) == {None}
    assert [r["query"]["page"] for r in feed.lists()] == ["1", "2", "3"]
    assert len({(r["query"]["start_date"], r["query"]["end_date"]) for r in feed.lists()}) == 1
    [query] = [r["query"] for r in feed.lists() if r["query"]["page"] == "1"]
    assert (query["per_page"], query["sort"], query["order"]) == ("250", "start_time", "asc")
    assert feed.lists()[0]["key"] == account.key
    feed.set(enabled=False)


def test_a_call_is_a_job_with_what_is_known_of_it(feed, rail):
    call = rail.call(feed.account, ago=HOUR, duration=95, company_id="COM7")
    eventually(lambda: call in feed.jobs(), SOON)
    [row] = feed.stack.sql(
        "SELECT source, duration_seconds, recording_url, source_metadata FROM jobs"
        " WHERE workspace_id = %s", feed.workspace)
    began = rail.find(feed.account, call).began
    seconds = began.timestamp()
    start = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"
    assert row == ("callrail", 95, f"{rail.url}/v3/a/{feed.account.id}/calls/{call}/recording.json", {
        "account_id": feed.account.id, "company_id": "COM7", "direction": "inbound",
        "answered": True, "voicemail": False, "start_time": start,
        "customer_phone_number": "+1…11"})


@pytest.mark.parametrize("zone", (-11, 0, 14), ids=("west", "greenwich", "east"))
def test_the_zone_in_which_dates_are_read_does_not_matter(rail_stack, rail, zone):
    account = rail.account(zone=zone)
    calls = [rail.call(account, ago=ago) for ago in (2 * DAY - HOUR, DAY, 60)]
    feed = Feed(rail_stack, rail, account, backfill_days=2)
    eventually(lambda: len(feed.jobs()) == 3, SOON)
    calls.append(rail.call(account, ago=1))
    eventually(lambda: len(feed.jobs()) == 4, SOON)
    assert list(feed.jobs()) == calls
    feed.set(enabled=False)


def test_what_comes_between_two_questions(feed, rail):
    feed.asked(1)
    calls = []
    for _ in range(3):
        calls += [rail.call(feed.account, ago=5), rail.call(feed.account, ago=2)]
        feed.asked()
    assert sorted(feed.jobs()) == sorted(calls)
    assert feed.account.most_active == 1


def test_a_call_comes_when_it_is_over(feed, rail):
    call = rail.call(feed.account, ago=20 * 60, duration=None, recording=False)
    feed.asked()
    assert feed.jobs() == {}
    rail.change(feed.account, call, duration=1300)
    rail.record(feed.account, call)
    eventually(lambda: feed.jobs() == {call: None}, SOON)


def test_a_recording_that_comes_late(feed, rail):
    call = rail.call(feed.account, recording=False)
    words = rail.call(feed.account, recording=False,
                      transcription="Agent: Hello.\nCaller: Hello.\nAgent: Good bye.")
    eventually(lambda: feed.jobs() == {call: "no_recording", words: None}, SOON)
    feed.asked()
    rail.record(feed.account, call)
    eventually(lambda: feed.jobs() == {call: None, words: None}, SOON)
    [(url, lines)] = feed.stack.sql(
        "SELECT recording_url, (SELECT array_agg(message ORDER BY line) FROM job_log l"
        " WHERE l.job_id = j.job_id) FROM jobs j WHERE external_id = %s", call)
    assert url.endswith(f"/calls/{call}/recording.json")
    assert lines[:3] == ["Queued.", "no_recording", "The recording has come."]


@pytest.mark.parametrize("text, items", [
    ("Agent: Hello.\n\nCaller: At 10:30, yes.\nBye", [
        ("Agent", "Hello."), ("Caller", "At 10:30, yes."), ("unknown", "Bye")]),
    ("Hello there. How are you? Fine", [
        ("unknown", "Hello there."), ("unknown", "How are you?"), ("unknown", "Fine")]),
], ids=("in lines", "in one piece"))
def test_what_callrail_has_written_down(feed, rail, text, items):
    call = rail.call(feed.account, recording=False, transcription=text)
    eventually(lambda: feed.jobs() == {call: None}, SOON)
    [(kept,)] = feed.stack.sql("SELECT items FROM jobs WHERE external_id = %s", call)
    assert [(i["seq"], i["role"], i["text"]) for i in kept] == [
        (seq, *item) for seq, item in enumerate(items, 1)]


def test_one_that_is_odd_holds_up_no_other(feed, rail):
    rail.call(feed.account, id="../../etc")
    rail.call(feed.account, duration="long")
    good = rail.call(feed.account)
    eventually(lambda: feed.jobs() == {good: None}, SOON)
    assert "2 entries of its list could not be read" in doctor(feed)


# ---- what is skipped ----

def test_all_are_skipped_where_that_is_wanted(rail_stack, rail):
    account = rail.account()
    calls = [rail.call(account, recording=i > 0) for i in range(3)]
    feed = Feed(rail_stack, rail, account, skip_all_on_ingest=True, max_calls_per_workspace=1)
    eventually(lambda: len(feed.jobs()) == 3, SOON)
    assert feed.jobs() == dict.fromkeys(calls, "skip_all_on_ingest")
    feed.set(skip_all_on_ingest=False)
    feed.asked()
    late = rail.call(account)
    eventually(lambda: late in feed.jobs(), SOON)
    assert feed.jobs() == {**dict.fromkeys(calls, "skip_all_on_ingest"), late: None}
    feed.set(enabled=False)


def test_the_calls_of_a_day(rail_stack, rail):
    account = rail.account()
    silent = rail.call(account, ago=600, recording=False)
    calls = [rail.call(account, ago=500 - i) for i in range(5)]
    feed = Feed(rail_stack, rail, account, max_calls_per_workspace=3)
    eventually(lambda: len(feed.jobs()) == 6, SOON)
    assert feed.jobs() == {silent: "no_recording", **dict.fromkeys(calls[:3], None),
                           **dict.fromkeys(calls[3:], "rate_limit")}
    feed.set(enabled=False)


def test_the_calls_of_a_day_of_all_workspaces(rail_stack, rail):
    [(today,)] = rail_stack.sql("SELECT coalesce(sum(calls), 0)::integer FROM callrail_days"
                                " WHERE day = (clock_timestamp() AT TIME ZONE 'UTC')::date")
    accounts = [rail.account() for _ in range(3)]
    for account in accounts:
        for i in range(40):
            rail.call(account, ago=500 - i)
    feeds = [Feed(rail_stack, rail, account, max_total_calls=today + 50) for account in accounts]
    eventually(lambda: all(len(feed.jobs()) == 40 for feed in feeds), SOON)
    reasons = [reason for feed in feeds for reason in feed.jobs().values()]
    assert sorted(reasons, key=str) == [None] * 50 + ["rate_limit"] * 70
    for feed in feeds:
        feed.set(enabled=False)


# ---- who gets it ----

def test_workspaces_of_an_organization_share_an_account(rail_stack, rail):
    organization = rail_stack.organization(rail_stack.partner())
    account = rail.account()
    apikit.secrets.add(account.key)
    own = [rail_stack.customer(organization=organization) for _ in range(2)]
    other = rail_stack.customer()
    calls = [rail.call(account, ago=ago, company_id=company) for ago, company in (
        (50, "COM1"), (40, "COM2"), (30, "COM1"))]
    boss = rail_stack.with_key(rail_stack.new_key("organization", organization))
    patch(boss, f"organization/{organization}", enabled=True, account_id=account.id,
          api_key=account.key, poll_interval_seconds=1)
    for client in own:
        eventually(lambda w=client.workspace: jobs(rail_stack, w) == dict.fromkeys(calls), SOON)
    assert max(rail.windows(account).values()) == 1, "one question for both"
    patch(own[0], f"workspace/{own[0].workspace}", company_id="COM2")
    patch(own[1], f"workspace/{own[1].workspace}", enabled=False)
    more = [rail.call(account, ago=ago, company_id=company) for ago, company in (
        (2, "COM1"), (1, "COM2"))]
    eventually(lambda: more[1] in jobs(rail_stack, own[0].workspace), SOON)
    assert list(jobs(rail_stack, own[0].workspace)) == [*calls, more[1]]
    assert list(jobs(rail_stack, own[1].workspace)) == calls
    assert jobs(rail_stack, other.workspace) == {}, "nobody else is touched"
    patch(boss, f"organization/{organization}", enabled=False)


def test_changes_take_effect_by_themselves(feed, rail):
    old, other = feed.account, rail.account()
    apikit.secrets.update((other.key, "another-key-of-it"))
    first, second = rail.call(old), rail.call(other)
    eventually(lambda: first in feed.jobs(), SOON)
    old.keys["another-key-of-it"] = old.keys.pop(old.key)
    feed.set(api_key="another-key-of-it")
    third = rail.call(old, ago=1)
    eventually(lambda: third in feed.jobs(), SOON)
    assert second not in feed.jobs()
    feed.set(account_id=other.id, api_key=other.key)
    eventually(lambda: second in feed.jobs(), SOON)
    feed.quiet()  # the old account
    feed.account = other
    feed.set(enabled=False)
    eventually(lambda: feed.stack.sql("SELECT 1 WHERE NOT EXISTS (SELECT FROM callrail_walks"
                                      " WHERE account_id = %s)", other.id), SOON)
    feed.quiet()
    missed = rail.call(other, ago=1)
    feed.set(enabled=True)
    eventually(lambda: missed in feed.jobs(), SOON)


# ---- when things go wrong ----

@pytest.mark.parametrize("mishap", (500, 503, "html", "garbage"), ids=str)
def test_what_passes_is_asked_again(feed, rail, mishap):
    feed.asked(1)
    feed.account.mishaps.append(mishap)
    eventually(lambda: feed.row("failures") == (1,), SOON)
    call = rail.call(feed.account)
    [(wait,)] = feed.stack.sql("SELECT extract(epoch FROM next_at - clock_timestamp())::float8"
                               " FROM callrail_accounts WHERE account_id = %s", feed.account.id)
    assert 3 < wait <= 10
    feed.hurry()
    eventually(lambda: feed.jobs() == {call: None}, SOON)
    assert feed.row("failures, error") == (0, None)


def test_too_many_requests_are_answered_by_minutes_of_silence(feed, rail):
    feed.asked(1)
    feed.account.standing = 429
    eventually(lambda: feed.row("failures") == (1,), SOON)
    assert feed.row("next_at - clock_timestamp() BETWEEN '110 s' AND '240 s'") == (True,)
    feed.quiet()
    assert "CallRail answered 429" in doctor(feed) and "by itself" in doctor(feed)
    feed.hurry()
    eventually(lambda: feed.row("failures") == (2,), SOON)
    assert feed.row("next_at - clock_timestamp() BETWEEN '230 s' AND '480 s'") == (True,)
    feed.stack.stop("scheduler")
    feed.stack.up()
    feed.quiet()  # a restart makes nobody impatient
    assert feed.row("failures") == (2,)
    feed.account.standing = None
    call = rail.call(feed.account)
    feed.hurry()
    eventually(lambda: feed.jobs() == {call: None}, SOON)


def doctor(feed):
    """What the operator is told of the account."""
    found = feed.stack.offhook("doctor", status=None)["findings"]
    return " ".join(f["text"] for f in found if f["part"] == "callrail"
                    and feed.account.id in f["text"])


def figure(stack, name):
    [line] = [one for one in stack.client.get("/metrics").text.splitlines()
              if one.startswith(f"offhook_{name} ")]
    return int(line.split()[1])


def test_a_key_that_is_refused(feed, rail):
    feed.asked(1)
    rail.call(feed.account)
    right, feed.account.keys = feed.account.keys, {"none": None}
    eventually(lambda: doctor(feed), SOON)
    assert feed.workspace in doctor(feed) and "401" in doctor(feed)
    assert "set integrations.callrail.api_key" in doctor(feed)
    assert figure(feed.stack, 'callrail_accounts{state="trouble"}') == 1
    assert figure(feed.stack, "callrail_poll_age_seconds") >= 0
    feed.quiet()
    feed.account.keys = {"the-new-key-of-it": None, **right}
    apikit.secrets.add("the-new-key-of-it")
    feed.set(api_key="the-new-key-of-it")
    eventually(lambda: len(feed.jobs()) == 1, SOON)
    eventually(lambda: not doctor(feed), SOON)
    assert figure(feed.stack, 'callrail_accounts{state="trouble"}') == 0


def test_one_that_does_not_answer_stops_nobody_else(feed, rail):
    slow = Feed(feed.stack, rail)
    slow.account.gate.clear()
    eventually(lambda: slow.account.active, SOON)
    call = rail.call(feed.account)
    eventually(lambda: call in feed.jobs(), SOON)
    feed.asked(3)
    assert slow.account.active == 1
    slow.account.gate.set()
    eventually(lambda: len(slow.lists()) > 2, SOON)
    slow.set(enabled=False)


def test_a_poller_that_is_killed_is_gone_on_from(rail_stack, rail):
    account = rail.account()
    calls = [rail.call(account, ago=DAY - i) for i in range(1300)]
    feed = Feed(rail_stack, rail, account)
    for page in range(1, 6):
        eventually(lambda p=page: any(r["query"]["page"] == str(p) for r in feed.lists()), SOON)
        victim = poller(rail_stack)
        os.kill(victim, signal.SIGKILL)
        eventually(lambda v=victim: poller(rail_stack) != v)
        feed.hurry()
    eventually(lambda: len(feed.jobs()) >= 1300, SOON)
    [(count,)] = rail_stack.sql("SELECT count(*) FROM jobs WHERE workspace_id = %s", feed.workspace)
    assert count == 1300 and sorted(feed.jobs()) == sorted(calls)
    feed.asked(7)  # whatever was repeated
    assert len(feed.jobs()) == 1300
    feed.set(enabled=False)


def test_two_schedulers_ask_one_question_at_a_time(rail_stack, rail):
    second = subprocess.Popen([f"{rail_stack.env['OFFHOOK_BIN']}/offhook-scheduler", "--config",
                               rail_stack.env["OFFHOOK_CONF"]], stderr=subprocess.DEVNULL,
                              env=apikit.clean_environment())
    try:
        accounts = [rail.account() for _ in range(4)]
        feeds = [Feed(rail_stack, rail, account) for account in accounts]
        for account in accounts:
            for i in range(300):
                rail.call(account, ago=500 - i)
        for feed in feeds:
            eventually(lambda f=feed: len(f.jobs()) == 300, SOON)
            feed.asked(4)
            feed.set(enabled=False)
        for account in accounts:
            assert account.most_active == 1
            at = [r["at"] for r in rail.lists(account) if r["query"]["page"] == "1"]
            assert all(later - sooner > 0.5 for sooner, later in zip(at, at[1:])), "each interval once"
    finally:
        second.terminate()
        second.wait(40)
