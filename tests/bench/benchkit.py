"""benchkit.py: what the benchmarks share: a stack of their own, customers, the limit programs, and
tables."""

import argparse
import hashlib
import json
import math
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "faults"))

import stack as stack_module  # noqa: E402
from stack import children_of, eventually, private_kib  # noqa: E402,F401

POSTGRES = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parts[-2]))
# What the programs ask of each session that bears on speed.
SESSION = "-c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off"
BODY = {"target_phone": "+12025550123", "brief": "Book a table for two tonight at eight, in the"
        " name of Ada.", "language": "en", "kind": "restaurant_booking"}


def accepting(workspace, call, task, phone, brief="'Book a table.'", cap=1000):
    """SQL that accepts a call; all but the cap are expressions of SQL."""
    return (f"fn.calls_accept(NULL, '{{workspace}}', ARRAY[{workspace}]::text[], '{{false}}', NULL, NULL,"
            f" NULL, NULL, ARRAY[{call}]::text[], ARRAY[{task}]::text[], ARRAY[{phone}]::text[],"
            f" ARRAY[{brief}]::text[], '{{en}}', '{{other}}', NULL, '{{any}}', '{{off}}', NULL, NULL,"
            f" '{{false}}', '{{1}}', '{{0}}', '{{{cap}}}')")


def one_call(statement):
    """The statement that accepts calls for one at a time: what a request would take without the committer."""
    return re.sub(r"\$(\d+)::([a-z_]+)\[\]", r"ARRAY[$\1::\2]", statement)


def options(what, **more):
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--quick", action="store_true", help="shorter, and less exact")
    parser.add_argument("--small", action="store_true", help="as short as can be: does it work at all?")
    for name, (default, help_text) in more.items():
        kind = {"action": "store_true"} if default is False else {"type": type(default), "default": default}
        parser.add_argument("--" + name, help=help_text, **kind)
    return parser.parse_args()


def by_length(o, whole, quick, small):
    """Whichever of them is asked for."""
    return small if o.small else quick if o.quick else whole


