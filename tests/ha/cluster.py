"""cluster.py: Offhook as doc/ha.md has it, in network namespaces of this machine: two hosts with PostgreSQL under
Patroni, a third for etcd's majority, two application hosts that find the primary by HAProxy, and a host outside with
the carrier, the customers and a load balancer. Each host has an address on one bridge; cutting a host off is taking its link
down. Wants root, and Debian's patroni, etcd-server, haproxy and iproute2.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2
import psycopg2.extras
import requests

import checker

TOP = pathlib.Path(__file__).resolve().parents[2]
POSTGRES = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parts[-2]))
NET = "10.99.77"
ADDRESS = {"pg1": f"{NET}.1", "pg2": f"{NET}.2", "witness": f"{NET}.3", "app1": f"{NET}.11", "app2": f"{NET}.12",
           "out": f"{NET}.20"}
DATABASES, VOTERS, APPS = ("pg1", "pg2"), ("pg1", "pg2", "witness"), ("app1", "app2")
PORT, SIM_PORT, DATABASE_PORT = 8443, 9077, 5000
INIT = "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True: signal.pause()"  # reaps
NOBODY = "02:00:00:00:00:99"  # no link has this address
CLONE_NEWNET = 0x40000000
TTL, LOOP, RETRY = 20, 5, 7  # seconds: Patroni's, as doc/ha.md has them


def eventually(what, seconds, why, pause=0.2):
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {why() if callable(why) else why}"
        time.sleep(pause)


def run(*words, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def children_of(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def as_user(user):
    return ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"]


class Cluster:
    def __init__(self, **settings):
        self.tag = f"oh{os.getpid()}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="offhook-ha-"))
        self.folder.chmod(0o755)
        self.running = {}  # (host, name): the process
        self.inits = {}    # of application hosts: pids
        self.away = set()  # hosts that are cut off
        self.parted = set()  # (from, to)
        self.worlds = 0
        self.settings = settings
        self.password = secrets.token_hex(16)
        self.account, self.token = "AC" + secrets.token_hex(16), secrets.token_hex(16)
        self.bin = TOP / os.environ.get("OFFHOOK_BUILD", "build") / "prefix" / "bin"
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)

    # ---- hosts ----

    def space(self, host):
        return f"{self.tag}-{host}"

    def inside(self, host):
        if host not in self.inits:
            return ["ip", "netns", "exec", self.space(host)]
        return ["nsenter", "--target", str(self.inits[host]), "--net", "--pid", "--mount"]

    def boot(self, host):
        """Processes of its own: two hosts with the same ones would take each other for themselves."""
        self.start(host, "init", "unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "/usr/bin/python3", "-c", INIT)
        parent = self.running[host, "init"].pid
        self.inits[host] = eventually(lambda: children_of(parent), 10, "it does not boot")[0]
        eventually(lambda: "signal.pause" in pathlib.Path(f"/proc/{self.inits[host]}/cmdline").read_text(), 10, "nor this")

    def make_net(self):
        run("ip", "netns", "add", self.space("lan"))
        run("ip", "-n", self.space("lan"), "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", self.space("lan"), "link", "set", "bridge", "up")
        for host, address in ADDRESS.items():
            space = self.space(host)
            run("ip", "netns", "add", space)
            run("ip", "-n", space, "link", "set", "lo", "up")
            run("ip", "-n", space, "link", "add", "eth0", "type", "veth", "peer", "name", host, "netns",
                self.space("lan"))
            run("ip", "-n", space, "address", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", space, "link", "set", "eth0", "up")
            run("ip", "-n", self.space("lan"), "link", "set", host, "master", "bridge", "up")

    def enter(self, space_file):
        assert ctypes.CDLL(None, use_errno=True).setns(space_file, CLONE_NEWNET) == 0, "no namespace"

    def cut(self, host):
        """Nobody reaches the host, and it nobody; it does not learn of it."""
        run("ip", "-n", self.space("lan"), "link", "set", host, "down")
        self.away.add(host)

    def mend(self, host):
        run("ip", "-n", self.space("lan"), "link", "set", host, "up")
        self.away.discard(host)

    def part(self, host, other, both_ways=True):
        """What the host sends to the other is lost, and with both_ways the answers too; the rest is reached."""
        for one, another in ((host, other), (other, host))[:1 + both_ways]:
            run("ip", "-n", self.space(one), "neigh", "replace", ADDRESS[another], "lladdr", NOBODY, "nud", "permanent",
                "dev", "eth0")
            self.parted.add((one, another))

    def join(self):
        """All reach each other again."""
        for one, another in self.parted:
            run("ip", "-n", self.space(one), "neigh", "del", ADDRESS[another], "dev", "eth0")
        self.parted.clear()

    def start(self, host, name, *words, env=None):
        log = open(self.folder / f"{host}-{name}.log", "ab")
        self.running[host, name] = subprocess.Popen(
            self.inside(host) + [str(w) for w in words], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})}, cwd=self.folder, start_new_session=True)

    def end(self, host, name, number=signal.SIGKILL):
        process = self.running.pop((host, name))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        process.wait(30)

    def power_off(self, host):
        """As by pulling the plug: the network first, then every process at once."""
        self.cut(host)
        for pid in run("ip", "netns", "pids", self.space(host)).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        for key in [key for key in self.running if key[0] == host]:
            self.running.pop(key).wait(30)

    def tail(self, host, name):
        return (self.folder / f"{host}-{name}.log").read_text(errors="replace")[-2000:]

    # ---- the database ----

    def start_etcd(self, host):
        mine = f"http://{ADDRESS[host]}"
        self.start(host, "etcd", "etcd", "--name", host, "--data-dir", self.folder / f"{host}-etcd",
                   "--listen-peer-urls", f"{mine}:2380", "--initial-advertise-peer-urls", f"{mine}:2380",
                   "--listen-client-urls", f"{mine}:2379,http://127.0.0.1:2379", "--advertise-client-urls",
                   f"{mine}:2379", "--initial-cluster", ",".join(f"{v}=http://{ADDRESS[v]}:2380" for v in VOTERS),
                   "--initial-cluster-token", self.tag, "--initial-cluster-state", "new", "--enable-v2")

    def patroni_file(self, host):
        folder = self.folder / f"{host}-pg"
        folder.mkdir()
        shutil.chown(folder, "postgres", "postgres")
        login = {name: {"username": name, "password": self.password} for name in ("postgres", "replicator", "rewinder")}
        path = self.folder / f"{host}-patroni.yml"
        path.write_text(json.dumps({  # which is YAML too
            "scope": "offhook", "name": host,
            "restapi": {"listen": f"{ADDRESS[host]}:8008", "connect_address": f"{ADDRESS[host]}:8008"},
            "etcd": {"hosts": [f"{ADDRESS[v]}:2379" for v in VOTERS]},  # not etcd3: see doc/ha.md
            "bootstrap": {
                "dcs": {"ttl": TTL, "loop_wait": LOOP, "retry_timeout": RETRY, "maximum_lag_on_failover": 1048576,
                        "synchronous_mode": True,
                        "postgresql": {"use_pg_rewind": True, "parameters": {
                            "max_connections": 200, "shared_buffers": "128MB", "jit": "off", "wal_keep_size": "128MB",
                            "dynamic_shared_memory_type": "mmap", "wal_log_hints": "on", "tcp_keepalives_idle": 5,
                            "tcp_keepalives_interval": 2, "tcp_keepalives_count": 3}}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, {"auth": "scram-sha-256"}],
                "pg_hba": [f"host all all {NET}.0/24 scram-sha-256", f"host replication replicator {NET}.0/24 scram-sha-256",
                           "local all all trust"]},
            "postgresql": {
                "listen": f"{ADDRESS[host]}:5432", "connect_address": f"{ADDRESS[host]}:5432", "bin_dir": str(POSTGRES),
                "data_dir": str(folder / "data"), "pgpass": str(folder / "pgpass"),
                "parameters": {"unix_socket_directories": str(folder)},
                "authentication": {"superuser": login["postgres"], "replication": login["replicator"],
                                   "rewind": login["rewinder"]}}}))
        path.chmod(0o640)
        shutil.chown(path, "root", "postgres")
        return path

    def start_patroni(self, host):
        self.start(host, "patroni", *as_user("postgres"), "patroni", self.folder / f"{host}-patroni.yml")

    def members(self):
        """{host: role}, as somebody who lives says."""
        for host in DATABASES:
            with contextlib.suppress(requests.RequestException, ValueError):
                found = requests.get(f"http://{ADDRESS[host]}:8008/cluster", timeout=2).json()["members"]
                return {m["name"]: m["role"] for m in found if m["state"] in ("running", "streaming")}
        return {}

    def primary(self):
        for host in DATABASES:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"http://{ADDRESS[host]}:8008/primary", timeout=2).status_code == 200:
                    return host
        return None

    def whole(self):
        return sorted(self.members().values()) == ["leader", "sync_standby"]

    def connect(self):
        connection = psycopg2.connect(
            host=",".join(ADDRESS[d] for d in DATABASES), dbname="offhook", user="offhook", password=self.password,
            target_session_attrs="read-write", connect_timeout=3, cursor_factory=psycopg2.extras.RealDictCursor)
        connection.autocommit = True
        return connection

    def rows(self, statement, *values):
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return [dict(r) for r in cursor.fetchall()] if cursor.description else None

    def as_superuser(self, *statements):
        superuser = psycopg2.connect(host=",".join(ADDRESS[d] for d in DATABASES), dbname="postgres", user="postgres",
                                     password=self.password, target_session_attrs="read-write")
        superuser.autocommit = True
        with contextlib.closing(superuser), superuser.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def make_database(self):
        self.as_superuser(f"CREATE ROLE offhook LOGIN PASSWORD '{self.password}'",
                          "CREATE DATABASE offhook OWNER offhook")

    def configure(self, **settings):
        """Changes what Patroni shares among the hosts."""
        answer = requests.patch(f"http://{ADDRESS[self.primary()]}:8008/config", json=settings, timeout=5)
        assert answer.status_code == 200, answer.text

    @contextlib.contextmanager
    def asynchronous(self):
        """No commit waits for the standby meanwhile, and one that is far behind may be promoted."""
        def waits():
            return self.rows("SHOW synchronous_standby_names")[0]["synchronous_standby_names"] != ""

        self.configure(synchronous_mode=False, maximum_lag_on_failover=64 << 20)
        eventually(lambda: not waits(), 60, "commits go on to wait")
        time.sleep(2)  # and the dialer has seen it
        try:
            yield
        finally:
            self.configure(synchronous_mode=True, maximum_lag_on_failover=1 << 20)

    def fall_behind(self):
        """The standby is sent nothing more, until catch_up()."""
        self.as_superuser("ALTER ROLE replicator NOLOGIN",
                          "SELECT pg_terminate_backend(pid) FROM pg_stat_replication")

    def catch_up(self):
        self.as_superuser("ALTER ROLE replicator LOGIN")

    # ---- the application hosts, and the outside ----

    def haproxy(self, host, text):
        path = self.folder / f"{host}-haproxy.cfg"
        path.write_text("defaults\n    mode tcp\n    timeout connect 3s\n    timeout client 1h\n    timeout server 1h\n"
                        "    timeout check 2s\n" + text)
        self.start(host, "haproxy", "haproxy", "-db", "-f", path)

    def app_proxy(self, host):
        """The primary at one address, whoever it is; and what nginx serves on loopback, for the load balancer."""
        servers = "".join(f"    server {d} {ADDRESS[d]}:5432 check port 8008\n" for d in DATABASES)
        self.haproxy(host, f"""
