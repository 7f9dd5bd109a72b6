"""Chapter 5's measures, networks and recorded tables."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg

from course import data, results
from course.chapters import load_definitions

chapter = load_definitions("05_gan")
seeds = st.integers(0, 99)
sizes = st.integers(1, 4)


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_mode_counts_from_twenty_good_samples():
    ring = torch.tensor(chapter.RING)
    points = torch.cat(
        [ring[0] + torch.tensor([0.058, 0.0]).expand(20, 2), ring[1].expand(19, 2), torch.zeros(61, 2)]
    )
    assert chapter.score(points, "ring") == {"modes": 1, "quality": pytest.approx(0.39)}
    off = ring[2] + torch.tensor([0.0, 0.062]).expand(100, 2)
    assert chapter.score(off, "ring") == {"modes": 0, "quality": 0.0}
    assert chapter.effective_modes(ring) == pytest.approx(8, rel=1e-5)
    assert chapter.effective_modes(ring[:1].expand(5, 2)) == pytest.approx(1)
    assert len(chapter.GRID) == 25 and ring.norm(dim=1).tolist() == pytest.approx([2] * 8)


def test_samples_are_the_same_for_the_same_seed():
    generator, _ = chapter.pair(hidden=4)
    assert torch.equal(chapter.sample(generator, 10), chapter.sample(generator, 10))
    assert not torch.equal(chapter.sample(generator, 10), chapter.sample(generator, 10, seed=2))


@given(sizes, sizes, sizes, sizes, st.sampled_from([2, 3]))
def test_spread_and_gather_equal_pytorch(b, c, h, w, r):
    x = drawn(b, c * r * r, h, w)
    assert torch.equal(chapter.spread(x, r), F.pixel_shuffle(x, r))
    assert torch.equal(chapter.gather(chapter.spread(x, r), r), x)
    y = drawn(b, c, h * r, w * r)
    assert torch.equal(chapter.gather(y, r), F.pixel_unshuffle(y, r))


def test_the_networks_of_digits():
    generator, judge = chapter.digit_models(0)
    images = chapter.sample(generator, 3)
    assert images.shape == (3, 1, 28, 28) and 0 <= images.min() and images.max() <= 1
    assert judge(images).shape == (3,) and chapter.Classifier()(images).shape == (3, 10)
    torch.testing.assert_close(chapter.distort(images, torch.zeros(3, 6)), images, atol=1e-5, rtol=1e-5)
    one, two = chapter.distort(images[:1].expand(2, -1, -1, -1), drawn(2, 6).float())
    assert not torch.allclose(one, two)


@given(st.integers(5, 9), st.integers(1, 6), seeds)
def test_coverage_by_brute_force(m, n, seed):
    reference, points = drawn(m, 2, seed=seed).numpy(), drawn(n, 2, seed=seed + 1).numpy()
    inside = []
    for point in points:
        balls = []
        for i, centre in enumerate(reference):
            others = sorted(np.linalg.norm(reference[j] - centre) for j in range(m) if j != i)
            balls.append(np.linalg.norm(point - centre) <= others[2])
        inside.append(any(balls))
    found = chapter.coverage(torch.from_numpy(points), torch.from_numpy(reference))
    assert found == pytest.approx(np.mean(inside))


@given(st.integers(1, 4), seeds)
def test_frechet_equals_scipy(d, seed):
    a, b = drawn(30, d, seed=seed), 1.5 * drawn(40, d, seed=seed + 1) + 1
    covariances = [np.atleast_2d(np.cov(x.numpy().T)) for x in (a, b)]
    root = np.real(linalg.sqrtm(covariances[0] @ covariances[1]))
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum().item() + np.trace(sum(covariances) - 2 * root)
    if d > 1:
        assert chapter.frechet(a, b) == pytest.approx(expected, rel=1e-6)
        assert chapter.frechet(a, a) == pytest.approx(0, abs=1e-9)


@given(seeds)
def test_the_great_circle_keeps_the_length(seed):
    start, end = F.normalize(drawn(2, 5, seed=seed), dim=1) * 3
    way = chapter.great_circle(start, end, torch.linspace(0, 1, 9, dtype=torch.float64))
    torch.testing.assert_close(way.norm(dim=1), torch.full((9,), 3.0, dtype=torch.float64))
    torch.testing.assert_close(way[0], start)
    torch.testing.assert_close(way[-1], end)
    steps = (way[1:] - way[:-1]).norm(dim=1)
    torch.testing.assert_close(steps, steps[:1].expand(8))


def test_pulls_are_each_sample_s_own():
    _, discriminator = chapter.pair(hidden=8)
    x = drawn(6, 2).float()
    one = torch.cat([chapter.pull_of(discriminator, row[None]) for row in x])
    torch.testing.assert_close(chapter.pull_of(discriminator, x), one, rtol=1e-4, atol=1e-7)


# Recorded tables.


@pytest.mark.parametrize("target", ["ring", "grid"])
def test_every_recipe_has_five_seeds_and_its_steps(target):
    rows = results.read("05", target)
    for recipe, settings in chapter.RECIPES.items():
        mine = [row for row in rows if row["recipe"] == recipe]
        assert [row["seed"] for row in mine] == list(range(5))
        assert {row["steps"] for row in mine} == {settings["steps"]}


def test_the_bars_of_the_ring_are_met():
    rows = [row for row in results.read("05", "ring") if row["recipe"] == "relativistic + R1 + R2"]
    assert all(row["modes"] == row["last modes"] == 8 for row in rows)
    assert min(row["quality"] for row in rows) > 0.8


def test_what_the_text_says_of_the_tables():
    def mean(target, recipe):
        rows = [row for row in results.read("05", target) if row["recipe"] == recipe]
        return sum(row["last modes"] for row in rows) / len(rows)

    ring = [recipe for recipe in chapter.RECIPES if mean("ring", recipe) == 8]
    assert len(ring) == 7 and {"minimax", "non-saturating"} < set(ring)
    grid = {recipe: round(mean("grid", recipe)) for recipe in chapter.RECIPES}
    assert grid.pop("relativistic + R1 + R2") == 20 and grid.pop("non-saturating + R1 + R2") == 16
    assert max(grid.values()) == 11
    for row in results.read("05", "averaging"):
        assert row["modes"] == 8 and row["quality"] > 2 * row["last quality"]


def test_the_recorded_digits():
    rows = results.read("05", "digits")
    chosen = [row for row in rows if row["change"] == "as chosen"]
    assert len(chosen) == 3 and min(min(row["shares"]) for row in chosen) >= 0.03
    assert results.read("05", "classifier")[0]["accuracy"] > 0.96
    generator = chapter.recorded("digits", chapter.Digits())
    classifier = chapter.recorded("classifier", chapter.Classifier())
    found = chapter.judge(chapter.sample(generator), classifier, data.mnist().x_train[:2500])
    for name in ("confident", "precision", "recall"):
        assert found[name] == pytest.approx(chosen[0][name], abs=0.03)
    assert math.isclose(sum(found["shares"]), 1, rel_tol=1e-5)
