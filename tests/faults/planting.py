"""planting.py: bugs that are planted into a copy of the product, one at a time, and whether the checker finds them.
A bug is a patch (planted/README.md); the copy lies in build-planted, so no other build can ever hold one."""

import contextlib
import filecmp
import pathlib
import re
import shutil
import subprocess

from scenarios import STORIES, WORKERS, Story
from stack import TOP, Stack, clean_environment

PATCHES = pathlib.Path(__file__).parent / "planted"
COPY = TOP / "build-planted"
NOT_COPIED = {".git", "autom4te.cache", "build-aux", "node_modules", "__pycache__"}
HEAD = re.compile(r"(?P<what>.+?)\nFound as: (?P<found>I[1-8])\nStory: (?P<story>[a-z-]+)(?: (?P<point>\S+))?\n",
                  re.DOTALL)


class Bug:
    """A patch, and what its head says of it: a sentence, what must be found, and in which story."""

    def __init__(self, path):
        self.path, self.name = path, path.stem
        head = HEAD.match(path.read_text())
        assert head and head["story"] in STORIES, f"{path}: its head is not as in {PATCHES.name}/README.md"
        self.what, self.found = " ".join(head["what"].split()), head["found"]
        self.story = head["story"], head["point"]
        self.in_sql = "+++ b/src/" not in path.read_text()

    def apply(self, folder, *options):
        """Into the sources of a folder, to the letter."""
        done = subprocess.run(["patch", "-p1", "-s", "-F0", *options, "-d", folder, "-i", self.path],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, f"{self.path} does not apply:\n{done.stdout}"


def bugs():
    return [Bug(path) for path in sorted(PATCHES.glob("*.patch"))]


# ---- the copy ----

def refresh(path, copy):
    """Makes a copy what the checkout has. What is the same is not touched: make builds what is not."""
    if path.is_dir():
        copy.mkdir(exist_ok=True)
        for entry in path.iterdir():
            if entry.name not in NOT_COPIED and not entry.name.startswith((".run", "build")):
                refresh(entry, copy / entry.name)
    elif not copy.exists() or not filecmp.cmp(path, copy, shallow=False):
        shutil.copyfile(path, copy)
        shutil.copymode(path, copy)


def restore():
    """The copy without a bug."""
    for name in ("dev", "configure.ac", "Makefile.am", "doc", "nginx", "sql", "src", "systemd", "tests",
                 ".clang-format", "LICENSE", "NEWS", "README.md"):
        refresh(TOP / name, COPY / name)
    for path in (COPY / "sql").rglob("*.sql"):  # no migration of yesterday's
        if not (TOP / path.relative_to(COPY)).exists():
            path.unlink()


def build():
    """Programs with crash points of what the copy has now; where they are."""
    done = subprocess.run([COPY / "dev", "build"], env={**clean_environment(), "OFFHOOK_BUILD": COPY.name},
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return COPY / COPY.name


def plant(bug):
    """A build of the copy with this bug, or none; the settings of a stack that runs it."""
    COPY.mkdir(exist_ok=True)
    restore()
    if bug is not None:
        bug.apply(COPY)
    return {"OFFHOOK_BUILD": str(build()), **settings(COPY)}


def plant_statements(bug, folder):
    """The same for a bug that is in the database's functions alone, which needs no build: in a folder of anybody's."""
    assert bug.in_sql
    shutil.rmtree(folder / "sql", ignore_errors=True)
    shutil.copytree(TOP / "sql", folder / "sql")
    bug.apply(folder)
    return settings(folder)


def settings(folder):
    return {"OFFHOOK_DATABASE_SCHEMA_DIR": str(folder / "sql"), "OFFHOOK_API_WORKERS": str(WORKERS)}


# ---- the verdict ----

@contextlib.contextmanager
def field(settings=None):
    """A stack on which one story after another can run."""
    with Stack(settings) as stack:
        yield stack


def run(stack, story, settings):
    """What the checker finds after a story, and what failed on the way."""
    name, point = story
    work, cps = STORIES[name]
    stack.renew({**settings, "OFFHOOK_QUEUE_CPS": str(cps)})
    told = Story(stack, cps)
    try:
        with told.attempt():
            work(told, *([point] if point else []))
        return told.verdict(), told.troubles
    finally:
        told.receiver.close()