listen primary
    bind 127.0.0.1:{DATABASE_PORT}
    option httpchk GET /primary
    http-check expect status 200
    default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
listen site
    bind {ADDRESS[host]}:{PORT}
    server nginx 127.0.0.1:{PORT}

listen carrier
    bind 127.0.0.1:{SIM_PORT}
    server carrier {ADDRESS["out"]}:{SIM_PORT}
""")

    def outer_proxy(self):
        """To whoever is ready; when nobody is, to anybody: a 503 says more than no answer."""
        servers = "".join(f"    server {a} {ADDRESS[a]}:{PORT} check inter 1s fall 2 rise 1 check-ssl verify none"
                          f" on-marked-down shutdown-sessions\n    server {a}-anyway {ADDRESS[a]}:{PORT} backup\n"
                          for a in APPS)
        self.haproxy("out", f"""
listen site
    bind 127.0.0.1:{PORT}
    option httpchk GET /readyz
    http-check expect status 200
    option allbackups
    option redispatch
    retries 3
{servers}
""")

    def app_environment(self, host):
        given = {"database.url": f"postgresql://offhook:{self.password}@127.0.0.1:{DATABASE_PORT}/offhook"
                                 "?connect_timeout=3&tcp_user_timeout=5000&keepalives_idle=5&keepalives_interval=2"
                                 "&keepalives_count=2",
                 "twilio.api_url": f"http://127.0.0.1:{SIM_PORT}", "twilio.account_sid": self.account,
                 "twilio.auth_token": self.token, "twilio.phone_number": "+15005550006", "queue.enabled": "true",
                 **self.settings}
        return {**os.environ, "OFFHOOK_DEV_DIR": str(self.folder / host), "OFFHOOK_DEV_PORT": str(PORT),
                **{"OFFHOOK_" + k.upper().replace(".", "_"): str(v) for k, v in given.items()}}

    def app(self, host, *words):
        return run(*self.inside(host), TOP / "dev", *words, env=self.app_environment(host), timeout=180)

    def start_app(self, host):
        first = self.folder / APPS[0]
        if host != APPS[0] and not (self.folder / host).exists():  # the same keys and the same certificate
            shutil.copytree(first, self.folder / host, ignore=lambda folder, names: [
                n for n in names if folder == str(first) and n not in ("state", "tls", "ca.pem", ".offhook-dev")])
            for path in (self.folder / host).rglob("*"):
                shutil.chown(path, "nobody", "nogroup")
            shutil.chown(self.folder / host, "nobody", "nogroup")
            shutil.copymode(first, self.folder / host)
        self.app(host, "up")

    def stop_scheduler(self, host):
        pid = (self.folder / host / "scheduler.pid").read_text().strip()
        run(*self.inside(host), "kill", pid)
        eventually(lambda: subprocess.run([*self.inside(host), "kill", "-0", pid], capture_output=True).returncode != 0,
                   40, "the scheduler goes on")

    def start_carrier(self):
        self.start("out", "sim", self.bin / "offhook-sim", "--listen", f"{ADDRESS['out']}:{SIM_PORT}", "--ledger",
                   self.folder / "sim.jsonl", "--ca-file", self.folder / APPS[0] / "ca.pem",
                   env={"TWILIO_ACCOUNT_SID": self.account, "TWILIO_AUTH_TOKEN": self.token})

    # ---- for world.py of the fault tests ----

    def command(self, *words):
        host = next(a for a in APPS if a not in self.away)
        text = run(*self.inside(host), *as_user("nobody"), self.bin / "offhook", *words, "--json", "--config",
                   self.folder / host / "offhook.conf", timeout=30)
        return json.loads(text) if text.strip() else None

    @contextlib.contextmanager
    def snapshot(self):
        with contextlib.closing(self.connect()) as connection:
            connection.autocommit = False
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)

            def rows(statement, *values):
                with connection.cursor() as cursor:
                    cursor.execute(statement, values)
                    return [dict(r) for r in cursor.fetchall()]

            yield rows

    def carrier(self, path, **body):
        url = f"http://{ADDRESS['out']}:{SIM_PORT}{path}"
        answer = requests.post(url, json=body, timeout=10) if body else requests.get(url, timeout=10)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def dials(self):
        return checker.read_dials((self.folder / "sim.jsonl").read_text().splitlines())

    def posts(self):
        return checker.merge_posts([self.carrier("/sim/attempts")], self.dials())

    def new_prefix(self):
        self.worlds += 1
        return f"+155{self.worlds:03d}"

    def dialing_host(self):
        """Whose dialer leads, or None."""
        name = self.rows("SELECT host FROM pacer")[0]["host"]
        for host in APPS:
            if name.endswith("/" + str(os.stat(f"/proc/{self.inits[host]}/ns/pid").st_ino)):
                return host
        return None

    def switch(self, leader, candidate):
        config = self.folder / "patronictl.yml"
        config.write_text(json.dumps({"scope": "offhook", "etcd": {"hosts": [f"{ADDRESS[v]}:2379" for v in VOTERS]}}))
        run("patronictl", "-c", config, "switchover", "offhook", "--master", leader, "--candidate", candidate, "--force",
            timeout=60)

    def power_on(self, host):
        self.mend(host)
        self.start_etcd(host)
        self.start_patroni(host)
        eventually(self.whole, 120, lambda: self.tail(host, "patroni"))

    def repair(self):
        """All hosts are there, and know it."""
        self.join()
        for host in list(self.away):
            self.mend(host)
        for host in VOTERS:
            if (host, "etcd") not in self.running:
                self.start_etcd(host)
        for host in DATABASES:
            if (host, "patroni") not in self.running:
                self.start_patroni(host)
        eventually(self.whole, 120, lambda: f"{self.members()}")
        eventually(self.ready, 30, lambda: self.tail("out", "haproxy"))

    # ---- up and down ----

    def up(self):
        self.make_net()
        with open(f"/run/netns/{self.space('out')}", "rb") as space:
            self.enter(space.fileno())
        for host in VOTERS:
            self.start_etcd(host)
        for host in DATABASES:
            self.patroni_file(host)
            self.start_patroni(host)
        eventually(self.whole, 120, lambda: self.tail("pg1", "patroni") + self.tail("pg1", "etcd"))
        self.make_database()
        for host in APPS:
            self.boot(host)
            self.app_proxy(host)
        self.start_app(APPS[0])
        self.start_carrier()
        self.start_app(APPS[1])
        self.outer_proxy()
        lines = (self.folder / APPS[0] / "env").read_text().splitlines()
        self.env = dict(line.split("=", 1) for line in lines if not line.startswith("export "))
        eventually(lambda: self.ready(), 30, lambda: self.tail("out", "haproxy"))
        return self

    def ready(self):
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"https://localhost:{PORT}/readyz", verify=self.env["OFFHOOK_CA"],
                                timeout=3).status_code == 200
        return False

    def down(self):
        for host in APPS:
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                self.app(host, "down")
        for host, name in list(self.running):
            self.end(host, name)
        self.enter(self.home)
        for host in ("lan", *ADDRESS):
            for pid in subprocess.run(["ip", "netns", "pids", self.space(host)], capture_output=True,
                                      text=True).stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            subprocess.run(["ip", "netns", "del", self.space(host)], capture_output=True)
        if "OFFHOOK_HA_KEEP" not in os.environ:
            shutil.rmtree(self.folder, ignore_errors=True)
