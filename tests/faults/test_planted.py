"""A few of the planted bugs, of those that are in the database's functions alone and need no build: the checker finds
them. ./dev planted plants them all."""

import pytest

import planting

FEW = ("alive-again", "cancelled-and-dialed", "twins-in-a-batch")


@pytest.fixture(scope="module")
def ground():
    with planting.field() as stack:
        yield stack


@pytest.mark.parametrize("name", FEW)
def test_a_planted_bug_is_found(name, ground):
    bug = planting.Bug(planting.PATCHES / f"{name}.patch")
    found, troubles = planting.run(ground, bug.story, planting.plant_statements(bug, ground.folder))
    assert any(v.startswith(bug.found) for v in found), (found, troubles)
