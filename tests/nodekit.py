"""Packages of npm that tests need: installed by npm ci from the lock file beside the test, below the
folder that OFFHOOK_NODE_MODULES names (a build folder), once. Without npm this fails; it never skips.
"""

import fcntl
import os
import pathlib
import shutil
import subprocess


def install(source, files, name, otherwise):
    """Installs what source/package-lock.json says, and copies these files beside it; the folder:
    name in the build folder, or otherwise. Sessions of tests that run at once take turns."""
    named = os.environ.get("OFFHOOK_NODE_MODULES")
    folder = pathlib.Path(named, name) if named else pathlib.Path(otherwise)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for file in files:
            shutil.copyfile(source / file, folder / file)
        mark = folder / "node_modules" / ".installed-lock.json"
        wanted = (source / "package-lock.json").read_text()
        if not mark.exists() or mark.read_text() != wanted:
            done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                                  cwd=folder, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stdout + done.stderr
            mark.write_text(wanted)
    return folder
