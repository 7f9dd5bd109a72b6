"""Chapter 4's explorers of the bound and of the latent plane: right numbers, on stand-ins for the chapter's
functions.
"""

import io
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from course.explorers import vae
from course.explorers.drawing import EXAMPLE, digit_image
from course.explorers.vae.bound import CLOSED, GRID, LONGEST, MAP_MUS, MAP_SIGMAS, RATE, STEPS, survey
from course.explorers.vae.bound import caption as bound_caption
from course.explorers.vae.plane import MOST_SHOWN, NEAREST, SIGNS, binarised, chosen, costs, signs
from course.explorers.vae.plane import caption as plane_caption

HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


def kl(mu, sigma):
    return 0.5 * (mu**2 + sigma**2 - 1 - 2 * torch.log(sigma))


def conjugate(x=1.2, a=1.5, s=0.8):
    """x | z ~ N(a z, s²): the posterior is Gaussian, with the mean and standard deviation that follow."""

    def log_likelihood(z):
        return -HALF_LOG_2_PI - math.log(s) - (x - a * z) ** 2 / (2 * s**2)

    def elbo(mu, sigma):
        spread = (x - a * mu) ** 2 + (a * sigma) ** 2
        return -HALF_LOG_2_PI - math.log(s) - spread / (2 * s**2) - kl(mu, sigma)

    variance = a**2 + s**2
    evidence = -HALF_LOG_2_PI - 0.5 * math.log(variance) - x**2 / (2 * variance)
    return (log_likelihood, elbo, evidence), (a * x / variance, s / math.sqrt(variance))


def squared(x=1.5, s=1.0):
    """x | z ~ N(z², s²): a posterior with two peaks, which no Gaussian matches."""

    def log_likelihood(z):
        return -HALF_LOG_2_PI - math.log(s) - (x - z**2) ** 2 / (2 * s**2)

    def elbo(mu, sigma):
        second, fourth = mu**2 + sigma**2, mu**4 + 6 * mu**2 * sigma**2 + 3 * sigma**4
        spread = x**2 - 2 * x * second + fourth
        return -HALF_LOG_2_PI - math.log(s) - spread / (2 * s**2) - kl(mu, sigma)

    z = torch.linspace(-9, 9, 18001, dtype=torch.float64)
    evidence = torch.logsumexp(log_likelihood(z) - z**2 / 2 - HALF_LOG_2_PI, 0) + math.log(18 / 18000)
    return log_likelihood, elbo, float(evidence)


MODELS = {"linear": conjugate()[0], "squared": squared()}
BOUND = vae.bound(MODELS)
LEFT = {"mu": -1.0, "sigma": 0.4}  # a q far from both posteriors


def pictured(explorer):
    """The explorer's artists, once its present state is drawn."""
    assert explorer.png().startswith(b"\x89PNG")
    return explorer.picture.artists


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mu", [-3.0, 0.0, 0.37, 3.0])
@pytest.mark.parametrize("sigma", [0.2, 1.0, 2.5])
@pytest.mark.parametrize("step", [0, 3])
def test_the_parts_of_the_bound_add_up(model, mu, sigma, step):
    state = BOUND.state(model=model, mu=mu, sigma=sigma, step=step)
    assert state["gap"] >= -1e-9
    assert state["elbo"] + state["gap"] == pytest.approx(state["log_evidence"], abs=1e-9)
    assert state["expected"] - state["kl"] == pytest.approx(state["elbo"], abs=1e-9)
    q, p = torch.distributions.Normal(*state["place"]), torch.distributions.Normal(0.0, 1.0)
    assert state["kl"] == pytest.approx(float(torch.distributions.kl_divergence(q, p)), abs=1e-5)
    if step == 0:
        assert state["place"] == pytest.approx((mu, sigma)) and state["first"] == state["gap"]


def test_the_gap_is_the_divergence_from_the_posterior():
    _, (mean, deviation) = conjugate()
    posterior = torch.distributions.Normal(mean, deviation)
    for mu, sigma in ((0.0, 1.0), (-3.0, 0.2), (3.0, 2.5), (0.6, 0.45)):
        gap = BOUND.state(mu=mu, sigma=sigma)["gap"]
        q = torch.distributions.Normal(mu, sigma)
        assert gap == pytest.approx(float(torch.distributions.kl_divergence(q, posterior)), rel=1e-5)
    assert abs(BOUND.state(mu=mean, sigma=deviation)["gap"]) < 1e-12


