"""Chapter 5's recorded tables and models: the bars they meet, and what the text says of them."""

import pytest
import torch

from course import data, results
from tests.chapters.test_gan import chapter

BEST = "relativistic + R1 + R2"


def rows_of(table, recipe):
    return [row for row in results.read("05", table) if row["recipe"] == recipe]


def modes(table, recipe):
    return [row["last modes"] for row in rows_of(table, recipe)]


@pytest.mark.parametrize("target", ["ring", "grid"])
@pytest.mark.parametrize("recipe", list(chapter.RECIPES))
def test_every_recipe_has_five_seeds_and_its_steps(target, recipe):
    mine = rows_of(target, recipe)
    assert [row["seed"] for row in mine] == list(range(5))
    assert {row["steps"] for row in mine} == {chapter.RECIPES[recipe]["steps"]}
    assert {row["target"] for row in mine} == {target}
    for row in mine:
        for name in ("", "last "):
            good = 2500 * row[f"{name}quality"]  # a mode takes 20 good samples
            assert 20 * row[f"{name}modes"] <= good + 1e-3 <= 2500 + 1e-3
            assert 0 <= row[f"{name}modes"] <= len(chapter.TARGETS[target][0])


def test_the_bars_of_the_ring_are_met():
    for row in rows_of("ring", BEST):
        assert row["modes"] == row["last modes"] == 8
        assert min(row["quality"], row["last quality"]) >= 0.6
    assert all(0.86 < row["last quality"] < 0.94 for row in rows_of("ring", BEST))


def test_the_rates_were_chosen_by_the_recorded_trial():
    for recipe, settings in chapter.RECIPES.items():
        mine = rows_of("rates", recipe)
        assert [row["lr"] for row in mine] == list(chapter.RATES)
        assert {row["steps"] for row in mine} == {settings["steps"] // 2}
        best = max(mine, key=lambda row: (row["last modes"], row["last quality"]))
        assert best["lr"] == settings["lr"]


def test_what_the_text_says_of_the_ring():
    whole = {recipe for recipe in chapter.RECIPES if modes("ring", recipe) == [8] * 5}
    assert len(whole) == 7 and {"minimax", "non-saturating"} < whole
    assert sorted(modes("ring", "least squares")) == [7, 7, 7, 8, 8]
    assert sorted(modes("ring", "relativistic")) == [5, 6, 7, 7, 8]


def test_what_the_text_says_of_the_grid():
    means = {recipe: round(sum(modes("grid", recipe)) / 5) for recipe in chapter.RECIPES}
    assert (means.pop(BEST), means.pop("non-saturating + R1 + R2")) == (20, 16)
    assert max(means.values()) == 11
    assert (means["relativistic"], means["non-saturating + R1"]) == (10, 11)
    assert (min(modes("grid", BEST)), max(modes("grid", BEST))) == (12, 25)
    assert all(min(modes("grid", recipe)) < 25 for recipe in chapter.RECIPES)


def test_the_average_replaces_a_falling_rate():
    rows = results.read("05", "averaging")
    assert [row["seed"] for row in rows] == list(range(5))
    assert all(row["modes"] == 8 and row["quality"] > 2 * row["last quality"] for row in rows)
    last = [row["last modes"] for row in rows]
    assert min(last) == 3 and max(last) == 8
    falling = min(row["last quality"] for row in rows_of("ring", BEST))
    assert max(row["quality"] for row in rows) < falling


def test_the_replays_are_those_that_the_text_tells():
    runs = {name: chapter.frames(file) for name, (file, _) in chapter.REPLAYED.items()}
    for shown in runs.values():
        assert [frame["step"] for frame in shown] == list(chapter.FRAMES)
        points = shown[-1]["sample"]()
        assert points.shape == shown[-1]["pull"](points).shape == (500, 2)
        assert shown[-1]["logits"](points).shape == (500,)
        assert shown[0]["quality"] < 0.1 and chapter.effective_modes(points) > 1
    found = {name: [frame["modes"] for frame in shown] for name, shown in runs.items()}
    assert found["R1 and R2"][-1] == 8 and max(found["fast discriminator"]) < 8


def test_the_bars_of_the_digits_are_met():
    rows = results.read("05", "digits")
    chosen = [row for row in rows if row["change"] == "as chosen"]
    assert [row["seed"] for row in chosen] == [0, 1, 2]
    for row in rows:
        settings = chapter.DIGITS | chapter.CHANGES[row["change"]]
        assert row["steps"] == settings["steps"]
        assert sum(row["shares"]) == pytest.approx(1, abs=1e-5) and len(row["shares"]) == 10
    assert min(min(row["shares"]) for row in chosen) >= 0.03
    assert results.read("05", "classifier")[0]["accuracy"] >= 0.96


def test_what_the_text_says_of_the_digits():
    rows = {row["change"]: row for row in reversed(results.read("05", "digits"))}  # seed 0 of "as chosen"
    assert rows.keys() == chapter.CHANGES.keys()
    chosen, lost = rows["as chosen"], rows["no penalty"]
    assert max(lost["shares"]) == 1 and lost["confident"] == 0
    assert rows["batches of 128, a quarter of the steps"]["confident"] < 0.5 < chosen["confident"]
    for change in ("momentum 0.5", "relativistic, R1 and R2"):
        for name in ("confident", "precision", "recall"):
            assert rows[change][name] == pytest.approx(chosen[name], abs=0.1)


def test_the_recorded_models_are_those_of_their_rows():
    digits, row = data.mnist(), results.read("05", "digits")[0]
    generator = chapter.recorded("digits", chapter.Digits())
    classifier = chapter.recorded("classifier", chapter.Classifier())
    with torch.no_grad():
        right = (classifier(digits.x_test).argmax(1) == digits.y_test).double().mean().item()
    assert right == pytest.approx(results.read("05", "classifier")[0]["accuracy"], abs=0.003)
    found = chapter.judge(chapter.sample(generator), classifier, digits.x_train[:2500])
    assert found["shares"] == pytest.approx(row["shares"], abs=0.01)
    assert found["Fréchet"] == pytest.approx(row["Fréchet"], rel=0.05)
    for name in ("confident", "precision", "recall"):
        assert found[name] == pytest.approx(row[name], abs=0.03)
