"""Every program is reloaded, and replaced one after the other, and the schema is migrated, while calls are accepted
and dialed: no request fails for a reload or a migration, and no call for any."""

import pathlib
import shutil
import signal
import tempfile
import time

import pytest

from stack import TOP, Stack, eventually
from world import BUSY, TALKS

PROGRAMS = ("api", "scheduler", "events", "voice")


@pytest.fixture(scope="module")
def running_stack():
    """A stack of this file's own, whose schema lies in a folder that can be added to."""
    with tempfile.TemporaryDirectory(prefix="offhook-schema-", dir="/tmp") as folder:
        schema = pathlib.Path(folder, "sql")
        shutil.copytree(TOP / "sql", schema)
        pathlib.Path(folder).chmod(0o755)
        with Stack({"OFFHOOK_DATABASE_SCHEMA_DIR": str(schema)}) as stack:
            stack.schema = schema
            yield stack


@pytest.fixture
def load(world):
    """Requests on connections of their own: one that nginx closes while the client writes is no failure of a
    reload, but looks like one."""
    make = world.session

    def session():
        made = make()
        made.headers["Connection"] = "close"
        return made

    world.session = session
    return lambda count: world.load([world.number(s) for s in (BUSY, TALKS) * (count // 2)], per_second=20)


def test_reloads_of_everything(stack, world, load):
    with load(80) as running:
        rounds = 0
        while running.running():
            for name in ("nginx", *PROGRAMS):
                stack.kill(name, signal.SIGHUP)
                time.sleep(0.1)
            rounds += 1
    assert rounds >= 3
    assert world.failed_tries() == []
    world.verify()


def test_an_upgrade_of_one_program_after_the_other(stack, world, load):
    """While the API is away nginx answers 503; nothing else is noticed."""
    for name in PROGRAMS:
        mark = len(world.failed_tries())
        with load(30):
            stack.stop(name)
            stack.up()
        assert {a["status"] for a in world.failed_tries()[mark:]} <= ({503} if name == "api" else set()), name
    world.verify()
    lost = [c for c in world.calls().values() if "lost" in (c["outcome_summary"] or "")]
    assert lost == [], "an orderly end leaves no dial in doubt"


def test_a_migration_under_load(stack, world, load):
    """It takes the table of calls for itself, and makes every function anew."""
    (stack.schema / "901_trial.sql").write_text("ALTER TABLE calls ADD COLUMN trial text;\n")
    (stack.schema / "functions" / "90_trial.sql").write_text(
        "CREATE FUNCTION fn.trial() RETURNS integer LANGUAGE sql AS $$ SELECT 901 $$;\n")
    with load(80) as running:
        time.sleep(1)
        stack.command("migrate")
        assert running.running()
        assert stack.value("SELECT fn.trial()") == 901
        eventually(lambda: all(world.get("/readyz").status_code == 200 for _ in range(8)), 10, "not ready")
    assert world.failed_tries() == []
    world.verify()
