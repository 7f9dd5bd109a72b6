"""Chapter 4's recorded tables and models: the bars they meet, and what the text says of them."""

import itertools

import pytest
import torch

from course import data, results
from course.chapters import load_definitions

chapter = load_definitions("04_vae")


def remake(name, model):
    """The model with its recorded weights, and the held-out images."""
    model.load_state_dict(results.load_weights("04", name))
    return model, chapter.held_out(data.mnist().x_test.flatten(1))


def test_the_recorded_bars_are_met():
    rows = results.read("04", "digits")
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert min(row["elbo"] for row in rows) > -106 and min(row["L_500"] for row in rows) > -101
    for row in rows + results.read("04", "baseline"):
        assert row["elbo"] == pytest.approx(-row["recon_nll"] - row["kl"], abs=1e-3)
        assert 2 < row["L_500"] - row["elbo"] < 12 and row["kl"] > 5
    for row in results.read("04", "baseline"):
        for key in ("elbo", "L_500"):
            assert row[key] < min(ours[key] for ours in rows)


def test_the_recorded_model_makes_its_recorded_elbo():
    model, x = remake("digits", chapter.VAE())
    found, row = chapter.judge(model, x), results.read("04", "digits")[0]
    for key in ("elbo", "recon_nll", "kl"):
        assert found[key] == pytest.approx(row[key], abs=0.1)  # weights rounded to half precision
    assert found["active"] == row["active"]
    bounds = chapter.iw_bound(chapter.sampled_log_weights(model, x[:50], 100))
    recon_nll, kl = chapter.terms(model, x[:50])
    assert 2 < (bounds + recon_nll + kl.sum(1)).mean() < 10


def test_the_rate_falls_with_its_price():
    rows = results.read("04", "beta")
    assert [row["beta"] for row in rows] == sorted(chapter.BETAS)
    for low, high in itertools.pairwise(rows):
        assert low["kl"] > high["kl"] and low["recon_nll"] < high["recon_nll"]
        assert low["active"] >= high["active"]
        slope = (high["recon_nll"] - low["recon_nll"]) / (low["kl"] - high["kl"])
        assert low["beta"] / 3 < slope < 3 * high["beta"] or high["kl"] < 0.5
    assert max(rows, key=lambda row: row["elbo"])["beta"] == 1
    assert rows[-1]["kl"] < 0.5 and rows[-1]["active"] == 0  # collapsed


def test_more_dimensions_help_up_to_twenty():
    two, five, ten, twenty, fifty = results.read("04", "latents")
    assert two["elbo"] < five["elbo"] < ten["elbo"] < twenty["elbo"]
    assert abs(fifty["elbo"] - twenty["elbo"]) < 3 and fifty["active"] < 50


def test_free_bits_undo_the_collapse():
    rows = results.read("04", "free_bits")
    assert [row["nats"] for row in rows] == sorted(chapter.ALLOWANCES)
    assert rows[0]["kl"] < rows[-1]["kl"] and rows[0]["active"] < rows[-1]["active"]
    for row in rows[1:]:
        assert row["kl"] == pytest.approx(10 * row["nats"], rel=0.15)


def test_the_recorded_models_are_those_of_their_rows():
    [row] = results.read("04", "plane")
    rows = {"plane": (row, chapter.VAE(2, hidden=128))} | {
        f"beta_{i}": (row, chapter.VAE(chapter.SMALL["latents"], chapter.SMALL["hidden"]))
        for i, row in enumerate(results.read("04", "beta"))
    }
    for name, (row, model) in rows.items():
        assert chapter.judge(*remake(name, model))["elbo"] == pytest.approx(row["elbo"], abs=0.1)


def test_the_recorded_autoencoder_reconstructs():
    model, x = remake("autoencoder", chapter.AutoEncoder())
    with torch.no_grad():
        error = -chapter.bernoulli_log_likelihood(x, model(x)).mean().item()
    assert error < results.read("04", "digits")[0]["recon_nll"] - 10


def test_warm_up_and_distortions_help():
    rows = {row["change"]: row for row in results.read("04", "choices")}
    assert rows.keys() == chapter.CHANGES.keys()
    chosen = rows.pop("as chosen")
    assert all(chosen["elbo"] > row["elbo"] + 1 for row in rows.values())
    assert chosen["active"] > rows["no warm-up"]["active"] and chosen["kl"] > rows["no warm-up"]["kl"]
