"""Fixtures of the fault tests: one stack for all, one customer a test."""

import os

import pytest

from stack import Stack
from world import World

LARGE = os.environ.get("FAULTS_LARGE") == "1"


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("slow") and not LARGE:
            item.add_marker(pytest.mark.skip(reason="only with FAULTS_LARGE=1"))


@pytest.fixture(scope="session")
def running_stack():
    with Stack() as stack:
        yield stack


@pytest.fixture
def stack(running_stack):
    """The stack, whole."""
    running_stack.up()
    return running_stack


@pytest.fixture
def world(stack, request):
    """A customer of the test's own."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:50]
    return World(stack, f"{name}-{os.urandom(3).hex()}")
