"""Chapter 4's explorers of β and of the latent dimensions: right numbers, on stand-ins for the chapter's
functions.
"""

import numpy as np
import pytest
import torch
from course.explorers.vae.trade_off_picture import COLUMNS
from course.explorers.vae.trade_off_picture import caption as trade_off_caption
from course.explorers.vae.walk_picture import EDGE
from course.explorers.vae.walk_picture import caption as walk_caption
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from course.explorers import vae
from course.explorers.vae.trade_off import DRAWS, SAMPLES, compute_trade_off, prior_codes
from course.explorers.vae.walk import LIMIT, STRIP, compute_walk
from course.plots.tiles import SIDE, Tiles

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


EXPLORERS = {
    "trade-off": lambda: vae.trade_off(ROWS, decode, encode, IMAGES),
    "latent walk": lambda: vae.walk(encode_one, decode_one, IMAGES, KL),
}
CODES = prior_codes(torch.zeros(1, Z))


def trade_off_of(beta=1.0, draw=1):
    return compute_trade_off(ROWS, decode, encode, IMAGES, CODES, beta=beta, draw=draw)


def walk_of(kl=KL, **choice):
    plain = dict(image=1, rank=1, value=2.0)
    return compute_walk(decode_one, IMAGES, *encode_one(IMAGES), kl.double().numpy(), **plain | choice)


@pytest.mark.parametrize("i", range(len(BETAS)))
@pytest.mark.parametrize("draw", [1, 3, DRAWS])
def test_samples_come_from_the_drawn_codes_and_reconstructions_from_mu(i, draw):
    state = trade_off_of(BETAS[i], draw)
    assert state["samples"].shape == (SAMPLES, SIDE, SIDE)
    assert np.allclose(state["samples"], decode(i, CODES[draw - 1]), atol=1e-6)
    assert np.allclose(state["reconstructions"], decode(i, encode(i, IMAGES)[0]), atol=1e-6)
    assert np.array_equal(state["images"], IMAGES.view(-1, SIDE, SIDE).numpy())


def test_the_numbers_are_the_rows_and_the_elbo_is_minus_rate_minus_distortion():
    for row in ROWS:
        state = trade_off_of(row["beta"])
        assert (state["rate"], state["distortion"], state["active"]) == tuple(
            row[key] for key in ("kl", "recon_nll", "active")
        )
        assert state["elbo"] == pytest.approx(-row["kl"] - row["recon_nll"]) and state["units"] == Z
    assert trade_off_caption(trade_off_of(8.0)) == (
        "β = 8: rate 1.0 nats, distortion 190.0 nats\n"
        "ELBO = −(rate + distortion) = −191.0 nats; 1 of 4 latent dimensions active"
    )


def test_the_codes_are_standard_normal_the_same_each_time_and_differ_between_draws():
    assert CODES.shape == (DRAWS, SAMPLES, Z) and torch.equal(CODES, prior_codes(torch.ones(7, Z)))
    assert prior_codes(torch.zeros(1, Z, dtype=torch.float64)).dtype == torch.float64
    wide = prior_codes(torch.zeros(1, 500))
    assert abs(float(wide.mean())) < 0.02 and abs(float(wide.std()) - 1) < 0.02
    assert len({float(codes[0, 0]) for codes in CODES}) == DRAWS


def test_models_must_be_two_or_more_in_order_of_beta():
    for rows in ([], ROWS[:1], ROWS[::-1], [ROWS[0], ROWS[0]]):
        with pytest.raises(ValueError, match="in order of β"):
            vae.trade_off(rows, decode, encode, IMAGES)


def test_the_nearest_beta_is_what_the_trade_off_begins_with():
    def begun(beta):
        return vae.trade_off(ROWS, decode, encode, IMAGES, beta).controls["beta"].value

    assert [begun(beta) for beta in (0.0, 1.0, 2.0, 100.0)] == [0.1, 1.0, 1.0, 16.0]


