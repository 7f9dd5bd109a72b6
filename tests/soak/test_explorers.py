"""Hundreds of random settings of each explorer: a picture depends on them alone, and memory does not grow."""

import gc
import random

import matplotlib
import psutil
import pytest

from course import plots
from tests.helpers.explorers import NAMES, change, fuzz, make, same_afresh, same_again

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("one_thread")]

GROWTH = 30e6  # bytes over 200 changes


@pytest.fixture(autouse=True)
def style():
    with matplotlib.rc_context():
        plots.set_style()
        yield


@pytest.mark.parametrize("name", NAMES)
def test_hundreds_of_random_settings(name):
    rng, explorer = random.Random(1), make(name)
    seen = fuzz(explorer, 400, rng)
    assert len(seen) >= 100
    for wanted, picture in rng.sample(seen, 20):
        same_again(explorer, wanted, picture, rng)
    for wanted, picture in rng.sample(seen, 8):
        same_afresh(name, wanted, picture)


@pytest.mark.parametrize("name", NAMES)
def test_memory_does_not_grow(name):
    rng, explorer = random.Random(2), make(name)
    fuzz(explorer, 100, rng)
    gc.collect()
    before = psutil.Process().memory_info().rss
    for _ in range(200):
        change(explorer, rng)
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    assert grown < GROWTH, f"{name} holds {grown / 1e6:.0f} MB more"
