"""Every command of offhook: what it does, what it prints, and its exit status (0 done, 1 refused or
failed, 2 wrong usage)."""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib

import pytest

from support_cli import TOP, Offhook

sys.path.append(str(pathlib.Path(__file__).parent.parent / "api"))

import mailserver  # noqa: E402

ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
SID = "AC0123456789abcdef0123456789abcdef"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


# ---- the command line ----

def plain(offhook, *words):
    """Without --config."""
    return subprocess.run([offhook.program, *words], env=offhook.environment, capture_output=True,
                          text=True, timeout=60, stdin=subprocess.DEVNULL)


def commands():
    """The commands as the help lists them."""
    program = Offhook(pathlib.Path("/nonexistent"), "").program
    listed = subprocess.run([program, "--help"], capture_output=True, text=True, check=True,
                            timeout=60).stdout
    found = re.findall(r"^  ([a-z]+(?: [a-z]+)?)[A-Z_\[\] ]*  +\S", listed, re.M)
    return [command.split() for command in found]


def test_help_lists_what_the_contract_names():
    have = {" ".join(command) for command in commands()}
    assert have >= {
        "migrate", "config check", "partner create", "organization create", "workspace create",
        "key create", "key revoke", "key list", "credits grant", "credits show", "credits audit",
        "maintenance on", "maintenance off", "settings set", "settings get", "calls list",
        "calls show", "calls cancel", "jobs list", "jobs show", "jobs requeue", "status", "queue status", "webhooks list", "webhooks redeliver", "doctor", "top",
        "stop dialing", "start dialing", "rules allow", "rules deny", "rules remove", "rules list",
        "rules test", "limits set", "limits show", "audit", "reconcile"}