def test_the_marked_model_lies_on_the_curve_and_the_dashed_line_has_slope_minus_beta():
    explorer = EXPLORERS["trade-off"]()
    artists = explorer.picture.artists
    for row in ROWS:
        explorer.set(beta=row["beta"])
        assert np.allclose(artists["shown"].get_xydata(), [[row["kl"], row["recon_nll"]]])
        (x0, y0), (x1, y1) = artists["slope"].get_xydata()
        assert (y1 - y0) / (x1 - x0) == pytest.approx(-row["beta"])
        assert np.interp(row["kl"], [x0, x1], [y0, y1]) == pytest.approx(row["recon_nll"])
        assert np.allclose(artists["samples"].get_data(), explorer.state()["samples"])
        pairs = artists["pairs"].get_data()
        assert len(pairs) == 2 * COLUMNS and np.allclose(pairs[COLUMNS:], explorer.state()["reconstructions"])


def test_every_model_lies_within_the_panel_and_those_that_coincide_share_a_label():
    same = [row | {"kl": 0.0, "recon_nll": 200.0} for row in ROWS]
    for rows, labels in ((ROWS, {"0.1", "1", "8, 16"}), (same, {"0.1, 1, 8, 16"})):
        axes = vae.trade_off(rows, decode, encode, IMAGES).picture.artists["shown"].axes
        texts = {text.get_text() for text in axes.texts}
        assert labels <= texts and all(text.startswith("−") for text in texts - labels)
        for row in rows:
            assert axes.get_xlim()[0] < row["kl"] < axes.get_xlim()[1]
            assert axes.get_ylim()[0] < row["recon_nll"] < axes.get_ylim()[1]


def test_the_grey_lines_are_lines_of_equal_elbo():
    axes = EXPLORERS["trade-off"]().picture.artists["shown"].axes
    lines = [line for line in axes.lines if line.get_color() == "0.72"]
    totals = [line.get_xydata().sum(1) for line in lines]
    assert len(lines) >= 4 and all(np.isclose(*total) for total in totals)
    numbers = {float(text.get_text().replace("−", "-")) for text in axes.texts if "−" in text.get_text()}
    assert numbers and numbers <= {-round(float(total[0]), 6) for total in totals}


@pytest.mark.parametrize("image", [1, 4, 6])
@pytest.mark.parametrize("rank", range(1, Z + 1))
@pytest.mark.parametrize("value", [-3.0, 0.0, 1.3, 3.0])
def test_the_walk_changes_the_chosen_dimension_alone(image, rank, value):
    state = walk_of(image=image, rank=rank, value=value)
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
    assert np.allclose(state["difference"], decoded(value) - decode_one(mu)[0].numpy(), atol=1e-6)
    assert state["mu"] == pytest.approx(float(mu[0, dimension]))
    assert state["sigma"] == pytest.approx(float(logvar[0, dimension].exp().sqrt()))
    assert np.array_equal(state["original"].ravel(), IMAGES[image - 1].numpy())


def test_ink_gained_and_lost_are_the_parts_of_the_difference():
    state = walk_of(value=-2.5)
    assert state["gained"] > 0 and state["lost"] > 0
    assert state["gained"] - state["lost"] == pytest.approx(state["difference"].sum())
    assert state["gained"] + state["lost"] == pytest.approx(np.abs(state["difference"]).sum())
    unchanged = walk_of(value=float(encode_one(IMAGES)[0][0, ORDER[0]]))
    assert unchanged["gained"] + unchanged["lost"] == pytest.approx(0, abs=1e-3)


def test_the_strip_runs_from_end_to_end_and_the_nearest_value_is_marked():
    assert len(STRIP) == 9 and (STRIP[0], STRIP[-1]) == (-LIMIT, LIMIT)
    for value, nearest in ((-3.0, 0), (-2.7, 0), (-2.6, 1), (0.3, 4), (0.4, 5), (3.0, 8)):
        assert walk_of(value=value)["nearest"] == nearest


def test_equal_kls_keep_the_order_of_the_dimensions():
    assert [walk_of(kl=torch.ones(Z), rank=rank)["dimension"] for rank in (1, 2, 3, 4)] == [0, 1, 2, 3]


