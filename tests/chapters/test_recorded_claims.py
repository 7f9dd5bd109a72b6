"""What the chapters' texts say of their recorded tables: the bars that are met, and who is ahead of whom."""

import itertools

import pytest

from course import data, results
from course.chapters import load_definitions

foundations, gan = load_definitions("00"), load_definitions("05")


def rows(chapter, table, **which):
    """The rows of a table with these arguments or results."""
    found = results.read(chapter, table)
    return [row for row in found if all(row[name] == value for name, value in which.items())]


def column(key, chapter, table, **which):
    """One number of each of these rows, in the order of the table."""
    return [row[key] for row in rows(chapter, table, **which)]


def mean(values):
    return sum(values) / len(values)


# Chapter 0: five splits of the houses, and cures for learning by heart.


def test_the_chosen_net_is_best_in_validation_and_alone_was_tested():
    for row in rows("00", "splits"):
        tested = row["net"] == foundations.CHOSEN
        assert all((name in row) == tested for name in ("test", "interval", "linear"))
    means = {net: mean(column("validation", "00", "splits", net=net)) for net in foundations.NETS}
    assert max(means, key=means.get) == foundations.CHOSEN
    tests = column("test", "00", "splits", net=foundations.CHOSEN)
    assert max(means.values()) - min(means.values()) < (max(tests) - min(tests)) / 4


def test_the_net_beats_least_squares_on_each_split_and_splits_differ():
    chosen = {"chapter": "00", "table": "splits", "net": foundations.CHOSEN}
    tests, linear = column("test", **chosen), column("linear", **chosen)
    assert (round(min(tests), 2), round(max(tests), 2)) == (0.84, 0.89)
    assert all(net > line + 0.01 for net, line in zip(tests, linear, strict=True))
    widths = [high - low for low, high in column("interval", **chosen)]
    assert min(widths) / 2 < max(tests) - min(tests) < max(widths) and max(widths) > 2 * min(widths)


def test_least_squares_of_the_table_is_that_of_these_data():
    houses = data.houses()
    x, y = foundations.house_features(houses), houses.price.log()
    for row in rows("00", "splits", net=foundations.CHOSEN):
        train, _, test = foundations.split(len(y), row["seed"])
        found = foundations.linear_r2(foundations.scaled(x, train), y, train, test)
        assert row["linear"] == pytest.approx(found, abs=1e-6)


def test_what_each_cure_does():
    right = {cure: column("correct", "00", "cures", cure=cure) for cure in foundations.CURES}
    nats = {cure: column("nats", "00", "cures", cure=cure) for cure in foundations.CURES}
    for cure in ("weight decay", "dropout", "early stopping", "ensemble of 5"):
        assert abs(mean(right[cure]) - mean(right["none"])) < max(right["none"]) - min(right["none"])
        assert min(right["augmentation"]) > max(right[cure]) + 25  # four points in a hundred
    for cure in ("weight decay", "early stopping"):
        assert 0.6 < mean(nats[cure]) / mean(nats["none"]) < 0.8 and max(nats[cure]) < min(nats["none"])
    for cure in ("dropout", "ensemble of 5"):
        assert 0.9 < mean(nats[cure]) / mean(nats["none"]) < 1
    all_three = "dropout, augmentation, ensemble"
    assert min(right[all_three]) > max(right["augmentation"])
    assert max(nats[all_three]) < min(nats["augmentation"])


# Chapters 1 to 3.


def test_augmentation_halves_the_errors_and_clothes_are_harder():
    assert mean(column("correct", "01", "seeds", augment=True)) >= 988
    assert mean(column("correct", "01", "seeds", augment=False)) < 980
    assert mean(column("correct", "01", "fashion")) >= 885


def test_the_gated_cells_remember_and_all_beat_counting():
    for cell in ("LSTM", "GRU"):
        assert min(column("right", "02", "recall", cell=cell)) > 0.99
        assert max(column("bits", "02", "language", cell=cell)) <= 1.75
    assert max(column("right", "02", "recall", cell="RNN")) < 0.55
    assert max(column("bits", "02", "language")) < 1.80


def test_the_counts_of_dates_add_up():
    for row in rows("03", "dates"):
        right, count = (sum(part[k] for part in row["by length"]) for k in (1, 2))
        assert count == 2000 and row["exact"] == pytest.approx(right / 2000)
        assert len(row["failures"]) == min(2000 - right, 20)


# Chapter 4.


def test_the_bounds_of_the_digits_beat_the_baseline():
    ours, baseline = rows("04", "digits"), rows("04", "baseline")
    for row in ours + baseline:
        assert row["elbo"] == pytest.approx(-row["recon_nll"] - row["kl"], abs=1e-3)
        assert 2 < row["L_500"] - row["elbo"] < 12 and row["kl"] > 5
    for key, bar in (("elbo", -106), ("L_500", -101)):
        assert min(row[key] for row in ours) > max(bar, *(row[key] for row in baseline))


