"""Chapter 0's recorded tables: whole, of these data, and as the text tells them."""

import pytest

from course import data, results
from tests.chapters.test_foundations_data import chapter

ROWS = {"splits": results.read("00", "splits"), "cures": results.read("00", "cures")}
BEST = "dropout, augmentation, ensemble"


def of(table, key, **which):
    """One number of each row that fits, in the order of the table."""
    return [row[key] for row in ROWS[table] if all(row[name] == value for name, value in which.items())]


def mean(values):
    return sum(values) / len(values)


def nats(cure):
    return mean(of("cures", "nats", cure=cure))


def correct(cure):
    return of("cures", "correct", cure=cure)


@pytest.mark.parametrize("table", ROWS)
def test_every_row_is_there_once_in_the_order_of_recorded(table):
    _, arguments = chapter.RECORDED[table]
    assert [{name: row[name] for name in arguments[0]} for row in ROWS[table]] == arguments
    for row in ROWS[table]:
        assert len(row["losses"]) == 20 and all(0 < loss < 5 for loss in row["losses"])
    assert len({tuple(row["losses"]) for row in ROWS[table]}) > len(ROWS[table]) // 2  # no row is a copy


def test_the_test_rows_were_looked_at_for_the_chosen_net_alone():
    for row in ROWS["splits"]:
        assert 0 < row["validation"] < 1
        assert all((name in row) == (row["net"] == chapter.CHOSEN) for name in ("test", "interval", "linear"))


def test_the_splits_differ_about_as_much_as_their_intervals_allow():
    tests = of("splits", "test", net=chapter.CHOSEN)
    widths = [high - low for low, high in of("splits", "interval", net=chapter.CHOSEN)]
    assert min(widths) / 2 < max(tests) - min(tests) < max(widths) and max(widths) > 2 * min(widths)


def test_the_chosen_net_is_the_best_on_the_validation_rows():
    means = {net: mean(of("splits", "validation", net=net)) for net in chapter.NETS}
    assert max(means, key=means.get) == chapter.CHOSEN
    tests = of("splits", "test", net=chapter.CHOSEN)
    assert max(means.values()) - min(means.values()) < (max(tests) - min(tests)) / 4


def test_the_net_beats_least_squares_on_each_split():
    tests, linear = (of("splits", name, net=chapter.CHOSEN) for name in ("test", "linear"))
    assert len(tests) == 5 and mean(tests) >= 0.84
    assert (round(min(tests), 2), round(max(tests), 2)) == (0.84, 0.89)
    assert all(net > line + 0.01 for net, line in zip(tests, linear, strict=True))


def test_least_squares_of_the_table_is_that_of_these_data():
    houses = data.houses()
    x, y = chapter.house_features(houses), houses.price.log()
    for seed in range(5):
        train, _, test = chapter.split(len(y), seed)
        found = chapter.linear_r2(chapter.scaled(x, train), y, train, test)
        assert of("splits", "linear", net=chapter.CHOSEN, seed=seed) == pytest.approx([found], abs=1e-6)


def test_each_cure_is_judged_on_600_digits():
    for row in ROWS["cures"]:
        assert isinstance(row["correct"], int) and 480 < row["correct"] < 600 and 0 < row["nats"] < 1


def test_augmentation_alone_raises_the_accuracy():
    none, moved = correct("none"), correct("augmentation")
    assert min(moved) > max(none) + 30  # five points in a hundred
    for cure in ("weight decay", "dropout", "early stopping", "ensemble of 5"):
        assert abs(mean(correct(cure)) - mean(none)) < max(none) - min(none)
        assert min(moved) > max(correct(cure)) + 25


def test_weight_decay_and_early_stopping_cut_the_surprise():
    for cure in ("weight decay", "early stopping"):
        assert 0.6 < nats(cure) / nats("none") < 0.8
        assert max(of("cures", "nats", cure=cure)) < min(of("cures", "nats", cure="none"))
    for cure in ("dropout", "ensemble of 5"):
        assert 0.9 < nats(cure) / nats("none") < 1


def test_the_cures_add_up():
    assert min(correct(BEST)) > max(correct("augmentation"))
    assert max(of("cures", "nats", cure=BEST)) < min(of("cures", "nats", cure="augmentation"))
