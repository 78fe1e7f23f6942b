"""The carrier's own client library for Node works with offhook-sim: it creates, fetches, lists,
updates and removes calls, and finds the signatures of real callbacks right.

The library is installed by npm ci from the lock file beside this test into the folder that
OFFHOOK_NODE_MODULES names (a build folder), once. Without npm and node this fails; it never skips.
"""

import os
import pathlib
import shutil
import subprocess

import pytest

from simkit import ACCOUNT, TOKEN

HERE = pathlib.Path(__file__).parent
FILES = ("package.json", "package-lock.json", ".npmrc", "twilio_check.js")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The folder in which the library is installed."""
    named = os.environ.get("OFFHOOK_NODE_MODULES")
    folder = pathlib.Path(named) if named else tmp_path_factory.mktemp("node")
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "node_modules" / ".installed-lock.json"
    wanted = (HERE / "package-lock.json").read_text()
    for name in FILES:
        shutil.copyfile(HERE / name, folder / name)
    if not lock.exists() or lock.read_text() != wanted:
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                              cwd=folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        lock.write_text(wanted)
    return folder


def test_the_carriers_own_library_is_content(sim, library):
    done = subprocess.run(["node", "twilio_check.js", sim.url, ACCOUNT, TOKEN], cwd=library,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_file_names_no_registry():
    text = (HERE / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert '"integrity"' in text
