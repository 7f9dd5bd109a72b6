"""Chapter 4's explorers of β and of the latent dimensions: right numbers, on stand-ins for the chapter's
functions.
"""

import numpy as np
import pytest
import torch

from course.explorers import vae
from course.explorers.vae.trade_off import COLUMNS, DRAWS, prior_codes
from course.explorers.vae.trade_off import caption as trade_off_caption
from course.explorers.vae.walk import MOST, REACH
from course.explorers.vae.walk import caption as walk_caption
from course.plots.tiles import SIDE

Z = 4
BETAS = (0.1, 1.0, 8.0, 16.0)
ROWS = [
    {"beta": beta, "kl": kl, "recon_nll": nll}
    for beta, kl, nll in zip(BETAS, (40.0, 25.0, 1.0, 0.5), (70.0, 80.0, 190.0, 191.0), strict=True)
]
RNG = torch.Generator().manual_seed(4)
IMAGES = (torch.rand(COLUMNS, SIDE**2, generator=RNG) < 0.2).float()
ENCODERS = torch.randn(len(BETAS), SIDE**2, 2 * Z, generator=RNG) / 12
DECODERS = torch.randn(len(BETAS), Z, SIDE**2, generator=RNG)
KL = torch.tensor([0.5, 3.0, 0.0, 1.25])  # the third costs nothing
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
    assert state["samples"].shape == (COLUMNS, SIDE, SIDE)
    assert np.allclose(state["samples"], decode(i, codes[draw - 1]), atol=1e-6)
    assert np.allclose(state["reconstructions"], decode(i, encode(i, IMAGES)[0]), atol=1e-6)
    assert np.array_equal(state["images"], IMAGES.view(-1, SIDE, SIDE).numpy())
    assert (state["rate"], state["distortion"]) == (row["kl"], row["recon_nll"])
    assert state["elbo"] == pytest.approx(-row["kl"] - row["recon_nll"])
    assert (state["best"], state["below"]) == (1.0, pytest.approx(-105 - state["elbo"]))


def test_the_title_of_the_trade_off_says_which_side_of_the_best_a_model_is_on():
    captions = [trade_off_caption(TRADE_OFF.state(beta=beta)) for beta in BETAS]
    assert captions == [
        "β = 0.1 reconstructs best, but samples poorly: 5.0 nats below the best ELBO",
        "β = 1 has the best ELBO: −105.0 nats",
        "β = 8 saves rate, but reconstructs roughly: 86.0 nats below the best ELBO",
        "β = 16 saves rate, but reconstructs roughly: 86.5 nats below the best ELBO",
    ]
    assert "the code is empty" in trade_off_caption(TRADE_OFF.state(beta=16.0) | {"rate": 0.01})


def test_the_trade_off_begins_where_reading_and_sampling_differ_most():
    assert TRADE_OFF.controls["beta"].value == BETAS[0]


def test_the_nearest_model_is_chosen_at_the_curve():
    touch = TRADE_OFF.touch["curve"]
    for row in ROWS[:3]:
        assert touch({}, row["kl"] + 0.2, row["recon_nll"] - 0.3) == {"beta": row["beta"]}
    assert touch({}, 100.0, 0.0) == {"beta": 0.1}  # beyond the panel


def test_the_codes_are_standard_normal_the_same_each_time_and_differ_between_draws():
    codes = prior_codes(torch.zeros(1, 500, dtype=torch.float64))
    assert codes.shape == (DRAWS, COLUMNS, 500) and codes.dtype == torch.float64
    assert torch.equal(codes, prior_codes(torch.ones(7, 500, dtype=torch.float64)))
    assert abs(float(codes.mean())) < 0.03 and abs(float(codes.std()) - 1) < 0.03
    assert len({float(code[0, 0]) for code in codes}) == DRAWS