def test_the_walks_caption_says_which_dimension_it_is():
    state = walk_of(rank=2, value=-0.04) | {"mu": -0.001, "sigma": 0.5}
    assert walk_caption(state) == (
        "dimension z[:, 3], number 2 of 4 by KL: 1.250 nats (mean over the held-out images)\n"
        "this image: μ = 0.00, σ = 0.50; value set to 0.0"
    )
    assert "μ = −1.00" in walk_caption(state | {"mu": -1.0})


def test_marks_stand_at_the_value_at_mu_and_on_the_chosen_bar():
    explorer = EXPLORERS["latent walk"]()
    explorer.set(image=2, rank=2, value=-1.4)
    artists, state = explorer.picture.artists, explorer.state()
    assert artists["value"].get_xdata()[0] == pytest.approx(-1.4)
    assert artists["frame"].get_xdata()[0] == STRIP[2] == -1.5
    assert artists["mu"].get_xdata()[0] == pytest.approx(state["mu"])
    assert np.allclose(artists["spread"].get_xdata(), state["mu"] + state["sigma"] * np.array([-1, 1]))
    bar = artists["chosen"]
    assert (bar.get_height(), bar.get_x() + bar.get_width() / 2) == (1.25, pytest.approx(2))
    assert artists["mark"].get_xdata()[0] == 2
    assert np.array_equal(artists["difference"].get_data()[0], state["difference"])


@pytest.mark.parametrize(("mu", "marker"), [(-9.0, "<"), (0.3, "D"), (9.0, ">")])
def test_a_mu_beyond_the_strip_is_an_arrow_at_its_end(mu, marker):
    explorer = vae.walk(
        lambda x: (torch.full((len(x), Z), mu), torch.zeros(len(x), Z)), decode_one, IMAGES, KL
    )
    explorer.png()
    mark = explorer.picture.artists["mu"]
    assert mark.get_marker() == marker and abs(mark.get_xdata()[0]) < EDGE


def test_a_single_image_or_dimension_has_no_control():
    few = vae.walk(encode_one, decode_one, IMAGES[:1], KL)
    assert list(few.controls) == ["rank", "value"] and few.png()
    one = vae.walk(
        lambda x: tuple(part[:, :1] for part in encode_one(x)),
        lambda z: decode_one(z.expand(-1, Z)),
        IMAGES,
        KL[:1],
    )
    assert list(one.controls) == ["image", "value"] and one.png()


def test_kl_must_fit_the_latent_dimensions_and_may_be_a_list():
    with pytest.raises(ValueError, match="4 latent dimensions"):
        vae.walk(encode_one, decode_one, IMAGES, KL[:3])
    assert vae.walk(encode_one, decode_one, IMAGES, KL.tolist()).state()["dimension"] == ORDER[0]


def test_models_in_training_with_gradients_are_read_without_them():
    weight = DECODERS[1].clone().requires_grad_()
    explorer = vae.walk(
        encode_one, lambda z: (z @ weight).sigmoid().view(-1, SIDE, SIDE), IMAGES, KL.clone().requires_grad_()
    )
    assert explorer.png() and weight.grad is None


def test_tiles_are_the_images_enlarged_upright_and_in_their_places():
    figure = Figure(figsize=(2, 1), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 200), ylim=(100, 0))
    axes.set_axis_off()
    tiles = axes.add_artist(Tiles([(42, 42), (142, 50)]))
    images = np.random.default_rng(0).random((2, SIDE, SIDE))
    tiles.set_data(images)
    canvas.draw()
    seen = np.asarray(canvas.buffer_rgba())[..., 0] / 255
    for image, left, top in zip(images, (0, 100), (0, 8), strict=True):
        large = image.repeat(3, 0).repeat(3, 1)
        assert np.abs(seen[top : top + 84, left : left + 84] - large).max() < 0.008  # two of 255 shades
    assert (seen[:, 84:100] == 1).all()
