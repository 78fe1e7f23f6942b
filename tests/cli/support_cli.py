"""A throw-away PostgreSQL, and the operator's command with settings of its own.

The cluster lives in a short folder of its own rather than below pytest's: the path of a unix socket
holds 107 bytes, and PostgreSQL does not run as root, nor may another user look into pytest's folder.
Programs are taken from $OFFHOOK_BIN, else from the build folder ($OFFHOOK_BUILD, else build).
"""

import glob
import json
import os
import pathlib
import pwd
import shutil
import subprocess

import psycopg2
import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]


def find_program(name):
    build = TOP / os.environ.get("OFFHOOK_BUILD", "build")
    folders = [build / "prefix" / "bin", build]
    if "OFFHOOK_BIN" in os.environ:
        folders = [pathlib.Path(os.environ["OFFHOOK_BIN"])]
    for folder in folders:
        if os.access(folder / name, os.X_OK):
            return str(folder / name)
    pytest.fail(f"there is no {name} in {' or '.join(map(str, folders))}: build it, or set OFFHOOK_BIN")


def find_postgres():
    folders = glob.glob("/usr/lib/postgresql/*/bin")
    if folders:
        return max(folders, key=lambda f: int(f.split("/")[4]))
    return os.path.dirname(shutil.which("pg_ctl"))


class Cluster:
    """A throw-away PostgreSQL on a unix socket."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = find_postgres()
        self.owner = {}
        if os.geteuid() == 0:
            names = {entry.pw_name: entry for entry in pwd.getpwall()}
            user = names.get("postgres") or names["nobody"]
            os.chown(folder, user.pw_uid, user.pw_gid)
            self.owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def run(self, program, *args):
        subprocess.run([f"{self.bin}/{program}", *args], check=True, timeout=120, cwd=self.folder,
                       stdout=subprocess.DEVNULL, **self.owner)

    def start(self):
        self.run("initdb", "-D", f"{self.folder}/data", "-A", "trust", "-U", "offhook",
                 "-E", "UTF8", "--no-sync")
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-w", "-o",
                 f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off",
                 "start")

    def stop(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "-w", "stop")

    def url(self, name):
        return f"postgresql:///{name}?host={self.folder}&user=offhook"

    def create(self, name):
        connection = psycopg2.connect(self.url("postgres"))
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
        connection.close()
        return self.url(name)


class Result:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self):
        return json.loads(self.out)


class Offhook:
    """The command with settings of its own. Call it with the words of a command line."""

    def __init__(self, folder, database_url):
        self.program = find_program("offhook")
        self.folder = folder
        self.settings = {
            "database.url": database_url,
            "database.schema_dir": str(TOP / "sql"),
            "server.data_dir": str(folder),
            "api.socket": str(folder / "api.sock"),
        }
        self.config = folder / "offhook.conf"
        # Nothing that would lead the command elsewhere; what the sanitizers read stays.
        self.environment = {name: value for name, value in os.environ.items()
                            if name in ("PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS")}

    def write(self):
        lines = []
        for key, value in self.settings.items():
            section, name = key.split(".")
            lines += [f"[{section}]", f"{name} = {value}"]
        self.config.write_text("\n".join(lines) + "\n")
        self.config.chmod(0o600)

    def __call__(self, *words, **environment):
        self.write()
        done = subprocess.run([self.program, *words, "--config", str(self.config)], timeout=60,
                              env={**self.environment, **environment}, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)
        return Result(done)

    def done(self, *words):
        """Runs a command that must succeed; its JSON."""
        result = self(*words, "--json")
        assert result.status == 0, result.err
        return result.json