def test_warm_up_and_distortions_help():
    changes = {row["change"]: row for row in rows("04", "choices")}
    chosen = changes.pop("as chosen")
    assert all(chosen["elbo"] > row["elbo"] + 1 for row in changes.values())
    assert all(chosen[key] > changes["no warm-up"][key] for key in ("active", "kl"))


def test_the_rate_falls_with_its_price():
    for low, high in itertools.pairwise(rows("04", "beta")):
        assert low["kl"] > high["kl"] and low["recon_nll"] < high["recon_nll"]
        assert low["active"] >= high["active"]
        slope = (high["recon_nll"] - low["recon_nll"]) / (low["kl"] - high["kl"])
        assert low["beta"] / 3 < slope < 3 * high["beta"] or high["kl"] < 0.5
    assert max(rows("04", "beta"), key=lambda row: row["elbo"])["beta"] == 1
    assert high["kl"] < 0.5 and high["active"] == 0  # collapsed


def test_more_dimensions_help_up_to_twenty_and_free_bits_undo_the_collapse():
    two, five, ten, twenty, fifty = rows("04", "latents")
    assert two["elbo"] < five["elbo"] < ten["elbo"] < twenty["elbo"]
    assert abs(fifty["elbo"] - twenty["elbo"]) < 3 and fifty["active"] < 50
    none, *free = rows("04", "free_bits")
    assert none["active"] < free[-1]["active"]
    assert all(row["kl"] == pytest.approx(10 * row["nats"], rel=0.15) for row in free)


# Chapter 5.

BEST = "relativistic + R1 + R2"


def test_the_ring_and_the_grid():
    ring, grid = (
        {recipe: column("last modes", "05", target, recipe=recipe) for recipe in gan.RECIPES}
        for target in ("ring", "grid")
    )
    whole = {recipe for recipe, modes in ring.items() if modes == [8] * 5}
    assert len(whole) == 7 and {"minimax", "non-saturating", BEST} < whole
    assert sorted(ring["least squares"]) == [7, 7, 7, 8, 8]
    assert sorted(ring["relativistic"]) == [5, 6, 7, 7, 8]
    assert all(0.86 < quality < 0.94 for quality in column("last quality", "05", "ring", recipe=BEST))
    means = {recipe: round(mean(modes)) for recipe, modes in grid.items()}
    assert (means.pop(BEST), means.pop("non-saturating + R1 + R2")) == (20, 16) and max(means.values()) == 11
    assert (means["relativistic"], means["non-saturating + R1"]) == (10, 11)
    assert (min(grid[BEST]), max(grid[BEST])) == (12, 25) and all(min(modes) < 25 for modes in grid.values())


def test_the_average_replaces_a_falling_rate():
    averaged, last = column("modes", "05", "averaging"), column("last modes", "05", "averaging")
    assert averaged == [8] * 5 and (min(last), max(last)) == (3, 8)
    assert all(row["quality"] > 2 * row["last quality"] for row in rows("05", "averaging"))
    falling = column("last quality", "05", "ring", recipe=BEST)
    assert max(column("quality", "05", "averaging")) < min(falling)


def test_the_replays_are_those_that_the_text_tells():
    runs = {name: gan.frames(file) for name, (file, _) in gan.REPLAYED.items()}
    for shown in runs.values():
        assert [frame["step"] for frame in shown] == list(gan.FRAMES)
        points = shown[-1]["sample"]()
        assert points.shape == shown[-1]["pull"](points).shape == (500, 2)
        assert shown[-1]["logits"](points).shape == (500,)
        assert shown[0]["quality"] < 0.1 and gan.effective_modes(points) > 1
    found = {name: [frame["modes"] for frame in shown] for name, shown in runs.items()}
    assert found["R1 and R2"][-1] == 8 and max(found["fast discriminator"]) < 8


def test_the_digits_and_what_changes_do_to_them():
    for row in rows("05", "digits"):
        assert row["steps"] == (gan.DIGITS | gan.CHANGES[row["change"]])["steps"]
        assert sum(row["shares"]) == pytest.approx(1, abs=1e-5) and len(row["shares"]) == 10
    assert min(min(shares) for shares in column("shares", "05", "digits", change="as chosen")) >= 0.03
    of_seed_0 = {row["change"]: row for row in rows("05", "digits", seed=0)}
    chosen, lost = of_seed_0["as chosen"], of_seed_0["no penalty"]
    assert max(lost["shares"]) == 1 and lost["confident"] == 0
    assert of_seed_0["batches of 128, a quarter of the steps"]["confident"] < 0.5 < chosen["confident"]
    for change in ("momentum 0.5", "relativistic, R1 and R2"):
        for name in ("confident", "precision", "recall"):
            assert of_seed_0[change][name] == pytest.approx(chosen[name], abs=0.1)