def test_the_densities_are_densities():
    for model in MODELS:
        state = BOUND.state(model=model, mu=0.3, sigma=0.5)
        for name in ("posterior", "q"):
            assert state[name].sum() * (GRID[1] - GRID[0]) == pytest.approx(1, abs=1e-3)
    _, (mean, deviation) = conjugate()
    exact = np.exp(-0.5 * ((GRID - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
    assert np.allclose(BOUND.state()["posterior"], exact)


@pytest.mark.parametrize("model", MODELS)
def test_the_map_holds_the_gap_of_every_q_and_the_best_q_is_the_posterior_where_that_is_gaussian(model):
    surveyed, state = survey(*MODELS[model]), BOUND.state(model=model)
    assert surveyed["map"].shape == (len(MAP_SIGMAS), len(MAP_MUS)) and (surveyed["map"] >= -1e-9).all()
    for row, column in ((0, 0), (30, 17), (-1, -1)):
        other = BOUND.state(model=model, mu=MAP_MUS[column].clip(-3, 3), sigma=MAP_SIGMAS[row])
        if abs(MAP_MUS[column]) <= 3:
            assert surveyed["map"][row, column] == pytest.approx(other["gap"], rel=1e-9)
    if model == "linear":
        assert state["best"] == pytest.approx(conjugate()[1], abs=1e-4) and abs(state["least"]) < 1e-7
    else:
        assert 0.01 < state["least"] <= surveyed["map"].min() + 1e-9
    mu, _ = survey(*conjugate(x=9.0)[0])["best"]  # outside the map: looked for at its edge
    assert mu == 3


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("start", [(-1.0, 0.4), (-3.0, 2.5), (3.0, 0.2)])
def test_the_ascent_closes_the_gap_step_by_step(model, start):
    gaps = [BOUND.state(model=model, mu=start[0], sigma=start[1], step=i)["gap"] for i in range(STEPS + 1)]
    assert (np.diff(gaps) < 1e-9).all() and gaps[0] > 0.5
    if model == "linear":
        assert gaps[-1] < CLOSED


def test_a_step_of_the_ascent_follows_the_gradient():
    way = BOUND.state(**LEFT)["way"]
    steps = np.stack([np.diff(way[:, 0]), np.diff(np.log(way[:, 1]))], 1)
    assert np.linalg.norm(steps, axis=1).max() <= LONGEST + 1e-12
    _, elbo, _ = MODELS["linear"]
    for i in (0, STEPS - 1):
        mu, log_sigma = torch.tensor([way[i, 0], np.log(way[i, 1])], requires_grad=True)
        gradient = torch.stack(torch.autograd.grad(elbo(mu, log_sigma.exp()), (mu, log_sigma))).numpy()
        expected = RATE * gradient * min(1, LONGEST / np.linalg.norm(RATE * gradient))
        assert steps[i] == pytest.approx(expected, abs=1e-9)


def test_playing_the_bound_ends_at_the_best_q_and_the_title_says_so():
    explorer = vae.bound(MODELS, mu=-1.0, sigma=0.4)
    assert explorer.state()["gap"] > 3 and explorer.controls["step"].value == 0
    assert "nats below log p(x)" in bound_caption(explorer.state())
    explorer.box()
    assert explorer.advance() and "Step 1 of the ascent" in bound_caption(explorer.state())
    while explorer.advance():
        pass
    assert explorer.controls["step"].value == STEPS
    assert "q is the posterior: the gap is closed" in bound_caption(explorer.state())
    explorer.set(model="squared")
    state = explorer.state() | {"gap": explorer.state()["least"]}
    assert "no Gaussian" in bound_caption(state)
    assert "q is the prior" in bound_caption(explorer.state(mu=0.0, sigma=1.0, step=0))


def test_q_is_dragged_on_the_map_and_by_its_top():
    state = BOUND.state()
    assert BOUND.touch["map"](state, 1.5, 0.7) == {"mu": 1.5, "sigma": 0.7, "step": 0}
    top = BOUND.state(mu=0.5, sigma=0.8)["q"].max()
    dragged = BOUND.touch["densities"](state, 0.5, top)
    assert dragged["sigma"] == pytest.approx(0.8, rel=1e-3) and dragged["step"] == 0
    assert BOUND.touch["densities"](state, 0.0, -1.0)["sigma"] > 2.5  # below the panel: as wide as it goes


def test_the_bars_lead_from_the_reconstruction_to_the_evidence_and_end_above_the_numbers():
    explorer = vae.bound(MODELS, **LEFT)
    for start in (LEFT, {"mu": -3.0, "sigma": 2.5}):
        explorer.set(**start)
        state, artists = explorer.state(), pictured(explorer)
        low, high = artists["elbo"].axes.get_ylim()
        levels = [0, state["expected"], state["elbo"], state["log_evidence"]]
        shown = np.maximum(levels, low + (high - low) / 12)
        ends = [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in artists["bars"]]
        assert np.allclose(ends, list(pairwise(shown)))
        off = start != LEFT
        assert np.isnan(artists["elbo"].get_ydata()).all() == off and (shown[2] > levels[2]) == off
        assert artists["names"]._texts == ("log p(x)", "ELBO ↓" if off else "ELBO")
        broken = artists["breaks"].get_xdata()
        assert sorted(np.rint(broken[0::3])) == ([0, 2] if off else [])  # of bars that reach the floor


def test_no_density_runs_through_the_legend_which_stands_above_the_panel():
    axes = BOUND.picture.artists["q"].axes
    pictured(BOUND)
    below, above = axes.get_window_extent(), axes.get_legend().get_window_extent()
    assert above.y0 >= below.y1


@pytest.mark.parametrize("model", MODELS)
def test_the_map_is_that_of_the_chosen_model(model):
    explorer = vae.bound(MODELS)
    explorer.set(model=model)
    children = pictured(explorer)["here"].axes.get_children()
    assert {part.get_gid() for part in children if part.get_gid() and part.get_visible()} == {model}


def test_one_model_needs_no_menu():
    assert list(vae.bound({"only": MODELS["linear"]}).controls) == ["step", "mu", "sigma"]


WEIGHTS = torch.randn(2, 28 * 28, generator=torch.Generator().manual_seed(0))
BACK = torch.randn(28 * 28, 4, generator=torch.Generator().manual_seed(2)) / 28
LABELS = torch.arange(900) % 10
CODES = torch.randn(900, 2, generator=torch.Generator().manual_seed(1)) + 0.3 * LABELS[:, None]
IMAGES = (torch.rand(3, 28 * 28, generator=torch.Generator().manual_seed(3)) < 0.2).float()


def decode(z):
    return (z @ WEIGHTS).sigmoid().reshape(-1, 28, 28)


def encode(x):
    return (x @ BACK).chunk(2, -1)


PLANE = vae.plane(decode, encode, CODES, LABELS, IMAGES)


@pytest.mark.parametrize(("z_1", "z_2"), [(0, 0), (1.3, -0.7), (4, 4), (-4, 3.5)])
def test_the_cross_is_decoded(z_1, z_2):
    state = PLANE.state(z_1=z_1, z_2=z_2)
    place = torch.tensor([[z_1, z_2]], dtype=torch.float32)
    assert np.allclose(state["decoded"], decode(place)[0], atol=1e-6)
    assert PLANE.touch["plane"](state, z_1, z_2) == {"z_1": z_1, "z_2": z_2}


def test_map_and_sliders_have_the_same_range():
    left, right = PLANE.picture.artists["cross"].axes.get_xlim()
    assert [(c.min, c.max) for c in (PLANE.controls["z_1"], PLANE.controls["z_2"])] == [(left, right)] * 2


def test_what_is_drawn_is_centred_binarised_and_encoded_and_a_held_out_image_where_nothing_is_drawn():
    state = PLANE.state(drawing=EXAMPLE)
    x = binarised(digit_image(EXAMPLE))
    assert np.array_equal(state["x"], x) and set(np.unique(x)) == {0, 1}
    mu, logvar = encode(torch.from_numpy(x).view(1, -1))
    assert np.allclose(state["mu"], mu[0], atol=1e-5)
    exact = costs(decode, mu[0], logvar[0], torch.from_numpy(x).flatten())
    assert state["costs"] == pytest.approx(exact, rel=1e-4)
    assert np.allclose(state["reconstruction"], decode(mu)[0], atol=1e-5)
    assert plane_caption(state).startswith("Your digit lies among")
    usual = np.mean([sum(PLANE.state(drawing=(), image=number)["costs"]) for number in (1, 2, 3)])
    assert state["times"] == pytest.approx(sum(state["costs"]) / usual)
    state = PLANE.state(drawing=(), image=2)
    assert state["drawing"] == () and np.array_equal(state["x"].ravel(), IMAGES[1])
    assert "cross" in plane_caption(state)


@pytest.mark.parametrize(("degrees", "quarters"), [(-90, 3), (0, 0), (90, 1)])
def test_a_held_out_image_is_turned_to_the_left_without_a_pointer(degrees, quarters):
    expected = np.rot90(IMAGES[1].view(28, 28).numpy(), quarters)
    assert np.array_equal(PLANE.state(drawing=(), image=2, turn=degrees)["x"], expected)
    assert set(np.unique(PLANE.state(drawing=(), image=2, turn=35)["x"])) == {0, 1}


def test_the_costs_are_the_two_terms_of_the_elbo():
    x, mu, logvar = IMAGES[0], torch.tensor([0.3, -0.2]), torch.tensor([-3.0, -2.0])
    recon_nll, kl = costs(decode, mu, logvar, x)
    posterior = torch.distributions.Normal(mu, (logvar / 2).exp())
    exact = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum()
    assert kl == pytest.approx(float(exact), rel=1e-5)
    noise = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(5))
    chances = decode(mu + posterior.stddev * noise).flatten(1)
    nll = -torch.distributions.Bernoulli(chances).log_prob(x.expand_as(chances)).sum(1)
    assert recon_nll == pytest.approx(float(nll.mean()), abs=4 * float(nll.std()) / 20_000**0.5)


def test_the_commonest_digit_is_that_of_the_nearest_codes():
    for z_1, z_2 in ((0.0, 0.0), (2.5, 2.7), (-3.5, 1.0)):
        digit, share, count = PLANE.state(z_1=z_1, z_2=z_2, drawing=())["near"]
        distances = [math.dist(code, (z_1, z_2)) for code in CODES.tolist()]
        near = [int(LABELS[i]) for i in sorted(range(len(CODES)), key=distances.__getitem__)[:NEAREST]]
        assert share == near.count(digit) == max(map(near.count, near)) and count == NEAREST
    assert vae.plane(decode, encode, CODES[:7], LABELS[:7], IMAGES).state(drawing=())["near"][2] == 7


def test_the_title_of_the_plane_says_whose_codes_are_near():
    state = PLANE.state(drawing=EXAMPLE)
    digit, share, _ = state["near"]
    assert plane_caption(state) == (
        f"Your digit lies among the {digit}s ({share} of the 20 nearest codes); it costs "
        f"{state['times']:.1f} times the held-out mean"
    )
    state, one = PLANE.state(z_1=0.5, z_2=0.5, drawing=()), (4, 17, 20)
    assert state["near"][1] <= 14 and plane_caption(state).startswith("Digits meet at the cross")
    assert plane_caption(state | {"near": one}) == (
        "The cross lies among the 4s: they have 17 of the 20 nearest codes"
    )
    assert "the prior hardly ever draws" in plane_caption(PLANE.state(z_1=3.5, z_2=3.5, drawing=()))


@pytest.mark.parametrize("change", [{"image": 3}, {"turn": 35}])
def test_a_held_out_image_takes_the_place_of_a_drawing(change):
    explorer = vae.plane(decode, encode, CODES, LABELS, IMAGES)
    assert explorer.controls["drawing"].value == EXAMPLE
    ((name, value),) = change.items()
    explorer.controls[name].value = value
    assert explorer.controls["drawing"].value == ()
    explorer.set(drawing=EXAMPLE)
    assert explorer.state()["drawing"] == EXAMPLE and explorer.controls[name].value == value


def test_the_pad_is_drawn_on_and_cleared():
    explorer = vae.plane(decode, encode, CODES, LABELS, IMAGES)
    explorer.box()
    left, top, width, height = explorer.picture.panels()["pad"]
    points = [[left + width / 2, top + height * share] for share in (0.25, 0.75)]
    explorer._hear_ink({"panel": "pad", "start": True, "points": points})
    assert explorer.controls["drawing"].value == (((0.5, 0.25), (0.5, 0.75)),)
    assert len(pictured(explorer)["strokes"].get_xdata()) == 4  # two points, the last again, a gap
    explorer.set(drawing=(((0.5, 0.5),),))
    image = np.asarray(Image.open(io.BytesIO(explorer.png())).convert("L"))
    rows, columns = (
        round(side * (start + 0.5 * size))
        for side, start, size in ((image.shape[0], top, height), (image.shape[1], left, width))
    )
    assert image[rows, columns] < 60 and image[rows + 40, columns] == 255  # one point is a dot
    axes = explorer.picture.artists["strokes"].axes
    assert all(spine.get_visible() for spine in axes.spines.values())
    explorer._set_nearest(explorer.touch["clear"](explorer.state(), 0.5, 0.5))
    assert explorer.controls["drawing"].value == () and pictured(explorer)["empty"].text


def test_at_most_so_many_codes_are_drawn_and_signs_stand_apart():
    assert len(set(chosen(4000))) == MOST_SHOWN and np.array_equal(chosen(4000), chosen(4000))
    assert sorted(chosen(50)) == list(range(50))
    written = signs(CODES.numpy(), LABELS.numpy())
    places = np.array([place for place, _ in written])
    away = np.linalg.norm(places[:, None] - places[None], axis=2) + 9 * np.eye(len(places))
    assert 10 <= len(written) <= 10 * SIGNS and away.min() > 0.5


@pytest.mark.parametrize("codes", [torch.zeros(5, 3), torch.zeros(4, 2), torch.zeros(5)])
def test_codes_of_another_shape_are_refused(codes):
    with pytest.raises(ValueError, match="codes"):
        vae.plane(decode, encode, codes, torch.arange(5), IMAGES)
