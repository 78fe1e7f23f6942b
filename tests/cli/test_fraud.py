"""What operators do about toll fraud: the switch that stops dialing, rules and limits."""

import contextlib
import re

import pytest

ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


@contextlib.contextmanager
def all_stopped(offhook, *words):
    """Everybody's dialing is stopped, for as long as it takes: other tests have the same database."""
    offhook.done("stop", "dialing", *words)
    try:
        yield
    finally:
        offhook.done("start", "dialing")


def holds(sql, call_id):
    return sql("SELECT h.reason FROM calls c, fn.call_holds(c, 100) h WHERE c.call_id = %s", call_id)[0][0]


# ---- the switch ----

def test_dialing_is_stopped_and_started(offhook, workspace, call, sql):
    waiting = call()
    with all_stopped(offhook, "--reason", "The bill."):
        assert holds(sql, waiting) == "stopped"
        stopped = offhook.done("status")["stopped"]
        assert [(s["workspace_id"], s["by"], s["reason"]) for s in stopped] == [(None, "operator", "The bill.")]
        assert ISO.match(stopped[0]["stopped_at"])
        told = offhook("status").out
        assert "dialing is stopped for all by the operator: The bill.: offhook start dialing\n" in told
        again = offhook.done("stop", "dialing")
        assert again == {"workspace_id": None, "dialing": "stopped", "changed": False}
        assert "was already stopped for all" in offhook("stop", "dialing").out
    assert holds(sql, waiting) is None
    assert offhook.done("status")["stopped"] == []
    assert offhook.done("start", "dialing") == {"workspace_id": None, "dialing": "started", "changed": False}
    assert sql("SELECT status::text FROM calls WHERE call_id = %s", waiting) == [("queued",)]


def test_dialing_stops_by_itself_for_all(offhook, sql):
    """When what waits may have been dialed: the remedy is another one."""
    sql("SELECT fn.dialing_doubted()")
    try:
        told = offhook("status").out
        assert "dialing is stopped for all by the guard: The database is another one than before" in told
        assert "may have been dialed.: offhook reconcile SINCE\n" in told
        assert [s["by"] for s in offhook.done("status")["stopped"]] == ["guard"]
    finally:
        offhook.done("start", "dialing")


def test_dialing_of_one_workspace_is_stopped(offhook, workspace, call, sql):
    waiting = call()
    assert "is now stopped for workspace " + workspace in offhook(
        "stop", "dialing", "--workspace", workspace).out
    assert holds(sql, waiting) == "stopped"
    assert "offhook start dialing --workspace " + workspace in offhook("status").out
    offhook.done("start", "dialing")  # the switch of all is another one
    assert holds(sql, waiting) == "stopped"
    assert offhook.done("start", "dialing", "--workspace", workspace) == {
        "workspace_id": workspace, "dialing": "started", "changed": True}
    assert holds(sql, waiting) is None


@pytest.mark.parametrize("words, status, says", [
    (["stop", "dialing", "--workspace", "nobody"], 1, "there is no workspace nobody"),
    (["start", "dialing", "--workspace", "nobody"], 1, "there is no workspace nobody"),
    (["stop", "dialing", "--workspace", "a b"], 2, "--workspace must be"),
    (["stop", "dialing", "--reason", " "], 2, "--reason must be"),
    (["stop", "dialing", "--reason", "x" * 501], 2, "--reason must be"),
    (["stop"], 2, "no such command"), (["stop", "calling"], 2, "no such command"),
    (["stop", "dialing", "now"], 2, "usage")])
def test_what_stops_nothing(offhook, sql, words, status, says):
    result = offhook(*words)
    assert result.status == status and says in result.err
    assert sql("SELECT count(*) FROM dialing_stops WHERE workspace_id = ''") == [(0,)]


# ---- rules ----

