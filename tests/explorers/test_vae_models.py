"""Chapter 4's explorers of β and of the latent dimensions: right numbers, on stand-ins for the chapter's
functions.
"""

import numpy as np
import pytest
import torch

from course.explorers import vae
from course.explorers.vae.trade_off import DRAWS, SAMPLES, prior_codes
from course.explorers.vae.trade_off import caption as trade_off_caption
from course.explorers.vae.walk import STRIP
from course.explorers.vae.walk import caption as walk_caption
from course.plots.tiles import SIDE

Z = 4
BETAS = (0.1, 1.0, 8.0, 16.0)
ROWS = [
    {"beta": beta, "kl": kl, "recon_nll": nll, "active": active}
    for beta, kl, nll, active in zip(
        BETAS, (40.0, 25.0, 1.0, 0.5), (70.0, 80.0, 190.0, 191.0), (4, 4, 1, 0), strict=True
    )
]
RNG = torch.Generator().manual_seed(4)
IMAGES = (torch.rand(6, SIDE**2, generator=RNG) < 0.2).float()
ENCODERS = torch.randn(len(BETAS), SIDE**2, 2 * Z, generator=RNG) / 12
DECODERS = torch.randn(len(BETAS), Z, SIDE**2, generator=RNG)
KL = torch.tensor([0.5, 3.0, 0.0, 1.25])
ORDER = (1, 3, 0, 2)


def encode(i, x):
    return (x @ ENCODERS[i]).chunk(2, -1)


def decode(i, z):
    return (z @ DECODERS[i]).sigmoid().view(-1, SIDE, SIDE)


def encode_one(x):
    return encode(1, x)


def decode_one(z):
    return decode(1, z)


TRADE_OFF = vae.trade_off(ROWS, decode, encode, IMAGES)


@pytest.mark.parametrize("i", range(len(BETAS)))
@pytest.mark.parametrize("draw", [1, 3, DRAWS])
def test_samples_come_from_the_drawn_codes_reconstructions_from_mu_and_numbers_from_the_rows(i, draw):
    state, row = TRADE_OFF.state(beta=BETAS[i], draw=draw), ROWS[i]
    codes = prior_codes(torch.zeros(1, Z))
    assert state["samples"].shape == (SAMPLES, SIDE, SIDE)
    assert np.allclose(state["samples"], decode(i, codes[draw - 1]), atol=1e-6)
    assert np.allclose(state["reconstructions"], decode(i, encode(i, IMAGES)[0]), atol=1e-6)
    assert np.array_equal(state["images"], IMAGES.view(-1, SIDE, SIDE).numpy())
    assert (state["rate"], state["distortion"]) == (row["kl"], row["recon_nll"])
    assert state["elbo"] == pytest.approx(-row["kl"] - row["recon_nll"])
    assert (state["active"], state["units"]) == (row["active"], Z)


def test_what_is_said_of_the_trade_off():
    assert trade_off_caption(TRADE_OFF.state(beta=8.0)) == (
        "β = 8: rate 1.0 nats, distortion 190.0 nats\n"
        "ELBO = −(rate + distortion) = −191.0 nats; 1 of 4 latent dimensions active"
    )


def test_the_codes_are_standard_normal_the_same_each_time_and_differ_between_draws():
    codes = prior_codes(torch.zeros(1, 500, dtype=torch.float64))
    assert codes.shape == (DRAWS, SAMPLES, 500) and codes.dtype == torch.float64
    assert torch.equal(codes, prior_codes(torch.ones(7, 500, dtype=torch.float64)))
    assert abs(float(codes.mean())) < 0.02 and abs(float(codes.std()) - 1) < 0.02
    assert len({float(code[0, 0]) for code in codes}) == DRAWS


def test_models_that_coincide_share_a_label_and_grey_lines_have_equal_elbo():
    axes = TRADE_OFF.picture.artists["shown"].axes
    texts, labels = {text.get_text() for text in axes.texts}, {"0.1", "1", "8, 16"}
    totals = [line.get_xydata().sum(1) for line in axes.lines if line.get_color() == "0.72"]
    assert len(totals) >= 4 and all(np.isclose(*total) for total in totals)
    numbers = {float(text.replace("−", "-")) for text in texts - labels}
    assert labels <= texts and numbers <= {-round(float(total[0]), 6) for total in totals}


WALK = vae.walk(encode_one, decode_one, IMAGES, KL)


@pytest.mark.parametrize("image", [1, 6])
@pytest.mark.parametrize("rank", range(1, Z + 1))
@pytest.mark.parametrize("value", [-3.0, 0.0, 1.3])
def test_the_walk_changes_the_chosen_dimension_alone(image, rank, value):
    state = WALK.state(image=image, rank=rank, value=value)
    mu, logvar = encode_one(IMAGES[image - 1 : image])
    dimension = ORDER[rank - 1]
    assert (state["dimension"], state["kl"]) == (dimension, float(KL[dimension]))

    def decoded(number):
        z = mu.clone()
        z[0, dimension] = float(number)
        return decode_one(z)[0].numpy()

    assert np.allclose(state["plain"], decode_one(mu)[0], atol=1e-6)
    assert np.allclose(state["changed"], decoded(value), atol=1e-6)
    assert np.allclose(state["strip"], [decoded(number) for number in STRIP], atol=1e-6)
    assert state["nearest"] == np.abs(STRIP - value).argmin()
    assert np.allclose(state["difference"], decoded(value) - decode_one(mu)[0].numpy(), atol=1e-6)
    assert state["gained"] - state["lost"] == pytest.approx(state["difference"].sum(), abs=1e-9)
    assert state["gained"] + state["lost"] == pytest.approx(np.abs(state["difference"]).sum())
    assert state["mu"] == pytest.approx(float(mu[0, dimension]))
    assert state["sigma"] == pytest.approx(float(logvar[0, dimension].exp().sqrt()))
    assert np.array_equal(state["original"].ravel(), IMAGES[image - 1].numpy())


def test_the_walks_caption_says_which_dimension_it_is():
    state = WALK.state(rank=2, value=-0.04) | {"mu": -0.001, "sigma": 0.5}
    assert walk_caption(state) == (
        "dimension z[:, 3], number 2 of 4 by KL: 1.250 nats (mean over the held-out images)\n"
        "this image: μ = 0.00, σ = 0.50; value set to 0.0"
    )
    assert "μ = −1.00" in walk_caption(state | {"mu": -1.0})


def test_equal_kls_keep_their_order_and_each_dimension_needs_one():
    same = vae.walk(encode_one, decode_one, IMAGES, torch.ones(Z))
    assert [same.state(rank=rank)["dimension"] for rank in (1, 2, 3, 4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="4 latent dimensions"):
        vae.walk(encode_one, decode_one, IMAGES, KL[:3])
