"""Fixtures of the simulator's tests: one simulator and one customer for each module, clean."""

import pytest

import simkit


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    running = simkit.Sim(tmp_path_factory.mktemp("sim"))
    yield running
    running.stop()


@pytest.fixture
def start_sim(tmp_path):
    """Starts further simulators, with options."""
    started = []

    def start(*options):
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(simkit.Sim(folder, *options))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def hooks():
    customer = simkit.Hooks()
    yield customer
    customer.stop()