def test_rules(offhook, workspace, sql):
    rules = offhook.done("rules", "list", "--workspace", workspace)
    assert all(r["workspace_id"] is None and r["rule"] == "deny" for r in rules)
    assert {"+1900", "+870", "+881", "+882", "+883", "+979"} <= {r["prefix"] for r in rules}
    assert offhook.done("rules", "test", "+18765550143", "--workspace", workspace) == {
        "verdict": "trial", "country": "JM", "prefix": None, "rule_of": None, "cost": 10, "known": 0}
    assert offhook.done("rules", "allow", "JM", "--workspace", workspace, "--cost", "25",
                        "--reason", "An office there.") == {
        "workspace_id": workspace, "target": "JM", "result": "allowed"}
    own = [r for r in offhook.done("rules", "list", "--workspace", workspace) if r["workspace_id"]]
    assert [(r["prefix"], r["country"], r["rule"], r["cost"], r["reason"]) for r in own] == [
        (p, "JM", "allow", 25, "An office there.") for p in ("+1658", "+1876")]
    assert offhook.done("rules", "test", "+18765550143", "--workspace", workspace) == {
        "verdict": "allowed", "country": "JM", "prefix": "+1876", "rule_of": workspace, "cost": 25,
        "known": None}
    assert offhook.done("rules", "deny", "+1876555", "--workspace", workspace)["result"] == "denied"
    assert offhook.done("rules", "test", "+18765550143", "--workspace", workspace)["verdict"] == "denied"
    assert offhook.done("rules", "test", "+18765550143")["verdict"] == "trial", "it is the workspace's rule"
    assert offhook.done("rules", "remove", "JM", "--workspace", workspace)["result"] == "removed the rule of"
    assert offhook("rules", "remove", "JM", "--workspace", workspace).status == 1
    assert offhook.done("rules", "test", "+12025550143", "--workspace", workspace)["verdict"] == "allowed"
    assert "verdict" in offhook("rules", "test", "+19005550143").out


@pytest.mark.parametrize("words, status, says", [
    (["allow", "Jamaica"], 2, "TARGET"), (["allow", "+0"], 2, "TARGET"), (["allow", "+123456789"], 2, "TARGET"),
    (["allow", "XX"], 1, "no number is known to be in XX"), (["deny", "jm"], 2, "TARGET"),
    (["allow", "JM", "--cost", "10001"], 2, "--cost"), (["allow", "JM", "--reason", ""], 2, "--reason"),
    (["allow", "JM", "--workspace", "nobody"], 1, "there is no workspace"),
    (["remove", "+4477"], 1, "there is no such rule"), (["test", "12"], 2, "E.164")])
def test_rules_refused(offhook, sql, words, status, says):
    before = sql("SELECT count(*) FROM call_rules")
    result = offhook("rules", *words)
    assert result.status == status and says in result.err
    assert sql("SELECT count(*) FROM call_rules") == before


# ---- limits ----

def limits(offhook, *words):
    return {row["name"]: (row["most"], row["own"], row["used"]) for row in offhook.done("limits", "show", *words)}


def test_limits(offhook, workspace, call):
    none = {name: (None, False, None) for name in ("calls_per_hour", "calls_per_day", "cost_per_day", "first_day_calls")}
    assert limits(offhook) == {"trial_calls": (10, True, None), "refusals_per_hour": (20, True, None), **none}
    call()
    call("+18765550143")
    assert limits(offhook, "--workspace", workspace) == {
        "trial_calls": (10, False, 1), "refusals_per_hour": (20, False, 0), "calls_per_hour": (None, False, 2),
        "calls_per_day": (None, False, 2),
        "cost_per_day": (None, False, 11), "first_day_calls": (None, False, 2)}
    offhook.done("limits", "set", "trial_calls", "0", "--workspace", workspace)
    assert limits(offhook, "--workspace", workspace)["trial_calls"] == (0, True, 1)
    offhook.done("limits", "set", "trial_calls", "none", "--workspace", workspace)
    assert limits(offhook, "--workspace", workspace)["trial_calls"] == (None, True, 1)
    offhook.done("limits", "set", "trial_calls", "default", "--workspace", workspace)
    assert limits(offhook, "--workspace", workspace)["trial_calls"] == (10, False, 1)
    for words, status in ((["dances", "1"], 2), (["trial_calls", "-1"], 2), (["trial_calls", "many"], 2),
                          (["trial_calls"], 2), (["trial_calls", "1", "--workspace", "nobody"], 1)):
        assert offhook("limits", "set", *words).status == status, words


# ---- doctor ----

def test_doctor_says_what_is_stopped(offhook, workspace, sql):
    sql("INSERT INTO dialing_stops (workspace_id, guarded, reason) VALUES (%s, true, 'Too much.')", workspace)
    findings = offhook("doctor", "--json").json["findings"]
    told = [f for f in findings if f["part"] == "dialing"]
    assert [f["result"] for f in told] == ["warn"]
    assert f"stopped for {workspace} by the guard" in told[0]["text"] and "Too much." in told[0]["text"]
    assert f"offhook start dialing --workspace {workspace}" in told[0]["text"]
    offhook.done("start", "dialing", "--workspace", workspace)
    assert not [f for f in offhook("doctor", "--json").json["findings"] if f["part"] == "dialing"]
