"""The carrier's own client library for Node works with offhook-sim: it creates, fetches, lists,
updates and removes calls, and finds the signatures of real callbacks right.

Without npm and node this fails; it never skips.
"""

import pathlib
import subprocess
import sys

import pytest

from simkit import ACCOUNT, TOKEN

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import nodekit  # noqa: E402

HERE = pathlib.Path(__file__).parent
FILES = ("package.json", "package-lock.json", ".npmrc", "twilio_check.js")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The folder in which the library is installed."""
    return nodekit.install(HERE, FILES, "twilio", tmp_path_factory.mktemp("node"))


def test_the_carriers_own_library_is_content(sim, library):
    done = subprocess.run(["node", "twilio_check.js", sim.url, ACCOUNT, TOKEN], cwd=library,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_file_names_no_registry():
    text = (HERE / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert '"integrity"' in text
