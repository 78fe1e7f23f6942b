"""What the tests of the HTTP API stand on: whole stacks made by ./dev, customers who talk to them
over TLS, the carrier's signature, and an eye on every answer.

Every answer that goes through a Client is held against what all answers must carry and against its
schema in the stack's own /openapi.json and, where it has one of that name, in the published
contract (seed_openapi.json).
"""

import base64
import concurrent.futures
import configparser
import contextlib
import hashlib
import hmac
import itertools
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
import threading
import time
import urllib.parse

import psycopg2
import requests

import schema

TOP = pathlib.Path(__file__).resolve().parents[2]
SEED = json.loads((pathlib.Path(__file__).parent / "seed_openapi.json").read_text())
FINAL = {"completed", "failed", "cancelled", "expired"}
CANARY = "quailfeather"  # in every brief; no log may hold it
BRIEF = f"Please book a table for two at eight. The name is {CANARY}."
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
           "Strict-Transport-Security": "max-age=63072000"}

# What nginx says of a request that it cannot read, on any route.
UNREADABLE = {400, 414, 431}

# The operator's command from another build than the stack's, where somebody named it.
OPERATOR = os.environ.get("OFFHOOK_TEST_OPERATOR")

# What no log may hold, collected while the tests run.
secrets = set()
numbers = set()

# Area codes of other countries than the one where our number is at home, and of premium numbers.
ELSEWHERE = {242, 246, 264, 268, 284, 340, 345, 441, 473, 649, 658, 664, 670, 671, 684, 721, 758, 767, 784,
             787, 809, 829, 849, 868, 869, 876, 900, 939, 976}

serial = itertools.count(1)


def eventually(what, seconds=20.0, pause=0.03):
    """What what() returns once it is true."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, f"it never happened in {seconds} s"
        time.sleep(pause)


def once(ask, status):
    """The first answer of ask() with that status (an answer of 400 and more is false by itself)."""
    return eventually(lambda: [a for a in [ask()] if a.status_code == status])[0]


def number(digits=None):
    """A number that no other test has; digits are its last four, which choose the callee."""
    last = digits or f"{random.randrange(2000, 9999):04d}"
    area = random.randrange(201, 989)
    made = f"+1{area}{random.randrange(200, 999)}{last}"
    if made in numbers or area in ELSEWHERE:
        return number(digits)
    numbers.add(made)
    return made


def name(kind="w"):
    return f"{kind}-{next(serial)}-{os.urandom(4).hex()}"


def together(count, what):
    """what(i) in so many threads at once; the results in order."""
    gate = threading.Barrier(count)

    def run(i):
        gate.wait(20)
        return what(i)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def free_port():
    """A port below those that the kernel and ./dev hand out; sessions that run at once, each from
    its own thousand."""
    session = int(os.environ.get("PYTEST_XDIST_WORKER", "gw9")[2:]) % 10
    while True:
        port = random.randrange(10000 + 1000 * session, 11000 + 1000 * session)
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) != 0:
                return port


def clean_environment():
    """The caller's environment without what would change a stack."""
    keep = ("OFFHOOK_BUILD", "OFFHOOK_MEMCHECK")
    return {key: value for key, value in os.environ.items()
            if key in keep or not (key.startswith(("OFFHOOK_", "PG", "TWILIO_"))
                                   or key == "DATABASE_URL" or key.lower().endswith("_proxy"))}


class Document:
    """The /openapi.json of a stack, to hold answers against."""

    def __init__(self, json_document):
        self.json = json_document
        self.routes = []
        for path, methods in json_document["paths"].items():
            pattern = re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)))
            self.routes += [(method.upper(), pattern, operation)
                            for method, operation in methods.items()]

    def operation(self, method, path):
        method = "GET" if method == "HEAD" else method
        for verb, pattern, operation in self.routes:
            if verb == method and pattern.fullmatch(path):
                return operation
        return None

    def check(self, method, path, answer):
        place = urllib.parse.urlsplit(path).path
        operation = self.operation(method, place)
        if method == "HEAD" or operation is None:
            return
        said = operation["responses"].get(str(answer.status_code))
        if answer.status_code in UNREADABLE and not said:
            return
        assert said, f"{method} {path} answered {answer.status_code}, which is not in the document"
        kind = answer.headers["Content-Type"].partition(";")[0]
        assert kind in said["content"], f"{method} {path} answered {kind}"
        if kind != "application/json":
            return
        named = said["content"][kind]["schema"]
        schema.check(answer.json(), named, self.json, place)
        refs = re.findall(r"schemas/(\w+)", json.dumps(named))
        if refs and all(one in SEED["components"]["schemas"] for one in refs):
            schema.check(answer.json(), named, SEED)


