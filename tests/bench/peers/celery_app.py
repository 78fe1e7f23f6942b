"""celery_app.py: what many would build instead of offhook-scheduler: Celery with Redis. Its rate limit is Celery's
own, which is kept by each worker for itself; a task is acknowledged after it ran, so that none is lost with its
worker (and may run twice)."""

import os

import celery
import requests

app = celery.Celery("peer", broker=os.environ["PEER_BROKER"])
app.conf.update(task_ignore_result=True, task_acks_late=True, worker_disable_rate_limits=False)
carrier = requests.Session()
carrier.trust_env = False


@app.task(rate_limit=os.environ.get("PEER_RATE"))
def dial(to):
    """Asks the carrier for a call."""
    carrier.post(os.environ["PEER_CARRIER"], timeout=10, data={
        "To": to, "From": os.environ["PEER_FROM"], "Twiml": "<Response><Hangup/></Response>"},
        auth=(os.environ["PEER_ACCOUNT"], os.environ["PEER_SECRET"])).raise_for_status()


@app.task
def take():
    """What is left of a task when it does nothing."""