def test_models_that_coincide_share_a_label_and_the_line_has_the_slope_of_beta():
    axes = TRADE_OFF.picture.artists["shown"].axes
    assert {"0.1", "1", "8, 16"} <= {text.get_text() for text in axes.texts}
    explorer = vae.trade_off(ROWS, decode, encode, IMAGES)
    for row in ROWS:
        explorer.set(beta=row["beta"])
        assert explorer.png()
        (left, right), (high, low) = explorer.picture.artists["slope"].get_data()
        assert (high - low) / (right - left) == pytest.approx(row["beta"])
        assert high - row["recon_nll"] == pytest.approx(row["beta"] * (row["kl"] - left))


WALK = vae.walk(encode_one, decode_one, IMAGES, KL)


@pytest.mark.parametrize("image", [1, COLUMNS])
@pytest.mark.parametrize("value", [-3.0, 0.0, 1.3])
def test_each_image_of_the_walk_has_one_dimension_changed_the_most_expensive_first(image, value):
    state = WALK.state(image=image, value=value)
    mu, _ = encode_one(IMAGES[image - 1 : image])
    assert np.allclose(state["plain"], decode_one(mu)[0], atol=1e-6)
    assert np.array_equal(state["kl"], KL[list(ORDER)].double())
    for i, dimension in enumerate(ORDER):
        z = mu.clone()
        z[0, dimension] = value
        assert np.allclose(state["changed"][i], decode_one(z)[0], atol=1e-6)
        change = (decode_one(z) - decode_one(mu)).abs().sum()
        assert state["change"][i] == pytest.approx(float(change), abs=1e-3)
        assert state["own"][i] == pytest.approx(float(mu[0, dimension]))


def test_the_walk_is_dragged_across_any_image_and_played_to_its_end():
    explorer = vae.walk(encode_one, decode_one, IMAGES, KL)
    assert explorer.touch["walk"]({}, 0.2, 0.3) == {}  # the plain reconstruction has no value
    for column in (0, 3):
        dragged = [explorer.touch["walk"]({}, column + REACH * share, 1.0)["value"] for share in (-1, 0, 1)]
        assert dragged == pytest.approx([-3, 0, 3])
    explorer.box()
    assert explorer.controls["value"].value == -3  # so that the first play shows the whole range
    assert explorer.advance(start=True) and explorer.controls["value"].value == -2.9
    while explorer.advance():
        pass
    assert explorer.controls["value"].value == 3
    assert explorer.advance(start=True) and explorer.controls["value"].value == -3


def test_the_title_of_the_walk_compares_dimensions_with_a_price_and_without():
    state = WALK.state(value=-0.04) | {"change": np.array([20.0, 12.4, 31.0, 0.26])}
    assert walk_caption(state) == (
        "Set to 0.0, dimensions with a price change the image by 12 to 31, free ones by 0.3 at most"
    )
    assert "Set to −1.0" in walk_caption(state | {"value": -1.0})
    without = {"kl": state["kl"][:3], "change": state["change"][:3]}
    assert walk_caption(state | without) == "Set to 0.0, dimensions with a price change the image by 12 to 31"


def test_equal_kls_keep_their_order_at_most_twenty_are_shown_and_each_dimension_needs_one():
    rising = torch.arange(Z) * 0.0 + 1
    state = vae.walk(encode_one, decode_one, IMAGES, rising).state()
    assert np.allclose(state["own"], encode_one(IMAGES[:1])[0][0])
    wide = torch.randn(25, SIDE**2, generator=RNG)
    many = vae.walk(
        lambda x: (x @ wide.T, x @ wide.T),
        lambda z: (z @ wide).sigmoid().view(-1, SIDE, SIDE),
        IMAGES,
        torch.ones(25),
    )
    assert len(many.state()["changed"]) == MOST == 20 and many.png()
    with pytest.raises(ValueError, match="4 latent dimensions"):
        vae.walk(encode_one, decode_one, IMAGES, KL[:3])
