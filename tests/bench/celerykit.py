"""celerykit.py: Celery with Redis as a peer of the scheduler (peers/celery_app.py): a broker and a worker of our
own. Needs: apt install celery python3-redis redis-server"""

import configparser
import contextlib
import os
import pathlib
import subprocess
import sys
import uuid

from benchkit import HERE, eventually
from stack import free_port

NEEDED = ("/usr/bin/redis-server", *(f"/usr/lib/python3/dist-packages/{m}" for m in ("celery", "redis")))


def missing():
    return [path for path in NEEDED if not pathlib.Path(path).exists()]


class Celery:
    """A Redis that writes what it is told to its log each second, as shipped, and tasks in it."""

    def __init__(self, bench):
        self.port = free_port()
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(bench.stack.env["OFFHOOK_CONF"])
        carrier = {name: value.strip('"') for name, value in settings["twilio"].items()}
        account = carrier["account_sid"]
        self.environment = {
            **os.environ, "PEER_BROKER": f"redis://127.0.0.1:{self.port}/0", "PEER_ACCOUNT": account,
            "PEER_CARRIER": f"{bench.stack.env['OFFHOOK_SIM_URL']}/2010-04-01/Accounts/{account}/Calls.json",
            "PEER_FROM": carrier["phone_number"], "PEER_SECRET": carrier["auth_token"]}
        self.bench, self.folder = bench, bench.path / "celery"
        self.folder.mkdir()
        self.start(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save",
                    "", "--appendonly", "yes"])
        os.environ.update(self.environment)  # for celery_app, which we import too
        sys.path.insert(0, str(HERE / "peers"))
        import celery_app
        import redis
        self.app, self.redis = celery_app, redis.Redis(port=self.port)
        eventually(self.answers, 10, "no redis")

    def answers(self):
        with contextlib.suppress(Exception):
            return self.redis.ping()
        return False

    def start(self, command):
        with open(self.folder / "log", "ab") as log:
            process = subprocess.Popen(command, env=self.environment, cwd=HERE / "peers", stdout=log, stderr=log)
        self.bench.started.append(process)
        return process

    @contextlib.contextmanager
    def worker(self, rate=None, processes=8):
        """A worker, while the block runs; rate: its limit of dials a second."""
        self.environment["PEER_RATE"] = f"{rate}/s" if rate else ""
        process = self.start(["/usr/bin/python3", "-B", "-m", "celery", "-A", "celery_app", "worker", "-P", "prefork",
                              "-c", str(processes), "-l", "WARNING", "--without-gossip", "--without-mingle",
                              "--without-heartbeat"])
        try:
            yield
        finally:
            process.terminate()
            process.wait()
            self.bench.started.remove(process)

    def waiting(self):
        return self.redis.llen("celery")

    def fill(self, count):
        """So many tasks that do nothing: one that Celery has queued, and copies with ids of their own."""
        self.redis.flushall()
        one = self.app.take.apply_async()
        message = self.redis.lpop("celery")
        for begin in range(0, count, 10_000):
            self.redis.lpush("celery", *(message.replace(one.id.encode(), str(uuid.uuid4()).encode())
                                         for _ in range(begin, min(begin + 10_000, count))))
