"""stack.py: the running stack of the fault tests, and the ways to hurt it. One stack for all tests;
each test has a workspace, a key and phone numbers of its own."""

import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import psycopg2
import psycopg2.extras
import requests

import checker

TOP = pathlib.Path(__file__).resolve().parents[2]
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")  # of several at once; each has its stack
CPS = 20
SETTINGS = {
    "OFFHOOK_QUEUE_ENABLED": "true",
    "OFFHOOK_QUEUE_CPS": str(CPS),
    "OFFHOOK_API_REQUESTS_PER_SECOND": "0",
    "OFFHOOK_API_WORKERS": "4",
    "OFFHOOK_WEBHOOKS_ALLOW_PRIVATE_NETWORKS": "true",
}
# Keys of the API and of webhooks, phone numbers, and the word that stands in each brief (world.py).
SECRET = re.compile(r"ohk_[0-9A-Za-z]{8}|whsec_[0-9A-Za-z+/]{8}|\+[1-9][0-9]{6,}|quail[0-9a-f]{12}")


def eventually(what, seconds, why):
    """What what() returns once it is true."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {why() if callable(why) else why}"
        time.sleep(0.05)


def free_port():
    """A port below those that the kernel hands out; workers that run at once choose from a thousand
    of their own each, and ./dev makes the simulator's from it."""
    first = 10000 + 1000 * (int(WORKER[2:] or 9) % 10)
    while True:
        port = random.randrange(first, first + 1000)
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) != 0:
                return port


