"""The fixtures of the tests of the operator's command."""

import os
import shutil
import tempfile
import time

import psycopg2
import pytest

from support_cli import Cluster, Offhook


@pytest.fixture(scope="session")
def cluster():
    folder = tempfile.mkdtemp(prefix="offhook-cli-", dir="/tmp")
    made = Cluster(folder)
    try:
        made.start()
        yield made
        made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database(cluster, tmp_path_factory):
    """A database with the schema; its URL."""
    url = cluster.create("offhook")
    result = Offhook(tmp_path_factory.mktemp("migrate"), url)("migrate")
    assert result.status == 0, result.err
    return url


@pytest.fixture
def offhook(database, tmp_path):
    return Offhook(tmp_path, database)


@pytest.fixture
def sql(database):
    """Runs a statement and gives its rows, or None when it has none."""
    connection = psycopg2.connect(database)
    connection.autocommit = True
    cursor = connection.cursor()

    def run(statement, *values):
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else None

    yield run
    connection.close()


@pytest.fixture
def workspace(offhook):
    """A new workspace; its id."""
    name = "w-" + os.urandom(6).hex()
    offhook.done("workspace", "create", name)
    return name


@pytest.fixture
def call(sql, workspace):
    """Accepts a call, as a worker does; its id, which grows with time."""

    def accept(phone="+12025550123"):
        number = f"{time.time_ns():026d}"
        rows = sql("SELECT result FROM fn.calls_accept(NULL, '{workspace}', ARRAY[%s], '{false}', NULL,"
                   " NULL, NULL, NULL, ARRAY[%s], ARRAY[%s], ARRAY[%s], '{Book a table.}', '{en}',"
                   " '{other}', NULL, '{any}', '{off}', NULL, NULL, '{false}', '{1}', '{7}', '{10}')",
                   workspace, "call_" + number, "task_" + number, phone)
        assert rows == [("accepted",)]
        return "call_" + number

    return accept
