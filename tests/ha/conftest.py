"""One cluster for all tests of this folder; each leaves it whole."""

import pathlib
import re
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "faults")]

import world as world_module  # noqa: E402
from cluster import Cluster  # noqa: E402
from stack import CPS  # noqa: E402


@pytest.fixture(scope="session")
def whole_cluster():
    made = Cluster(**{"queue.cps": CPS})
    try:
        yield made.up()
    finally:
        made.down()


@pytest.fixture
def cluster(whole_cluster):
    whole_cluster.repair()
    yield whole_cluster
    whole_cluster.repair()


@pytest.fixture
def world(cluster, request):
    name = re.sub("[^a-z0-9]+", "-", request.node.name).strip("-")
    return world_module.World(cluster, name[:60])