def parent_and_state(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None, None
    return int(fields[1]), fields[0]


def title(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def clean_environment():
    """The caller's environment without what would change a stack."""
    return {k: v for k, v in os.environ.items()
            if not k.startswith("OFFHOOK_") and k != "DATABASE_URL"}


class Stack:
    made = 0  # in this process: a file may have one beside the session's, in another folder

    def __init__(self, settings=None):
        Stack.made += 1
        self.own_folder = "OFFHOOK_DEV_DIR" not in os.environ
        if self.own_folder:
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix="offhook-faults-", dir="/tmp"))
            self.folder.rmdir()
        else:
            self.folder = pathlib.Path(os.environ["OFFHOOK_DEV_DIR"], WORKER)
            if Stack.made > 1:
                self.folder = self.folder.with_name(f"{self.folder.name}-{Stack.made}")
            if WORKER:
                self.folder.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        keep = clean_environment()
        if "OFFHOOK_BUILD" in os.environ:
            keep["OFFHOOK_BUILD"] = os.environ["OFFHOOK_BUILD"]
        named = os.environ.get("OFFHOOK_DEV_PORT") if Stack.made == 1 and not WORKER else None
        port = named or str(free_port())
        self.environment = {**keep, **SETTINGS, **(settings or {}),
                            "OFFHOOK_DEV_DIR": str(self.folder), "OFFHOOK_DEV_PORT": port}
        self.settings = {}  # of programs that are started here, beside those of the file
        self.env, self.ours = {}, False
        self.earlier_posts = []  # of simulators that were stopped
        self.connection = None
        self.numbers = 0

    # ---- up and down ----

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_):
        self.down()

    def dev(self, *arguments):
        done = subprocess.run([TOP / "dev", *arguments], env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180)
        assert done.returncode == 0, done.stdout

    def up(self):
        """Starts what is missing. The folder is ours, or nobody's yet: it will be removed."""
        if not self.ours:
            assert not (self.folder / ".offhook-dev").exists(), \
                f"there is a stack in {self.folder}: ./dev down --wipe, or unset OFFHOOK_DEV_DIR"
            self.ours = True
        self.dev("up")
        lines = (self.folder / "env").read_text().splitlines()
        self.env = dict(line.split("=", 1) for line in lines if not line.startswith("export "))

    def launch(self, name, **environment):
        """A daemon of the stack anew, with other settings than its file's or a point at which it dies; as ./dev up
        would start it, but within a second."""
        with contextlib.suppress(OSError):
            os.killpg(self.pid(name), signal.SIGKILL)
        mark = self.folder / f"{name}.pid"
        mark.unlink(missing_ok=True)
        self.popen(name, ["--pid-file", mark], name, environment)
        eventually(lambda: mark.exists() and mark.read_text().strip(), 20, f"{name} did not start")

    def renew(self, settings):
        """API and scheduler anew with these settings, on a database in which nothing has happened yet."""
        for name in ("api", "scheduler"):
            with contextlib.suppress(OSError):
                os.killpg(self.pid(name), signal.SIGKILL)
        with contextlib.closing(psycopg2.connect(self.env["DATABASE_URL"], dbname="postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("DROP DATABASE offhook WITH (FORCE)")
                cursor.execute("CREATE DATABASE offhook")
        for name in ("workspace", "test_key", "admin_key"):
            (self.folder / "state" / name).unlink(missing_ok=True)
        self.settings = settings
        done = subprocess.run([pathlib.Path(self.env["OFFHOOK_BIN"]) / "offhook", "migrate", "--config",
                               self.env["OFFHOOK_CONF"]], env={**clean_environment(), **settings},
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        for name in ("api", "scheduler"):
            self.launch(name)
        self.ready()

    def ready(self):
        """Waits until API and database are there."""
        def asked():
            with contextlib.suppress(requests.RequestException):
                return requests.get(self.env["OFFHOOK_URL"] + "/readyz", verify=self.env["OFFHOOK_CA"],
                                    timeout=5).status_code == 200
        eventually(asked, 60, lambda: self.log("api")[-500:])

    def down(self):
        if not self.ours:
            return
        if self.connection is not None:
            self.connection.close()
        try:
            self.dev("down")
            faults = self.log_faults()
        finally:
            self.dev("down", "--wipe")
            if self.own_folder:
                shutil.rmtree(self.folder, ignore_errors=True)
        assert not faults, "\n".join(faults)

    def log_faults(self):
        """Whatever happened, no log holds a secret, a number or a word of a brief. The simulator's ledger, which is
        the carrier's, is no log."""
        return [f"{path.name} tells a secret: {line[:300]}" for path in sorted((self.folder / "log").iterdir())
                for line in path.read_text(errors="replace").splitlines() if SECRET.search(line)][:20]

    # ---- processes ----

    def pid(self, name):
        return int((self.folder / f"{name}.pid").read_text())

    def children(self, name, role):
        return children_of(self.pid(name), role)

    def child(self, name, role):
        """The one child of that role, once there is one."""
        return eventually(lambda: self.children(name, role), 10, f"there is no {role}")[0]

    def kill(self, name, number=signal.SIGKILL):
        os.kill(self.pid(name), number)

    def stop(self, name, number=signal.SIGTERM, seconds=40):
        """Ends a program and waits until it is gone."""
        pid = self.pid(name)
        os.kill(pid, number)
        eventually(lambda: parent_and_state(pid)[1] in (None, "Z"), seconds, f"{name} goes on")

    def program(self, name):
        return pathlib.Path(self.env["OFFHOOK_BIN"]) / f"offhook-{name}"

    def has_crash_points(self):
        return b"OFFHOOK_CRASH_AT" in self.program("scheduler").read_bytes()

    def has_sanitizers(self):
        return b"__asan_init" in self.program("api").read_bytes()

    def popen(self, name, options, log, environment, before=()):
        """Starts a program as the stack's user (by the command before, which needs root)."""
        user = {}
        if before:
            before = [*before, "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        elif os.geteuid() == 0:
            user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        with open(self.folder / "log" / f"{log}.log", "ab") as out:
            return subprocess.Popen(
                [*before, self.program(name), "--config", self.env["OFFHOOK_CONF"], *options],
                env={**clean_environment(), **self.settings, **environment}, cwd="/",
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **user)

    def scheduler(self, before=(), **environment):
        """Another scheduler."""
        return self.by_hand("scheduler", before, **environment)

    @contextlib.contextmanager
    def by_hand(self, name, before=(), **environment):
        """Another program, started by hand; ended at the end."""
        process = self.popen(name, [], "by-hand", environment, before)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(45)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    @contextlib.contextmanager
    def without_scheduler(self):
        """The stack's own scheduler stands still for a while."""
        self.stop("scheduler")
        try:
            yield
        finally:
            self.up()

    def log(self, name):
        return (self.folder / "log" / f"{name}.log").read_text(errors="replace")

    # ---- the database ----

    def rows(self, statement, *values):
        for tries in range(100):
            try:
                if self.connection is None:
                    self.connection = psycopg2.connect(
                        self.env["DATABASE_URL"], application_name="fault-tests",
                        cursor_factory=psycopg2.extras.RealDictCursor)
                    self.connection.autocommit = True
                with self.connection.cursor() as cursor:
                    cursor.execute(statement, values)
                    return [dict(r) for r in cursor.fetchall()] if cursor.description else []
            except (psycopg2.DatabaseError, psycopg2.InterfaceError) as error:
                # Only what says nothing about the statement: the server is away.
                if tries == 99 or getattr(error, "pgcode", None) not in (None, "57P01", "57P02",
                                                                         "57P03"):
                    raise
                self.connection = None
                time.sleep(0.1)
        raise AssertionError

    @contextlib.contextmanager
    def snapshot(self):
        """rows() as of one instant: what is read in several statements belongs together."""
        connection = psycopg2.connect(self.env["DATABASE_URL"], application_name="fault-tests",
                                      cursor_factory=psycopg2.extras.RealDictCursor)
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)

        def rows(statement, *values):
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return [dict(r) for r in cursor.fetchall()]

        with contextlib.closing(connection):
            yield rows

    @contextlib.contextmanager
    def transaction(self, statement, *values):
        """A transaction of somebody else, which has run this statement and stands open meanwhile."""
        with contextlib.closing(psycopg2.connect(self.env["DATABASE_URL"])) as connection:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
            yield
            connection.rollback()

    def superuser(self):
        """A connection of PostgreSQL's own user, each statement its own transaction."""
        password = (self.folder / "state" / "postgres_password").read_text().strip()
        connection = psycopg2.connect(host=str(self.folder / "sock"), port=5432, user="postgres", dbname="offhook",
                                      password=password)
        connection.autocommit = True
        return connection

    def value(self, statement, *values):
        return next(iter(self.rows(statement, *values)[0].values()))

    def command(self, *arguments):
        operator = os.environ.get("OFFHOOK_TEST_OPERATOR",
                                  pathlib.Path(self.env["OFFHOOK_BIN"]) / "offhook")
        done = subprocess.run([operator, *arguments, "--json", "--config",
                               self.env["OFFHOOK_CONF"]], env=clean_environment(),
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    # ---- the carrier ----

    def sim(self, path):
        return requests.get(self.env["OFFHOOK_SIM_URL"] + path, timeout=10).json()

    def rule(self, **rule):
        answer = requests.post(self.env["OFFHOOK_SIM_URL"] + "/sim/rules", json=rule, timeout=10)
        assert answer.status_code == 201, answer.text

    def stop_sim(self, number=signal.SIGKILL):
        self.earlier_posts.append(self.sim("/sim/attempts"))
        self.stop("sim", number)

    def dials(self):
        return checker.read_dials(
            pathlib.Path(self.env["OFFHOOK_SIM_LEDGER"]).read_text().splitlines())

    def posts(self):
        return checker.merge_posts([*self.earlier_posts, self.sim("/sim/attempts")], self.dials())

    def new_prefix(self):
        """The beginning of numbers that no other test uses, in the country where our own is at home."""
        self.numbers += 1
        return f"+1{random.randrange(50, 59)}{self.numbers:03d}"


def private_kib(pids):
    """Private memory of each process."""
    sizes = []
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        sizes.append(sum(int(n) for n in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.M)))
    return sizes


def children_of(master, role):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            parent, state = parent_and_state(entry.name)
            if parent == master and state != "Z" and title(entry.name).rstrip().endswith(role):
                found.append(int(entry.name))
    return found
