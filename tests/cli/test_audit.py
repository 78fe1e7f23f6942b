"""The audit log: what the operator's command changes stands there with who ran it, and stays there."""

import os
import pwd
import re
import socket

import pytest

ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
# Who the command is run by here: root may have become it by sudo, which the test's environment hides.
ME = f"user:{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"


def test_every_change_of_the_command_is_in_the_log(offhook, workspace):
    key = offhook.done("key", "create", "--scope", "workspace", "--id", workspace)
    offhook.done("key", "revoke", key["api_key_id"])
    offhook.done("workspace", "change", workspace, "--quota", "7")
    offhook.done("credits", "grant", workspace, "3")
    offhook.done("settings", "set", "workspace", workspace, "processing.auto", "true")
    offhook.done("rules", "allow", "AM", "--workspace", workspace)
    offhook.done("limits", "set", "calls_per_day", "9", "--workspace", workspace)
    offhook.done("stop", "dialing", "--workspace", workspace, "--reason", "A look.")
    offhook.done("start", "dialing", "--workspace", workspace)
    log = offhook.done("audit", "--workspace", workspace)
    assert {row["actor"] for row in log} == {ME}
    assert all(ISO.match(row["at"]) for row in log)
    assert [(row["action"], row["what"]) for row in log] == [
        ("create", "workspace"), ("create", "api_key"), ("change", "api_key"), ("change", "workspace"),
        ("create", "credit_grant"), ("create", "setting"), ("create", "rule"), ("create", "limit"),
        ("create", "dialing_stop"), ("remove", "dialing_stop")]
    assert [(row["before"], row["after"]) for row in log if row["subject"] == workspace][1] == (
        {"quota": 1000}, {"quota": 7})
    whole = offhook("audit", "--workspace", workspace, "--json").out
    assert key["api_key"] not in whole and "key_hash" not in whole
    assert len(offhook.done("audit", "--workspace", workspace, "--limit", "2")) == 2
    assert offhook.done("audit", "--workspace", workspace, "--since", log[7]["at"]) == log[7:]
    assert offhook.done("audit", "--workspace", workspace, "--since", "2099-01-01T00:00:00Z") == []
    assert ME in offhook("audit", "--workspace", workspace).out


def test_maintenance_and_the_switch_of_all_are_in_the_log_too(offhook, sql):
    since = sql("SELECT fn.iso(clock_timestamp())")[0][0]
    offhook.done("maintenance", "on", "--message", "Soon.")
    offhook.done("maintenance", "off")
    offhook.done("stop", "dialing")
    offhook.done("start", "dialing")
    log = offhook.done("audit", "--since", since)
    said = [(row["action"], row["what"], row["subject"]) for row in log]
    assert [s for s in said if s[1] == "dialing_stop"] == [("create", "dialing_stop", "all"),
                                                           ("remove", "dialing_stop", "all")]
    assert ("change", "maintenance", "all") in said


@pytest.mark.skipif(os.getuid() != 0, reason="only root can have become root by sudo")
def test_who_became_root_is_named(offhook, workspace):
    assert offhook("limits", "set", "calls_per_day", "9", "--workspace", workspace,
                   SUDO_USER="ann b\\c").status == 0
    assert offhook.done("audit", "--workspace", workspace)[-1]["actor"] == f"user:ann_b_c@{socket.gethostname()}"


def test_audit_wrong_usage(offhook):
    for words in (["--since", "yesterday"], ["--limit", "0"], ["--limit", "100001"], ["--workspace", "a b"]):
        assert offhook("audit", *words).status == 2, words


def test_nobody_changes_the_log(offhook, workspace, sql):
    for statement in ("DELETE FROM audit_log", "UPDATE audit_log SET actor = 'me'", "TRUNCATE audit_log"):
        with pytest.raises(Exception, match="only added to|permission denied"):
            sql(statement)
    assert offhook.done("audit", "--workspace", workspace)