def test_every_command_explains_itself(offhook):
    for command in commands():
        done = plain(offhook, *command, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith("usage: offhook " + " ".join(command))
        for option in ("--config", "--json", "--help"):
            assert option in done.stdout


@pytest.mark.parametrize("words", [
    [], ["nonsense"], ["key"], ["key", "nonsense"], ["key", "create", "--nonsense"],
    ["workspace", "create"], ["workspace", "create", "one", "two"], ["credits", "grant", "acme"],
    ["calls", "show"], ["config", "get"], ["queue", "status", "more"], ["key", "create", "--id"],
    ["calls", "list", "--limit", "1", "--limit", "2"], ["top", "--config"], ["key", "list", "--json=1"],
])
def test_wrong_usage_is_2_and_says_so(offhook, words):
    done = plain(offhook, *words)
    assert done.returncode == 2
    assert done.stderr and not done.stdout


def test_version(offhook):
    done = plain(offhook, "--version")
    assert done.returncode == 0 and done.stdout.startswith("offhook ")


def test_options_stand_anywhere(offhook):
    offhook.write()
    for words in (["--config", offhook.config, "queue", "status", "--json"],
                  ["queue", f"--config={offhook.config}", "--json", "status"]):
        assert plain(offhook, *map(str, words)).returncode == 0


def test_output_that_cannot_be_written_is_a_failure(offhook):
    with open("/dev/full", "w") as full:
        done = subprocess.run([offhook.program, "config", "sample"], stdout=full, timeout=60,
                              stderr=subprocess.PIPE, env=offhook.environment)
    assert done.returncode == 1


# ---- settings and schema ----

def test_config_check(offhook):
    assert offhook("config", "check").status == 0
    assert offhook.done("config", "check") == {"ok": True, "file": str(offhook.config), "error": None}


def test_config_check_names_file_line_and_key(offhook):
    offhook.settings["queue.cps"] = "0"
    result = offhook("config", "check")
    assert result.status == 1
    assert f"{offhook.config}:10: queue.cps must be" in result.err
    result = offhook("config", "check", "--json")
    assert result.status == 1 and not result.json["ok"] and "queue.cps" in result.json["error"]
    assert offhook("queue", "status").status == 1


def test_config_check_reads_the_skills(offhook, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "taxi.json").write_text('{"skill_id": "taxi", "title": ""}')
    offhook.settings["skills.dir"] = str(tmp_path)
    result = offhook("config", "check")
    assert result.status == 1 and f"{tmp_path}/taxi.json: title: must be" in result.err
    report = offhook("config", "check", "--json")
    assert report.status == 1 and not report.json["ok"] and "taxi.json" in report.json["error"]
    offhook.settings["skills.dir"] = "/nonexistent/skills"
    assert "/nonexistent/skills: cannot be read" in offhook("config", "check").err


def test_a_named_file_must_be_there(offhook):
    done = plain(offhook, "config", "check", "--config", "/nonexistent/offhook.conf")
    assert done.returncode == 1 and "/nonexistent/offhook.conf" in done.stderr


def test_config_get(offhook):
    assert offhook("config", "get", "queue.cps").out == "1\n"
    assert offhook("config", "get", "queue.cps", OFFHOOK_QUEUE_CPS="2.5").out == "2.5\n"
    assert offhook.done("config", "get", "voice.engine") == {"key": "voice.engine", "value": "script"}
    for name in ("database.url", "twilio.auth_token", "nonsense", "queue"):
        result = offhook("config", "get", name)
        assert result.status == 1 and not result.out


def test_the_sample_file_is_what_config_sample_prints(offhook):
    done = plain(offhook, "config", "sample")
    assert done.returncode == 0
    assert done.stdout == (TOP / "doc" / "offhook.conf.sample").read_text()


def test_the_sample_is_a_right_configuration(offhook, tmp_path):
    sample = tmp_path / "sample.conf"
    text = plain(offhook, "config", "sample").stdout
    sample.write_text(re.sub(r"^#(\w+ =)", r"\1", text, flags=re.M))
    assert plain(offhook, "config", "check", "--config", str(sample)).returncode == 0


def test_migrate_twice(offhook):
    result = offhook("migrate")
    assert result.status == 0 and result.out == "the schema is current\n"
    assert offhook.done("migrate") == {"current": True, "steps": []}


def test_two_hosts_may_migrate_at_once(cluster, tmp_path):
    offhook = Offhook(tmp_path, cluster.create("two_hosts"))
    offhook.write()
    both = [subprocess.Popen([offhook.program, "migrate", "--config", str(offhook.config)],
                             env=offhook.environment, stdout=subprocess.PIPE) for _ in range(2)]
    out = [process.communicate(timeout=60)[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert "".join(out).count("applied 001_tenancy\n") == 1


def test_migrate_without_a_database(offhook):
    offhook.settings["database.url"] = "postgresql:///offhook?host=/nonexistent"
    result = offhook("migrate")
    assert result.status == 1 and "database.url" in result.err


def test_without_a_schema_it_says_what_to_do(cluster, tmp_path):
    result = Offhook(tmp_path, cluster.create("bare"))("queue", "status")
    assert result.status == 1 and "offhook migrate" in result.err


# ---- the tree ----

def test_tree(offhook, sql):
    offhook.done("partner", "create", "p-tree", "--name", "Partner Ünlü")
    offhook.done("organization", "create", "o-tree", "--parent", "p-tree")
    made = offhook.done("workspace", "create", "w-tree", "--parent", "o-tree", "--quota", "5",
                        "--max-concurrent", "3", "--weight", "40")
    assert made == {"scope": "workspace", "id": "w-tree", "parent": "o-tree", "created": True}
    assert sql("SELECT organization_id, partner_id, name, quota, max_concurrent, weight FROM"
               " workspaces WHERE workspace_id = 'w-tree'") == [
                   ("o-tree", "p-tree", "w-tree", 5, 3, 40)]
    assert {"id": "p-tree", "name": "Partner Ünlü"}.items() <= next(
        row for row in offhook.done("partner", "list") if row["id"] == "p-tree").items()
    assert any(row["parent"] == "p-tree" for row in offhook.done("organization", "list"))
    assert any(row["parent"] == "o-tree" for row in offhook.done("workspace", "list"))


def test_what_exists_is_not_made_again(offhook, workspace, sql):
    result = offhook("workspace", "create", workspace, "--quota", "7")
    assert result.status == 1 and "exists already" in result.err
    assert sql("SELECT quota FROM workspaces WHERE workspace_id = %s", workspace) == [(1000,)]
    assert offhook("partner", "create", "default").status == 1
    assert offhook("organization", "create", "default").status == 1


def test_parents_must_exist(offhook):
    assert offhook("organization", "create", "o-none", "--parent", "nobody").status == 1
    assert offhook("workspace", "create", "w-none", "--parent", "nobody").status == 1
    assert offhook("partner", "create", "p-none", "--parent", "default").status == 2


@pytest.mark.parametrize("words", [
    ["create", "ab"], ["create", "a" * 65], ["create", "a b c"], ["create", "abc'; --"],
    ["create", "abc", "--quota", "-1"], ["create", "abc", "--quota", "1.5"],
    ["create", "abc", "--quota", "9999999999"], ["create", "abc", "--max-concurrent", "0"],
    ["create", "abc", "--max-concurrent", "101"], ["create", "abc", "--name", " "],
    ["create", "abc", "--name", "x" * 201], ["change", "abc"], ["create", "abc", "--weight", "0"],
    ["change", "abc", "--weight", "101"],
])
def test_workspace_wrong_usage(offhook, words):
    assert offhook("workspace", *words).status == 2


def test_workspace_change(offhook, workspace, sql):
    offhook.done("workspace", "change", workspace, "--quota", "9")
    offhook.done("workspace", "change", workspace, "--max-concurrent", "2", "--name", "New")
    assert sql("SELECT name, quota, max_concurrent, weight FROM workspaces WHERE workspace_id = %s",
               workspace) == [("New", 9, 2, 1)]
    offhook.done("workspace", "change", workspace, "--weight", "7")
    assert sql("SELECT weight, quota FROM workspaces WHERE workspace_id = %s",
               workspace) == [(7, 9)]
    assert offhook("workspace", "change", "nobody", "--quota", "1").status == 1


# ---- keys ----

def checksum(random):
    number, text = zlib.crc32(random.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        text = BASE62[digit] + text
    return text.rjust(6, "0")


def test_key_create(offhook, workspace, sql):
    made = offhook.done("key", "create", "--scope", "workspace", "--id", workspace)
    assert made["scope"] == "workspace" and made["id"] == workspace and made["is_admin"] is False
    key = made["api_key"]
    assert re.fullmatch(r"ohk_[0-9A-Za-z]{38}", key) and key[-6:] == checksum(key[4:36])
    assert sql("SELECT key_hash = sha256(%s), last_4, revoked_at FROM api_keys"
               " WHERE api_key_id = %s", key.encode(), made["api_key_id"]) == [(True, key[-4:], None)]
    assert sql("SELECT workspace_id FROM fn.caller(sha256(%s), NULL, NULL, NULL, NULL)",
               key.encode()) == [(workspace,)]


def test_key_create_prints_the_key_alone(offhook, workspace):
    result = offhook("key", "create", "--scope", "workspace", "--id", workspace, "--admin")
    assert result.status == 0 and re.fullmatch(r"ohk_\w{38}\n", result.out)
    assert re.search(r"key_\w{26}", result.err)


def test_key_scopes(offhook):
    assert offhook.done("key", "create", "--scope", "platform", "--admin")["is_admin"] is True
    assert offhook.done("key", "create", "--scope", "platform", "--id", "platform")["id"] == "platform"
    assert offhook.done("key", "create", "--scope", "partner", "--id", "default")
    assert offhook.done("key", "create", "--scope", "organization", "--id", "default")
    assert offhook("key", "create", "--scope", "workspace", "--id", "nobody").status == 1
    assert offhook("key", "create", "--scope", "workspace").status == 2
    assert offhook("key", "create", "--scope", "galaxy", "--id", "abc").status == 2
    assert offhook("key", "create", "--id", "default").status == 2


def test_key_revoke_and_list(offhook, workspace, sql):
    made = offhook.done("key", "create", "--scope", "workspace", "--id", workspace)
    assert offhook.done("key", "revoke", made["api_key_id"]) == {
        "api_key_id": made["api_key_id"], "revoked": True}
    assert sql("SELECT * FROM fn.caller(sha256(%s), NULL, NULL, NULL, NULL)",
               made["api_key"].encode()) == []
    listed = next(k for k in offhook.done("key", "list") if k["api_key_id"] == made["api_key_id"])
    assert ISO.match(listed["revoked_at"]) and listed["api_key_last_4"] == made["api_key"][-4:]
    assert made["api_key"] not in offhook("key", "list").out
    assert offhook("key", "revoke", made["api_key_id"]).status == 1
    assert offhook("key", "revoke", "key_00000000000000000000000000").status == 1
    assert offhook("key", "revoke", made["api_key"]).status == 1


# ---- credits ----

def test_credits(offhook, workspace, call):
    zero = {"workspace_id": workspace, "quota_limit": 1000, "granted": 0, "reserved": 0,
            "settled": 0, "available": 1000}
    assert zero.items() <= offhook.done("credits", "show", workspace).items()
    assert offhook.done("credits", "grant", workspace, "50")["quota_limit"] == 1050
    offhook.done("credits", "grant", workspace, "5")
    call()
    assert {"quota_limit": 1055, "granted": 55, "reserved": 1, "settled": 0,
            "available": 1054}.items() <= offhook.done("credits", "show", workspace).items()
    assert "1054" in offhook("credits", "show", workspace).out


def test_credits_refused(offhook, workspace):
    assert offhook("credits", "show", "nobody").status == 1
    assert offhook("credits", "grant", "nobody", "5").status == 1
    for amount in ("0", "-5", "x", "1.0", "1000000001"):
        assert offhook("credits", "grant", workspace, amount).status == 2
    offhook.done("credits", "grant", workspace, "1000000000")
    result = offhook("credits", "grant", workspace, "1")
    assert result.status == 1 and "1000000000" in result.err
    assert offhook("credits", "audit").status == 0


def test_audit_of_calls_in_every_state(offhook, call, sql):
    sql("SELECT fn.call_cancel(workspace_id, call_id) FROM calls WHERE call_id = %s", call())
    ended = call()
    dial(sql, ended, "CA1")
    sql("SELECT fn.carrier_news(%s, NULL, 'CA1', 'in-progress', NULL, NULL, 600)", ended)
    sql("UPDATE calls SET agent_spoke = true, agent_ended = true WHERE call_id = %s", ended)
    sql("SELECT fn.carrier_news(%s, NULL, 'CA1', 'completed', 12, NULL, 600)", ended)
    assert sql("SELECT outcome_type, charge_cents FROM calls WHERE call_id = %s", ended) == [
        ("success_no_booking", 7)]
    call()
    assert offhook.done("credits", "audit") == {"balanced": True, "differences": []}
    assert offhook("credits", "audit").out == "balanced\n"


def dial(sql, call_id, sid, answer="accepted"):
    """Grants the dial of a waiting call and tells the carrier's answer, as the dialer does."""
    epoch = sql("SELECT fn.pacer_take(epoch, 'test', 1, 1, 10) FROM pacer")[0][0]
    attempt = sql("SELECT d.attempt_id FROM calls c, fn.dial_claim(%s, c.queue_no, 0, 1, 10, NULL) d"
                  " WHERE c.call_id = %s", epoch, call_id)[0][0]
    sql("SELECT fn.dial_result(%s, %s, %s, NULL, 0)", attempt, answer, sid)
    return attempt


@contextlib.contextmanager
def forged(sql, change, back):
    """Changes rows behind the guards' back, and back again."""
    sql("SET session_replication_role = replica")
    try:
        sql(change)
        yield
    finally:
        sql(back)
        sql("SET session_replication_role = origin")


@pytest.mark.parametrize("change, back, what", [
    ("UPDATE credit_months SET reserved = reserved + 2 WHERE workspace_id = '{w}'",
     "UPDATE credit_months SET reserved = reserved - 2 WHERE workspace_id = '{w}'", "reserved"),
    ("UPDATE credit_months SET settled = settled + 2 WHERE workspace_id = '{w}'",
     "UPDATE credit_months SET settled = settled - 2 WHERE workspace_id = '{w}'", "settled"),
    ("UPDATE credit_months SET granted = granted + 2 WHERE workspace_id = '{w}'",
     "UPDATE credit_months SET granted = granted - 2 WHERE workspace_id = '{w}'", "granted"),
    ("UPDATE calls SET credits_reserved = 3 WHERE call_id = '{c}'",
     "UPDATE calls SET credits_reserved = 1 WHERE call_id = '{c}'", "call_taken"),
    ("UPDATE calls SET charge_cents = 3 WHERE call_id = '{c}'",
     "UPDATE calls SET charge_cents = 0 WHERE call_id = '{c}'", "call_charge_cents"),
    ("UPDATE credit_ledger SET settled = 1 WHERE call_id = '{c}' AND step = 2",
     "UPDATE credit_ledger SET settled = 0 WHERE call_id = '{c}' AND step = 2", "call_settled"),
    ("UPDATE credit_ledger SET call_id = 'lost' WHERE call_id = '{c}'",
     "UPDATE credit_ledger SET call_id = '{c}' WHERE call_id = 'lost'", "no_such_call"),
])
def test_audit_finds(offhook, workspace, call, sql, change, back, what):
    cancelled = call()
    offhook.done("calls", "cancel", cancelled)
    names = {"w": workspace, "c": cancelled}
    with forged(sql, change.format(**names), back.format(**names)):
        result = offhook("credits", "audit", "--json")
        assert result.status == 1 and result.json["balanced"] is False
        assert what in {d["what"] for d in result.json["differences"]}
        assert {d["workspace_id"] for d in result.json["differences"]} == {workspace}
        result = offhook("credits", "audit")
        assert result.status == 1 and workspace in result.out
    assert offhook("credits", "audit").status == 0


# ---- maintenance ----

def test_maintenance(offhook, sql):
    on = offhook.done("maintenance", "on", "--message", "Back soon.", "--resume-at",
                      "2031-01-02T04:00:00+01:00")
    assert on == {"active": True, "message": "Back soon.", "resume_at": "2031-01-02T03:00:00.000Z"}
    assert offhook.done("maintenance") == on
    on = offhook.done("maintenance", "on")
    assert on["active"] and on["message"] and on["resume_at"] is None and on["message"] != "Back soon."
    off = {"active": False, "message": None, "resume_at": None}
    assert offhook.done("maintenance", "off") == off
    assert offhook.done("maintenance") == off
    assert sql("SELECT active, resume_at FROM maintenance") == [(False, None)]


def test_maintenance_wrong_usage(offhook, sql):
    assert offhook("maintenance", "on", "--resume-at", "tomorrow").status == 2
    assert offhook("maintenance", "on", "--message", " ").status == 2
    assert offhook("maintenance", "on", "--message", "x" * 501).status == 2
    assert offhook("maintenance", "nonsense").status == 2
    assert sql("SELECT active FROM maintenance") == [(False,)]


# ---- settings of the tree ----

def test_settings(offhook, workspace):
    place = ("workspace", workspace)
    schema = {"type": "object", "properties": {"mood": {"enum": ["good", None]}}}
    values = {"processing.auto": True, "calling.default_region": "GB",
              "summary.schema": schema, "processing.max_attempts": 4}
    for path, value in values.items():
        assert offhook("settings", "set", *place, path, json.dumps(value)).status == 0
    assert {row["path"]: row["value"] for row in offhook.done("settings", "get", *place)} == values
    assert offhook("settings", "get", *place, "calling.default_region").out == '"GB"\n'
    assert offhook.done("settings", "get", *place, "summary.schema")["value"] == schema
    offhook.done("settings", "set", *place, "processing.auto", "false")
    assert offhook.done("settings", "get", *place, "processing.auto")["value"] is False
    offhook.done("settings", "set", *place, "processing.max_attempts", "null")
    assert offhook("settings", "get", *place, "processing.max_attempts").status == 1
    assert offhook("settings", "set", *place, "processing.max_attempts", "null").status == 1


def test_settings_of_a_section(offhook, workspace):
    place = ("workspace", workspace)
    offhook.done("settings", "set", *place, "processing",
                 '{"auto": true, "filters": {"min_duration_seconds": 5}}')
    offhook.done("settings", "set", *place, "processing.max_attempts", "7")
    offhook.done("settings", "set", *place, "processing", '{"auto": null}')
    assert [row["path"] for row in offhook.done("settings", "get", *place)] == [
        "processing.filters.min_duration_seconds", "processing.max_attempts"]
    assert offhook.done("settings", "set", *place, "processing", "null")["result"] == "removed"
    assert offhook.done("settings", "get", *place) == []


def test_settings_of_every_level(offhook):
    for place in (("platform", "default"), ("partner", "default"), ("organization", "default")):
        offhook.done("settings", "set", *place, "calling.default_region", '"DE"')
        assert offhook.done("settings", "get", *place, "calling.default_region")["value"] == "DE"
        offhook.done("settings", "set", *place, "calling.default_region", "null")


def test_a_secret_is_not_shown(offhook, workspace):
    place = ("workspace", workspace)
    path = "integrations.callrail.api_key"
    done = offhook("settings", "set", *place, path, '"quite-secret-1234"')
    shown = offhook("settings", "get", *place)
    one = offhook("settings", "get", *place, path, "--json")
    assert one.json["value"] == "…1234"
    assert "…1234" in shown.out
    assert not any("secret-" in text for text in (done.out, done.err, shown.out, one.out))


@pytest.mark.parametrize("path, value, says", [
    ("processing.never", "1", "there is no setting processing.never"),
    ("nothing", "null", "there is no setting nothing"),
    ("processing.auto.x", "true", "processing.auto must be true or false"),
    ("processing.auto", "1", "processing.auto must be true or false"),
    ("processing", "1", "processing must be an object"),
    ("processing", '{"auto": true, "max_attempts": 0}',
     "processing.max_attempts must be a whole number from 1 to 20"),
])
def test_settings_go_by_the_catalogue(offhook, workspace, path, value, says):
    result = offhook("settings", "set", "workspace", workspace, path, value)
    assert result.status == 1 and says in result.err
    assert offhook.done("settings", "get", "workspace", workspace) == []


@pytest.mark.parametrize("words, status", [
    (["set", "workspace", "nobody", "processing.auto", "true"], 1),
    (["set", "galaxy", "abc", "a", "1"], 2),
    (["set", "platform", "other", "a", "1"], 2), (["set", "partner", "default", "A", "1"], 2),
    (["set", "partner", "default", "a..b", "1"], 2), (["set", "partner", "default", "a.", "1"], 2),
    (["set", "partner", "default", "a", "US"], 2), (["set", "partner", "default", "a", '{"a":1,}'], 2),
    (["set", "partner", "default", "a", '{"a":1,"a":2}'], 2), (["set", "partner", "default", "a", ""], 2),
    (["set", "partner", "default", "a", '"' + "x" * 65536 + '"'], 2), (["set", "partner", "default", "a"], 2),
    (["get", "partner", "default", "never.set"], 1),
])
def test_settings_refused(offhook, words, status):
    assert offhook("settings", *words).status == status


# ---- calls and queue ----

def test_calls_list(offhook, workspace, call):
    first, second = call("+12025550111"), call("+12025550122")
    listed = offhook.done("calls", "list", "--workspace", workspace)
    assert [row["call_id"] for row in listed] == [second, first]
    assert listed[0]["status"] == "queued" and listed[0]["target_phone"] == "+12025550122"
    assert ISO.match(listed[0]["created_at"]) and listed[0]["ended_at"] is None
    assert len(offhook.done("calls", "list", "--workspace", workspace, "--limit", "1")) == 1
    assert offhook.done("calls", "list", "--workspace", workspace, "--status", "failed") == []
    assert len(offhook.done("calls", "list", "--status", "queued", "--limit", "1")) == 1
    text = offhook("calls", "list", "--workspace", workspace).out
    assert first in text and "2025550111" not in text
    assert offhook("calls", "list", "--workspace", "nobody").out == "no such calls\n"
    for words in (["--status", "nonsense"], ["--limit", "0"], ["--limit", "1001"]):
        assert offhook("calls", "list", *words).status == 2


def test_calls_show(offhook, workspace, call, sql):
    made = call("+12025550133")
    attempt = dial(sql, made, "CA2")
    shown = offhook.done("calls", "show", made)
    assert {"call_id": made, "workspace_id": workspace, "status": "dialing", "call_sid": "CA2",
            "target_phone": "+12025550133", "brief": "Book a table.", "dials": 1,
            "event_count": 2, "direct": False, "outcome_type": None}.items() <= shown.items()
    assert [(a["attempt_id"], a["state"], a["answer"]) for a in shown["attempts"]] == [
        (attempt, "live", "accepted")]
    assert [(e["event_id"], e["event_type"], e["data"]["status"]) for e in shown["events"]] == [
        (1, "status_change", "queued"), (2, "status_change", "dialing")]
    text = offhook("calls", "show", made).out
    assert "dialing" in text and attempt in text and "2025550133" not in text
    assert offhook("calls", "show", "call_00000000000000000000000000").status == 1
    assert offhook("calls", "show", "nonsense").status == 1


def test_words_of_a_callee_cannot_drive_the_terminal(offhook, call, sql):
    made = call()
    sql("UPDATE calls SET brief = %s WHERE call_id = %s", "a\x1b[2J\u009b2Jb\r\nc", made)
    text = offhook("calls", "show", made).out
    assert "\x1b" not in text and "\u009b" not in text and "a[2J2Jb c\n" in text


def test_calls_cancel(offhook, call, sql):
    made = call()
    assert offhook.done("calls", "cancel", made) == {"call_id": made, "cancelled": True}
    assert sql("SELECT status FROM calls WHERE call_id = %s", made) == [("cancelled",)]
    assert sql("SELECT 1 FROM call_queue WHERE call_id = %s", made) == []
    result = offhook("calls", "cancel", made)
    assert result.status == 1 and "ended" in result.err
    assert offhook("calls", "cancel", "call_00000000000000000000000000").status == 1


def test_reconcile(offhook, call, sql):
    assert offhook("reconcile", "yesterday").status == 2
    sql("UPDATE pacer SET seen_at = clock_timestamp()")
    result = offhook("reconcile", "2026-11-20T22:00:00Z")
    assert result.status == 1 and "stop offhook-scheduler" in result.err
    sql("UPDATE pacer SET seen_at = NULL")
    waits = call()
    offhook.settings["twilio.api_url"] = "http://127.0.0.1:1"  # there is no carrier
    result = offhook("reconcile", "2026-11-20T22:00:00Z")
    assert result.status == 1 and "run this again" in result.err
    assert sql("SELECT status FROM calls WHERE call_id = %s", waits) == [("queued",)]


def test_webhooks(offhook, workspace, call, sql):
    first, second = call("+12025550111"), call("+12025550122")
    assert offhook.done("webhooks", "list", "--workspace", workspace) == []
    assert offhook("webhooks", "list", "--workspace", workspace).out == "no such deliveries\n"
    sql(f"SELECT fn.webhook_set('{workspace}', 'https://a.example/', 'whsec_' || repeat('A', 32), true)")
    for call_id in (first, second):
        offhook.done("calls", "cancel", call_id)
    listed = offhook.done("webhooks", "list", "--workspace", workspace)
    assert [row["call_id"] for row in listed] == [second, first]
    assert listed[0]["event_type"] == "outcome" and listed[0]["status"] == "pending"
    assert ISO.match(listed[0]["created_at"]) and listed[0]["delivered_at"] is None
    one = listed[0]["delivery_id"]
    assert len(offhook.done("webhooks", "list", "--status", "pending", "--limit", "1")) == 1
    assert one in offhook("webhooks", "list", "--workspace", workspace).out
    assert offhook("webhooks", "redeliver", "--workspace", workspace).status == 1  # none is dead
    sql("UPDATE webhook_deliveries SET state = 'dead', next_at = NULL")
    assert offhook.done("webhooks", "redeliver", one) == {"redelivered": 1}
    dead = offhook.done("webhooks", "list", "--workspace", workspace, "--status", "dead")
    assert [row["call_id"] for row in dead] == [first]
    assert offhook.done("webhooks", "redeliver", "--workspace", workspace) == {"redelivered": 1}
    sql(f"SELECT fn.webhook_clear('{workspace}')")
    sql("UPDATE webhook_deliveries SET state = 'dead', next_at = NULL")
    for words in ([one], ["--workspace", workspace]):
        refused = offhook("webhooks", "redeliver", *words)
        assert refused.status == 1 and "no webhook" in refused.err
    assert offhook("webhooks", "redeliver", "msg_none_1").status == 1
    for words in (["list", "--status", "nonsense"], ["list", "--limit", "0"], ["redeliver"],
                  ["redeliver", one, "--workspace", workspace]):
        assert offhook("webhooks", *words).status == 2


@pytest.fixture
def job(sql, workspace):
    """Takes a job in; its id. Skipped or failed where that is said."""
    def make(external="x", skip=None, failure=None):
        made = sql("SELECT job_id FROM fn.job_ingest(%s, 'api', %s, 12, NULL, '[]', '{}', %s)",
                   workspace, external, skip)[0][0]
        if failure:
            sql("SELECT fn.job_move(%s, %s, 'failed', 'It is \x1b[31m away.', %s)", made, workspace,
                failure)
        return str(made)
    return make


def test_jobs_list(offhook, workspace, job, sql):
    here = ["--workspace", workspace]
    assert offhook.done("jobs", "list", *here) == []
    assert offhook("jobs", "list", *here).out == "no such jobs\n"
    plain_job, skipped = job("a"), job("b", skip="duration_below_minimum:12<30")
    failed = job("c", failure="model")
    rows = offhook.done("jobs", "list", *here)
    assert [row["job_id"] for row in rows] == [failed, skipped, plain_job]
    assert (rows[0]["status"], rows[0]["reason"], rows[0]["call"], rows[0]["duration_seconds"]) == (
        "failed", "model", "c", 12)
    assert ISO.match(rows[0]["ended_at"]) and rows[2]["ended_at"] is None
    text = offhook("jobs", "list", *here).out
    assert failed in text and "\x1b" not in text
    for words, want in [
            (["--status", "skipped"], [skipped]), (["--status", "completed"], []),
            (["--status", "skipped", "--reason", "duration_below_minimum"], [skipped]),
            (["--status", "failed", "--reason", "model"], [failed]),
            (["--status", "failed", "--reason", "mail"], []),
            (["--external-id", "a"], [plain_job]), (["--source", "callrail"], []),
            (["--limit", "1"], [failed]), (["--since", "2100-01-01T00:00:00Z"], []),
            (["--until", "2100-01-01T00:00:00Z", "--source", "api"], [failed, skipped, plain_job])]:
        found = offhook.done("jobs", "list", *here, *words)
        assert [row["job_id"] for row in found] == want, words
    assert failed in [row["job_id"] for row in offhook.done("jobs", "list")]
    for words in (["--status", "done"], ["--reason", "model"], ["--status", "queued", "--reason", "x"],
                  ["--source", "crm"], ["--since", "now"], ["--until", "now"], ["--limit", "0"],
                  ["--limit", "1001"], ["--workspace", "?"]):
        assert offhook("jobs", "list", *words).status == 2, words


def test_jobs_show(offhook, workspace, job, sql):
    failed = job("shown", failure="mail")
    sql("INSERT INTO job_mails (job_id, workspace_id, recipient, message) VALUES (%s, %s,"
        " 'a@example.com', 'x')", failed, workspace)
    shown = offhook.done("jobs", "show", failed)
    assert (shown["job_id"], shown["external_id"], shown["failure"], shown["transcript"]) == (
        failed, "shown", "mail", [])
    assert [line["status"] for line in shown["log"]] == ["queued", "failed"]
    assert [(m["recipient"], m["state"]) for m in shown["mails"]] == [("a@example.com", "pending")]
    text = offhook("jobs", "show", failed).out
    assert "shown" in text and "\x1b" not in text and "a@example.com" in text
    for unknown in ("9223372036854775807", "none", "0", "99999999999999999999"):
        result = offhook("jobs", "show", unknown)
        assert result.status == 1 and "there is no job" in result.err


def status_of(sql, job_id):
    return sql("SELECT status::text FROM jobs WHERE job_id = %s", job_id)[0][0]


def test_jobs_requeue_one(offhook, job, sql):
    skipped, failed = job("s", skip="rate_limit"), job("f", failure="model")
    assert offhook.done("jobs", "requeue", skipped)["message"].startswith("Job requeued")
    assert offhook("jobs", "requeue", failed).out == f"requeued {failed}\n"
    assert [status_of(sql, one) for one in (skipped, failed)] == ["queued", "queued"]
    assert sql("SELECT source_metadata->>'last_requeued_by' FROM jobs WHERE job_id = %s",
               failed) == [("platform",)]
    again = offhook("jobs", "requeue", failed)
    assert again.status == 1 and "neither skipped nor failed, but queued" in again.err
    assert offhook("jobs", "requeue", "9223372036854775807").status == 1
    assert offhook("jobs", "requeue", "none").status == 1


def test_jobs_requeue_many_says_which_first(offhook, workspace, job, sql):
    ids = [job(f"m{i}", skip="rate_limit") for i in range(3)][::-1]
    failed = job("f", failure="model")
    words = ["jobs", "requeue", "--workspace", workspace, "--status", "skipped"]
    assert offhook.done(*words) == {"dry_run": True, "matched": 3, "requeued": 0, "more": False,
                                    "job_ids": ids}
    text = offhook(*words).out
    assert text.startswith("would requeue 3 of 3 jobs; --yes does it\n") and ids[0] in text
    assert {status_of(sql, one) for one in ids} == {"skipped"}
    assert offhook.done(*words, "--reason", "no_recording", "--yes")["matched"] == 0
    text = offhook(*words, "--limit", "2", "--yes").out
    assert text.startswith("requeued 2 of 3 jobs\n") and "run it again" in text
    assert offhook.done(*words, "--yes")["job_ids"] == ids[2:]
    assert {status_of(sql, one) for one in ids} == {"queued"}
    assert status_of(sql, failed) == "failed"
    done = offhook.done("jobs", "requeue", "--workspace", workspace, "--status", "failed", "--reason",
                        "model", "--yes")
    assert done["job_ids"] == [failed]
    refused = offhook("jobs", "requeue", "--workspace", "nobody", "--status", "failed")
    assert refused.status == 1 and "there is no workspace nobody" in refused.err
    for wrong in ([], ["--status", "queued"], ["--workspace", workspace], [failed, "--status", "failed"],
                  [failed, "--workspace", workspace], ["--status", "failed", "--limit", "0"]):
        assert offhook("jobs", "requeue", *wrong).status == 2, wrong


def test_status_shows_calls_and_jobs(offhook, call, job, sql):
    def jobs():
        return offhook.done("status")["jobs"]

    def times(rows, which):
        return sum(row["times"] for row in rows if which.items() <= row.items())

    before = jobs()
    call()
    job("open")
    job("failed", failure="model")
    sql("UPDATE jobs SET queued_at = clock_timestamp() - interval '100 s' WHERE external_id = 'open'")
    sql("SELECT fn.job_tally('any', 'begun:summarise', 3), fn.job_tally('any', 'wrong:model', 2)")
    after = jobs()
    assert [row["status"] for row in after["open"]] == ["queued", "transcribing", "analyzing",
                                                        "publishing"]
    assert after["open"][0]["jobs"] == before["open"][0]["jobs"] + 1
    assert after["open"][0]["oldest_seconds"] >= 100
    for kind, which, more in [
            ("ended", {"status": "failed", "reason": "model"}, 1),
            ("tries", {"what": "begun", "of": "summarise"}, 3),
            ("tries", {"what": "wrong", "of": "model"}, 2)]:
        assert times(after[kind], which) == times(before[kind], which) + more
    assert offhook.done("status")["calls"]["queued"] >= 1
    assert "nobody works on jobs" in offhook("status").out
    sql("SELECT fn.job_worker_join('here', 7, 8)")
    assert jobs()["workers"] == 1 and "1 at work on jobs" in offhook("status").out
    sql("DELETE FROM job_workers")


def test_queue_status(offhook, call, sql):
    for row in sql("SELECT call_id FROM calls WHERE status NOT IN"
                   " ('completed', 'failed', 'cancelled', 'expired')"):
        offhook.done("calls", "cancel", row[0])
    sql("UPDATE pacer SET seen_at = clock_timestamp() - interval '11 s'")
    offhook.settings["queue.cps"] = "3.5"
    assert offhook.done("queue", "status") == {
        "queued": 0, "scheduled": 0, "dialing": 0, "dial_unknown": 0, "in_progress": 0,
        "cps": 3.5, "leader": None, "oldest_queued_seconds": None}
    assert "offhook-scheduler" in offhook("queue", "status").out
    call()
    dialed = call("+12025550144")
    dial(sql, dialed, "CA3")
    sql("UPDATE pacer SET host = 'here', pid = 42, cps = 7, seen_at = clock_timestamp()")
    status = offhook.done("queue", "status")
    assert 0 <= status.pop("oldest_queued_seconds") < 60
    assert status == {"queued": 1, "scheduled": 0, "dialing": 1, "dial_unknown": 0,
                      "in_progress": 0, "cps": 7.0, "leader": "here/42"}


# ---- doctor ----

class Carrier(http.server.BaseHTTPRequestHandler):
    """Stands for the carrier's list of calls and for our own public URL."""

    token = "right"

    def do_GET(self):
        if self.path == "/readyz":
            self.send_response(200)
        elif self.path != f"/2010-04-01/Accounts/{SID}/Calls.json?PageSize=1":
            self.send_response(404)
        elif self.headers["Authorization"] == "Basic " + basic(SID, self.token):
            self.send_response(200)
        else:
            self.send_response(401)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):
        pass


def basic(user, password):
    return base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def healthy(offhook, sql):
    """Everything that the doctor looks at is there."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Carrier)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    offhook.folder.chmod(0o700)
    offhook.settings.update({
        "server.public_url": base, "twilio.api_url": base, "twilio.account_sid": SID,
        "twilio.auth_token": "right", "twilio.phone_number": "+15005550006", "queue.cps": "7"})
    short = tempfile.mkdtemp(prefix="offhook-cli-", dir="/tmp")  # a socket's path is bounded
    sockets = []
    for name in ("api.sock", "carrier.sock", "events.sock"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{short}/{name}")
        listener.listen()
        sockets.append(listener)
    offhook.settings["api.socket"] = f"{short}/api.sock"
    offhook.settings["events.socket"] = f"{short}/events.sock"
    sql("UPDATE pacer SET host = 'here', pid = 42, cps = 7,"
        " seen_at = clock_timestamp() + interval '1 minute'")
    yield offhook
    sql("UPDATE pacer SET seen_at = NULL")
    for listener in sockets:
        listener.close()
    shutil.rmtree(short)
    server.shutdown()
    server.server_close()


def test_doctor_finds_nothing(healthy):
    result = healthy("doctor")
    assert result.status == 0, result.out
    assert "FAIL" not in result.out
    report = healthy.done("doctor")
    assert report["ok"] is True
    assert {f["part"] for f in report["findings"]} >= {
        "settings", "skills", "data", "database", "scheduler", "workers", "streams", "carrier",
        "public"}


@pytest.mark.parametrize("key, value, part", [
    ("server.data_dir", "/nonexistent", "data"),
    ("skills.dir", "/nonexistent", "skills"),
    ("database.url", "postgresql:///offhook?host=/nonexistent", "database"),
    ("database.schema_dir", "/nonexistent", "database"),
    ("api.socket", "/nonexistent/api.sock", "workers"),
    ("events.socket", "/nonexistent/events.sock", "streams"),
    ("twilio.auth_token", "wrong", "carrier"),
    ("twilio.account_sid", "", "carrier"),
    ("twilio.phone_number", "", "carrier"),
    ("twilio.api_url", "http://127.0.0.1:1", "carrier"),
    ("server.public_url", "http://127.0.0.1:1", "public"),
    ("webhooks.ca_file", "/nonexistent/ca.pem", "authority"),
    ("queue.cps", "none", "settings"),
])
def test_doctor_finds(healthy, key, value, part):
    healthy.settings[key] = value
    result = healthy("doctor", "--json")
    assert result.status == 1 and result.json["ok"] is False
    assert part in {f["part"] for f in result.json["findings"] if f["result"] == "fail"}
    assert healthy("doctor").status == 1


def test_doctor_misses_the_scheduler(healthy, sql):
    sql("UPDATE pacer SET seen_at = NULL")
    result = healthy("doctor")
    assert result.status == 1 and "offhook-scheduler" in result.out


def test_doctor_warns(healthy, sql):
    healthy.settings["queue.cps"] = "5"
    result = healthy("doctor", "--json")
    warned = [f["text"] for f in result.json["findings"] if f["result"] == "warn"]
    assert result.status == 0 and any("queue.cps" in text for text in warned)


def mail_findings(healthy):
    report = healthy("doctor", "--json").json
    return [(f["result"], f["text"]) for f in report["findings"] if f["part"] == "smtp"]


@pytest.fixture
def mail_server(healthy, tmp_path):
    """One with TLS and a login, which the settings name."""
    tls = mailserver.certificate(tmp_path)
    server = mailserver.MailServer(tls=tls, login=("offhook", "right"))
    healthy.settings.update({
        "smtp.url": server.url, "smtp.username": "offhook", "smtp.password": "right",
        "smtp.tls": "required", "smtp.from": "offhook@example.org", "webhooks.ca_file": tls[0]})
    yield server
    server.close()


def test_doctor_looks_at_mail_when_somebody_wants_it(healthy, sql, workspace):
    assert mail_findings(healthy) == []
    for recipients, count in (("[]", 0), ('["a@b.example"]', 1)):
        sql("INSERT INTO settings (scope, scope_id, path, value) VALUES ('workspace', %s,"
            " 'email.recipients', %s) ON CONFLICT (scope, scope_id, path)"
            " DO UPDATE SET value = excluded.value", workspace, recipients)
        healthy.settings["smtp.from"] = "offhook@example.org"
        found = mail_findings(healthy)  # localhost:25 may have a server here or none
        assert len(found) == count and all("smtp://localhost:25" in text for _, text in found)
    sql("DELETE FROM settings WHERE scope_id = %s", workspace)


def test_doctor_likes_a_mail_server(healthy, mail_server):
    (result, text), = mail_findings(healthy)
    assert result == "ok" and mail_server.url in text and "takes this login" in text
    assert mail_server.seen == [] and mail_server.connections == 1
    healthy.settings["smtp.from"] = "offhook@localhost"
    assert [result for result, _ in mail_findings(healthy)] == ["ok", "warn"]


@pytest.mark.parametrize("key, value, says", [
    ("smtp.password", "wrong-word", "smtp.password"),
    ("smtp.url", "smtp://localhost:1", "could not be asked"),
    ("webhooks.ca_file", "", "certificate"),
])
def test_doctor_finds_fault_with_mail(healthy, mail_server, key, value, says):
    healthy.settings[key] = value
    (result, text), = mail_findings(healthy)
    assert result == "fail" and says in text
    assert "wrong-word" not in text and "@" not in text
    assert healthy("doctor").status == 1


def test_doctor_looks_at_jobs(healthy, job, sql):
    def said():
        return [(f["result"], f["text"]) for f in healthy.done("doctor")["findings"]
                if f["part"] == "jobs"]

    sql("UPDATE jobs SET ended_at = clock_timestamp() - interval '2 days' WHERE ended_at IS NOT NULL")
    waiting = job("waits")
    assert any(result == "warn" and "nobody works on them: start offhook-scheduler" in text
               for result, text in said())
    sql("SELECT fn.job_worker_join('here', 7, 8)")
    assert [result for result, _ in said()] == ["ok"]
    sql("UPDATE jobs SET status = 'transcribing', error = 'Speech to text is away.' WHERE job_id = %s",
        waiting)
    assert any(result == "warn" and "Speech to text is away." in text for result, text in said())
    for failure, remedy in [("settings", "set what it names"), ("model", "openai.base_url"),
                            ("transcription", "deepgram.api_key"), ("mail", "smtp.url"),
                            ("lost", "offhook-scheduler's log")]:
        job(failure, failure=failure)
        assert any(result == "warn" and remedy in text and f"--reason {failure}" in text
                   for result, text in said())
    count = len(said())
    job("not_ours", failure="call_not_found")
    assert len(said()) == count
    sql("DELETE FROM job_workers")
def spool_findings(offhook):
    return [(f["result"], f["text"]) for f in offhook("doctor", "--json").json["findings"]
            if f["part"] == "spool"]


def test_doctor_looks_into_the_spool(healthy):
    data = healthy.folder / "data"
    data.mkdir(mode=0o750)
    healthy.settings["server.data_dir"] = data
    (result, text), = spool_findings(healthy)
    assert result == "warn" and "make it" in text and healthy("doctor").status == 0
    (data / "spool").mkdir(mode=0o750)
    assert [r for r, _ in spool_findings(healthy)] == ["ok"]
    entry = data / "spool" / f"{'0' * 16}-{'0' * 64}"
    entry.touch()
    assert [r for r, _ in spool_findings(healthy)] == ["ok"], "it may be on its way"
    os.utime(entry, (time.time() - 100,) * 2)
    (result, text), = spool_findings(healthy)
    assert result == "fail" and "offhook-scheduler" in text
    healthy.settings["database.url"] = "postgresql:///offhook?host=/nonexistent"
    assert [r for r, _ in spool_findings(healthy)] == ["ok"], "there is no database"
    (data / "spool" / "bad").mkdir()
    (data / "spool" / "bad" / "file").touch()
    assert sorted(r for r, _ in spool_findings(healthy)) == ["ok", "warn"]


def test_doctor_sees_an_old_schema(healthy, cluster):
    healthy.settings["database.url"] = cluster.create("old")
    result = healthy("doctor")
    assert result.status == 1 and "offhook migrate" in result.out


# ---- top ----

def test_top_once(offhook, workspace, call):
    made = call("+12025550155")
    result = offhook("top")
    assert result.status == 0 and "QUEUED" in result.out and made in result.out
    assert "\x1b" not in result.out and "2025550155" not in result.out
    top = offhook.done("top")
    assert top["queued"] >= 1 and made in {c["call_id"] for c in top["newest"]}
    assert type(top["jobs_queued"]) is int and type(top["jobs_at_work"]) is int


def test_top_counts_dials(offhook, call, sql):
    before = offhook.done("top")["dials_last_minute"]
    dial(sql, call("+12025550166"), "CA4")
    ended = call("+12025550167")
    dial(sql, ended, "CA5")
    sql("SELECT fn.carrier_news(%s, NULL, 'CA5', 'busy', NULL, NULL, 600)", ended)
    again = call("+12025550168")
    dial(sql, again, "", "throttled")
    assert offhook.done("top")["dials_last_minute"] == before + 3


def in_terminal(offhook, leave):
    """Runs top in a terminal until leave(process, terminal) ends it; what it drew and its status."""
    offhook.write()
    ours, theirs = pty.openpty()
    process = subprocess.Popen([offhook.program, "top", "--config", str(offhook.config)],
                               stdin=theirs, stdout=theirs, stderr=theirs, env=offhook.environment)
    os.close(theirs)
    drawn, left, until = b"", False, time.monotonic() + 30
    while time.monotonic() < until:
        if not select.select([ours], [], [], 1)[0]:
            continue
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # its side is closed
            break
        drawn += chunk
        if drawn.count(b"QUEUED") >= 2 and not left:
            leave(process, ours)
            left = True
    status = process.wait(timeout=10)
    os.close(ours)
    return drawn, status


@pytest.mark.parametrize("leave", [
    lambda process, terminal: os.write(terminal, b"q"),
    lambda process, terminal: process.send_signal(signal.SIGINT),
    lambda process, terminal: process.send_signal(signal.SIGTERM),
])
def test_top_in_a_terminal(offhook, leave):
    drawn, status = in_terminal(offhook, leave)
    assert status == 0
    assert drawn.startswith(b"\x1b[?1049h") and drawn.rstrip().endswith(b"\x1b[?1049l")