class Client:
    """A customer, or anyone else who talks to a stack."""

    def __init__(self, stack, key=None, workspace=None, headers=None):
        self.stack, self.key, self.workspace = stack, key, workspace
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = stack.ca
        self.session.headers["Accept"] = "application/json"  # events as an array, not as a stream
        if key is not None:
            self.session.headers["X-API-Key"] = key
        self.session.headers.update(headers or {})

    def twin(self):
        """The same customer on a connection of its own, for another thread."""
        made = Client(self.stack, None, self.workspace)
        made.session.headers.update(self.session.headers)
        made.key = self.key
        return made

    def request(self, method, path, checked=True, **arguments):
        arguments.setdefault("timeout", 60)
        answer = self.session.request(method, self.stack.url + path, **arguments)
        if checked:
            assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", answer.headers["X-Request-Id"])
            for header, value in HEADERS.items():
                assert answer.headers[header] == value, (header, answer.headers)
            self.stack.document.check(method, path, answer)
        return answer

    def get(self, path, **arguments):
        return self.request("GET", path, **arguments)

    def post(self, path, json=None, **arguments):
        return self.request("POST", path, json=json, **arguments)

    def put(self, path, json=None, **arguments):
        return self.request("PUT", path, json=json, **arguments)

    # ---- calls ----

    def place(self, to=None, headers=None, timeout=60, **body):
        """POST /calls with a good body; the answer."""
        body = {"target_phone": to or number(), "brief": BRIEF, **body}
        return self.post("/calls", body, headers=headers, timeout=timeout)

    def start(self, to=None, **body):
        """A call that must be accepted; its id."""
        answer = self.place(to, **body)
        assert answer.status_code in (201, 202), answer.text
        data = answer.json()
        return data["call_id"] if answer.status_code == 202 else data["call"]["call_id"]

    def call(self, call_id):
        answer = self.get(f"/calls/{call_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def status(self, call_id):
        return self.call(call_id)["status"]

    def events(self, call_id):
        answer = self.get(f"/calls/{call_id}/events", headers={"Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_for(self, call_id, *statuses, seconds=30.0):
        """The call once it has one of these statuses; fails at once when it can have none."""
        def look():
            call = self.call(call_id)
            assert call["status"] in statuses or call["status"] not in FINAL, call
            return call["status"] in statuses and call
        return eventually(look, seconds)

    def ended(self, call_id, seconds=30.0):
        return self.wait_for(call_id, *FINAL, seconds=seconds)

    def cancel(self, call_id):
        answer = self.post(f"/calls/{call_id}/cancel")
        assert answer.status_code == 200, answer.text
        return answer.json()["cancelled"]

    def me(self):
        answer = self.get("/users/me")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def usage(self):
        return self.me()["current_usage"]

    # ---- calls that stand still ----

    def ring(self, **body):
        """A call that has been dialed and rings for a long time; its id and its number."""
        to = number()
        self.stack.rule(to, ring_ms=60000)
        call_id = self.start(to, **body)
        self.wait_for(call_id, "dialing")
        eventually(lambda: self.call(call_id)["call_sid"])
        return call_id, to

    def talk(self, **body):
        """A call whose callee talks for a long time; its id and its number."""
        to = number()
        self.stack.rule(to, ring_ms=20, talk_ms=60000, say=["Well"])
        call_id = self.start(to, **body)
        self.wait_for(call_id, "in_progress")
        return call_id, to

    @contextlib.contextmanager
    def held(self):
        """While this lasts, a customer with a cap of 1 has its one call in flight, so that all
        that it places stays queued."""
        call_id, _ = self.ring()
        try:
            yield call_id
        finally:
            for one in self.get("/calls?status=queued").json():
                self.cancel(one["call_id"])
            self.cancel(call_id)


class Stack:
    """A stack of ./dev in a folder of its own. Settings are given as section.key."""

    def __init__(self, settings, environment=None):
        base = os.environ.get("OFFHOOK_DEV_DIR")
        if base:
            os.makedirs(base, exist_ok=True)
        self.top = tempfile.mkdtemp(prefix="api-", dir=base or "/tmp")
        os.chmod(self.top, 0o711)
        self.folder = f"{self.top}/s"
        self.environment = {**clean_environment(), **(environment or {}),
                            "OFFHOOK_DEV_DIR": self.folder, "OFFHOOK_DEV_PORT": str(free_port())}
        self.settings = {}
        self.up(**settings)
        self.document = Document(Client(self).get("/openapi.json", checked=False).json())
        self.client = Client(self)

    # ---- its life ----

    def dev(self, *words):
        done = subprocess.run([str(TOP / "dev"), *words], env=self.environment, timeout=180,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr

    def up(self, **settings):
        """Starts what is missing."""
        self.settings.update(settings)
        for key, value in settings.items():
            self.environment["OFFHOOK_" + key.upper().replace(".", "_")] = str(value)
        self.dev("up")
        self.env = {}
        for line in pathlib.Path(self.folder, "env").read_text().splitlines():
            key, equals, value = line.partition("=")
            if equals:
                self.env[key] = value
        self.url, self.ca = self.env["OFFHOOK_URL"], self.env["OFFHOOK_CA"]
        self.sim = self.env["OFFHOOK_SIM_URL"]
        secrets.update((self.env["OFFHOOK_TEST_KEY"], self.env["OFFHOOK_ADMIN_KEY"],
                        self.auth_token))

    def close(self):
        """Ends it, whatever it says; then says what was wrong."""
        faults = []
        try:
            for check in (self.pace_faults, self.dial_faults, self.ledger_faults):
                faults += check()
        finally:
            try:
                self.dev("down")
                faults += self.log_faults()
            finally:
                self.dev("down", "--wipe")
                shutil.rmtree(self.top, ignore_errors=True)
        assert not faults, "\n".join(faults)

    def pid(self, program):
        return int(pathlib.Path(self.folder, f"{program}.pid").read_text().split()[0])

    def runs(self, program):
        try:
            os.kill(self.pid(program), 0)
        except (OSError, ValueError):
            return False
        return True

    def kill(self, program, what):
        os.kill(self.pid(program), what)

    def stop(self, program, how=signal.SIGTERM):
        """Ends a program; up() starts it again."""
        self.kill(program, how)
        eventually(lambda: not self.runs(program))

    @contextlib.contextmanager
    def frozen(self, program):
        """While this lasts, the program and its children stand still."""
        group = self.pid(program)
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    # ---- what must hold of every stack when it ends ----

    def pace_faults(self):
        """At most queue.cps POSTs to the carrier in any second."""
        at = [a["arrived_mono_us"] for a in self.get_sim("/sim/attempts")]
        most = int(float(self.settings.get("queue.cps", 10)))
        return [f"{most + 1} dials in {(at[i + most] - at[i]) / 1e6} s"
                for i in range(len(at) - most) if at[i + most] - at[i] <= 1000000]

    def dial_faults(self):
        """No call dialed twice."""
        ids = [urllib.parse.urlsplit(c["status_callback"]).path
               for c in self.get_sim("/sim/calls")]
        return [f"{one} was dialed {ids.count(one)} times" for one in set(ids)
                if ids.count(one) > 1]

    def ledger_faults(self):
        audit = self.offhook("credits", "audit", status=None)
        return [] if audit["balanced"] else [f"the ledger does not balance: {audit}"]

    def log_faults(self):
        """No log holds a secret, a number or a brief, or a report of a sanitizer."""
        faults = []
        words = secrets | {one[1:] for one in numbers} | {CANARY}
        for path in sorted(pathlib.Path(self.folder, "log").iterdir()):
            text = path.read_text(errors="replace")
            if re.search(r"AddressSanitizer|LeakSanitizer|runtime error:", text):
                faults.append(f"{path.name}: {text[:4000]}")
            for line in text.splitlines():
                if any(word in line for word in words) or re.search(
                        r"ohk_[0-9A-Za-z]{8}|\+[1-9][0-9]{6,}", line):
                    faults.append(f"{path.name} tells a secret: {line[:300]}")
        return faults[:20]

    # ---- its operator ----

    def offhook(self, *words, status=0):
        """The operator's command; what it prints as JSON. status None: whatever it ends with."""
        done = subprocess.run([OPERATOR or f"{self.env['OFFHOOK_BIN']}/offhook", *words, "--json",
                               "--config", self.env["OFFHOOK_CONF"]], env=clean_environment(),
                              timeout=60, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert status is None or done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout) if done.stdout else None

    def partner(self):
        made = name("p")
        self.offhook("partner", "create", made)
        return made

    def organization(self, partner):
        made = name("o")
        self.offhook("organization", "create", made, "--parent", partner)
        return made

    def new_workspace(self, quota=1000, cap=20, organization=None, title=None):
        made = name()
        words = ["--quota", str(quota), "--max-concurrent", str(cap)]
        if organization:
            words += ["--parent", organization]
        if title:
            words += ["--name", title]
        self.offhook("workspace", "create", made, *words)
        return made

    def key_row(self, scope, scope_id=None, admin=False):
        """A new key as the operator sees it: api_key and api_key_id."""
        words = ["--scope", scope]
        if scope_id:
            words += ["--id", scope_id]
        if admin:
            words += ["--admin"]
        row = self.offhook("key", "create", *words)
        secrets.add(row["api_key"])
        return row

    def new_key(self, scope, scope_id=None, admin=False):
        return self.key_row(scope, scope_id, admin)["api_key"]

    def customer(self, quota=1000, cap=20, **more):
        """A new workspace and its key."""
        workspace = self.new_workspace(quota, cap, **more)
        return Client(self, self.new_key("workspace", workspace), workspace)

    def with_key(self, key, **headers):
        return Client(self, key, headers={n.replace("_", "-"): v for n, v in headers.items()})

    def queued(self):
        return self.offhook("queue", "status")["queued"]

    def sql(self, statement, *values):
        connection = psycopg2.connect(self.env["DATABASE_URL"])
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    # ---- its carrier ----

    def get_sim(self, path):
        return requests.get(self.sim + path, timeout=30).json()

    def rule(self, to, **rule):
        answer = requests.post(self.sim + "/sim/rules", json={"to": to, **rule}, timeout=30)
        assert answer.status_code == 201, answer.text

    def dials(self, to):
        """What the carrier has accepted for a number, in order of arrival."""
        return [c for c in self.get_sim("/sim/calls") if c["to"] == to]

    @property
    def auth_token(self):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(pathlib.Path(self.env["OFFHOOK_CONF"]).read_text())
        return parser["twilio"]["auth_token"].strip('"')

    @property
    def account(self):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(pathlib.Path(self.env["OFFHOOK_CONF"]).read_text())
        return parser["twilio"]["account_sid"].strip('"')

    def media_url(self, call_id):
        return f"wss{self.url.removeprefix('https')}/twilio/media/{call_id}"

    def sign(self, url, pairs):
        """The carrier's signature, written down a second time on purpose."""
        text = url + "".join(n + v for n, v in sorted(set(pairs)))
        mac = hmac.new(self.auth_token.encode(), text.encode(), hashlib.sha1)
        made = base64.b64encode(mac.digest()).decode()
        secrets.add(made)
        return made

    def hook(self, path, form, signed_url=None, signature=None, **arguments):
        """A webhook as the carrier sends it."""
        pairs = list(form.items()) if isinstance(form, dict) else list(form)
        if signature is None:
            signature = self.sign(signed_url or self.url + path, pairs)
        headers = {"X-Twilio-Signature": signature} if signature else {}
        return self.client.post(path, data=pairs, headers=headers, **arguments)