class Bench:
    """A stack of its own, and a scratch folder."""

    def __init__(self, **settings):
        if "OFFHOOK_DEV_DIR" in os.environ:  # never the developer's own
            os.environ["OFFHOOK_DEV_DIR"] += "-bench"
        os.environ.pop("OFFHOOK_DEV_PORT", None)
        # Customers who are not bounded, and as many workers as a host has.
        self.settings = {"OFFHOOK_CALLS_MAX_CONCURRENT_CEILING": "1000", "OFFHOOK_API_WORKERS": "0", **settings}
        self.started = []

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="offhook-bench-")
        self.path = pathlib.Path(self.scratch.name)
        self.path.chmod(0o755)
        self.stack = stack_module.Stack(self.settings)
        try:
            self.stack.up()
        except BaseException:
            self.__exit__()
            raise
        self.port = self.stack.environment["OFFHOOK_DEV_PORT"]
        return self

    def __exit__(self, *_):
        for process in self.started:
            process.kill()
            process.wait()
        self.stack.down()
        self.scratch.cleanup()

    def set(self, **settings):
        """New settings for programs that start from now on."""
        self.stack.environment.update(settings)

    def restart(self, *names):
        for name in names:
            self.stack.stop(name)
        self.stack.up()

    # ---- customers ----

    def customers(self, count):
        """Workspaces with a key each: [(workspace, key)]."""
        made = []
        for i in range(count):
            name = f"bench-{i}"
            self.stack.command("workspace", "create", name, "--quota", "1000000000",
                               "--max-concurrent", "1000")
            made.append((name, self.stack.command(
                "key", "create", "--scope", "workspace", "--id", name)["api_key"]))
        return made

    def fill_queue(self, workspaces, count, suffix="0001"):
        """Queued calls to numbers that end with suffix. Some are accepted by the function that
        accepts all; the rest are copies of these that differ in what tells calls apart."""
        run = self.stack.rows
        run("SET statement_timeout = 0")
        accepted = min(count, max(1000, len(workspaces)))
        one = accepting("(%s::text[])[1 + i %% %s]", "'call_b' || n", "'task_b' || n", "'+15' || n || %s")
        run("SELECT count(*) FROM (SELECT i, 1000000000 + nextval('call_queue_no') AS n"
            f" FROM generate_series(1, %s) i OFFSET 0) x, LATERAL {one} a",
            accepted, workspaces, len(workspaces), suffix)
        run("CREATE TEMPORARY TABLE copies AS SELECT q.call_id AS model, 'call_z' || n AS call_id,"
            " n AS queue_no, '+15' || n || %s AS target_phone FROM (SELECT *, row_number() OVER"
            " (ORDER BY queue_no DESC) AS r FROM call_queue) q JOIN (SELECT 1 + (i - 1) %% %s AS r,"
            " nextval('call_queue_no') AS n FROM generate_series(1, %s) i) c USING (r)",
            suffix, accepted, count - accepted)
        for name in ("calls", "call_events", "call_queue"):
            run(f"INSERT INTO {name} SELECT (jsonb_populate_record(t, jsonb_build_object('call_id',"
                " c.call_id, 'queue_no', c.queue_no, 'target_phone', c.target_phone,"
                f" 'credits_reserved', 0))).* FROM {name} t JOIN copies c ON c.model = t.call_id")
        run("DROP TABLE copies")
        run("VACUUM ANALYZE call_queue")

    # ---- statements, exactly as the programs have them ----

    def statement(self, program, *words):
        """The statement in that program that has all these words."""
        binary = self.stack.program(program).read_bytes()
        for text in re.findall(rb"(?:SELECT|WITH|UPDATE)[\t\x20-\x7e]{20,}", binary):
            if all(w.encode() in text for w in words):
                return text.decode()
        raise AssertionError(f"no statement in offhook-{program} has {words}")

    # ---- the limit programs ----

    def compile(self, name, *more):
        """A program of one source, or of several."""
        out = self.path / name
        include = subprocess.run(["pg_config", "--includedir"], capture_output=True, text=True)
        subprocess.run(["gcc", "-O2", "-std=gnu11", "-D_GNU_SOURCE", "-I" + include.stdout.strip(),
                        *(HERE / f"{one}.c" for one in (name, *more)), "-o", out, "-lfcgi", "-lpq",
                        "-lssl", "-lcrypto", "-lcurl", "-lwebsockets", "-lpthread"], check=True)
        out.chmod(0o755)
        return out

    def bare_workers(self, count, statement, sets):
        """Takes the place of offhook-api behind the same nginx, until ended."""
        program = self.compile("bare_worker")
        (self.path / "statement").write_text(statement)
        (self.path / "values").write_text("".join(
            "\t".join("\\N" if v is None else v for v in s) + "\n" for s in sets))
        self.stack.stop("api")
        socket = self.stack.folder / "sock" / "api.sock"
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        process = subprocess.Popen(
            [program, socket, str(count), self.stack.env["DATABASE_URL"], self.path / "statement",
             self.path / "values"], env={**os.environ, "PGOPTIONS": SESSION},
            **(user if os.geteuid() == 0 else {}))
        self.started.append(process)
        eventually(lambda: len(children_of(process.pid, "")) == count, 10, "no bare worker")
        time.sleep(0.3)
        return process

    def end_bare_workers(self, process):
        process.kill()
        process.wait()
        self.started.remove(process)
        (self.stack.folder / "sock" / "api.sock").unlink(missing_ok=True)
        self.stack.up()

    def pgbench(self, script, clients, seconds, *options):
        """Transactions a second of this script, as a prepared statement."""
        path = self.path / "script"
        path.write_text(script)
        done = subprocess.run(
            [POSTGRES / "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-T",
             str(seconds), "-f", path, *options, self.stack.env["DATABASE_URL"]], capture_output=True, text=True,
            env={**os.environ, "PGOPTIONS": SESSION})
        assert done.returncode == 0 and "tps = " in done.stdout, done.stderr
        assert "number of failed transactions: 0 " in done.stdout, done.stdout
        return float(re.search(r"tps = ([0-9.]+)", done.stdout)[1])

    def pgbench_at_rate(self, script, rate, seconds):
        """The same on one connection at so many a second, as at_rate() tells it."""
        prefix = self.path / "pgbench"
        self.pgbench(script, 1, seconds, "-R", str(rate), "-l", f"--log-prefix={prefix}")
        took = [int(line.split()[2]) for log in self.path.glob("pgbench.*") for line in log.read_text().splitlines()]
        return {"p50_us": percentile(took, .5), "p99_us": percentile(took, .99), "max_us": max(took), "failed": 0}

    def duel(self, requests, seconds, bare):
        """Ours and the bare workers by turns, so that a neighbour's load hits both; the best
        round of each. bare: what bare_workers() takes."""
        ours, limit = [], []
        rounds = 3
        for _ in range(rounds):
            self.wrk(requests, 1)
            ours.append(self.wrk(requests, seconds / rounds))
            process = self.bare_workers(*bare)
            self.wrk(requests, 1)
            limit.append(self.wrk(requests, seconds / rounds))
            self.end_bare_workers(process)
        failed = sum(r["failed"] for r in ours + limit)
        best = [max(x, key=lambda r: r["rate"]) for x in (ours, limit)]
        return [{**b, "failed": failed} for b in best]

    # ---- the clients ----

    def wrk(self, requests, seconds, connections=64):
        """requests: [(path, key, body or None)]. {"rate", "p50_ms", "p99_ms", "failed"}."""
        (self.path / "requests").write_text("".join(
            f"{path}\t{key}\t{body or ''}\n" for path, key, body in requests))
        done = subprocess.run(
            ["wrk", "-t", "2", "-c", str(connections), "-d",
             f"{math.ceil(seconds)}s", "--timeout", "10s",
             "-s", HERE / "wrk.lua", f"https://localhost:{self.port}", "--",
             self.path / "requests"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def at_rate(self, requests, rate, seconds, connections=8):
        """The same at so many a second, open loop."""
        program = self.compile("rate_client")
        (self.path / "requests").write_text("".join(
            f"{path}\t{key}\t{body or ''}\n" for path, key, body in requests))
        done = subprocess.run(
            [program, self.port, self.stack.env["OFFHOOK_CA"], str(rate), str(seconds),
             str(connections), self.path / "requests"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def key_hash(key):
    return "\\x" + hashlib.sha256(key.encode()).hexdigest()


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.floor(len(ordered) * p))]


def mean(values):
    return statistics.fmean(values)


def table(title, columns, rows):
    rows = [[str(c) for c in row] for row in rows]
    widths = [max(len(r[i]) for r in [columns, *rows]) for i in range(len(columns))]
    print(f"\n{title}")
    for row in [columns, ["-" * w for w in widths], *rows]:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]
        print("  " + "  ".join(cells).rstrip())
    sys.stdout.flush()


def verdict(ok):
    return "ok" if ok else "MISSED"


def stop_on_signals():
    """Ends like Ctrl-C, so that the stack is taken down."""
    def stop(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, stop)
