# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 5 · GAN: a forger and a critic
#
# Open this chapter in [Colab](https://colab.research.google.com/github/from-formula-to-model/course/blob/main/notebooks/05_gan.ipynb)
# · [Kaggle](https://kaggle.com/kernels/welcome?src=https://github.com/from-formula-to-model/course/blob/main/notebooks/05_gan.ipynb)
# · [Binder](https://mybinder.org/v2/gh/from-formula-to-model/course/HEAD?urlpath=lab/tree/my/05_gan.ipynb)
#
# **The question.** What does each adversarial loss ask of the generator, when does it
# stop giving a gradient, and what keeps the training from cycling or collapsing?

# %% [markdown]
# **Afterwards you can**
# - derive the best discriminator and the value of the game, and say what the loss must
#   be where the game is won;
# - write six pairs of losses stably from logits, and say where each stops giving a
#   gradient;
# - say what JS, KL and $W_1$ make of two distributions that do not touch;
# - compute from a two-by-two matrix whether a game spirals out, circles or comes to
#   rest;
# - train a GAN that finds every mode, and one that draws digits, and measure both;
# - recognise a flipped sign, a leaking gradient, a wrong penalty and a collapse.

# %% [markdown]
# The core takes about an hour and a quarter to read; the fourteen exercises take about
# two and a half hours. Running all cells takes about two minutes on a laptop CPU, and
# no network. Parts marked *optional* can be skipped. `exercises.progress()` shows which
# exercises you have solved.
#
# **Do you remember?** (Chapters 1 to 4) Why is a cross-entropy computed from logits and
# not from probabilities? What is $\mathrm{KL}(q \Vert p)$ where $q$ has mass and $p$
# none? What did a VAE's random samples look like, and which term of its loss is to
# blame?
#
# <details><summary>Answers</summary>
#
# A probability that is rounded to 0 or 1 has an infinite logarithm and no gradient.
# Infinite. Blurred: a likelihood of independent pixels pays for every uncertainty with
# grey; a GAN has no likelihood at all.
# </details>

# %% [markdown]
# ## Notation
#
# | maths | code | shape |
# | --- | --- | --- |
# | real, generated examples $x$, $G(z)$ | `real`, `fake` | `(B, D)`, `(B, 1, 28, 28)` |
# | noise $z \sim \mathcal N(0, I)$ | `noise` | `(B, Z)` |
# | generator $G$ | `generator` | a module |
# | discriminator $D = \sigma(a)$ | `discriminator` | a module |
# | its logits $a$ | `real_logits`, `fake_logits` | `(B,)`, before the sigmoid |
# | density of the data, of the generator | `p`, `q` | `(N,)` on a grid |
# | $\mathrm{JS}, \mathrm{KL}$ | `js`, `kl` | numbers, in nats |
# | $W_1$ | `wasserstein` | a number, in units of $x$ |
#
# All losses are to be *minimised* and are means over a batch. All logarithms are
# natural. In a shape, `D` is the number of coordinates. The exercises write $s$ for the
# sigmoid.

# %% jupyter={"source_hidden": true} cellView="form"
# Set-up: finds the course; where it is missing, as on Colab, pip installs it
import importlib.util, subprocess, sys  # isort: skip

address = "git+https://github.com/from-formula-to-model/course"
found = getattr(importlib.util.find_spec("course"), "origin", None)  # of a folder None
if not found and subprocess.call([sys.executable, "-m", "pip", "install", address]):
    raise RuntimeError(f"pip failed, see above: try `make lab`, or install {address}")
from course import setup

setup()

# %%
import copy
import functools
import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course import data, exercises, explorers, plots, results, training
from course.compare import check_agreement
from course.intervals import wilson

# %% [markdown]
# ## 1 The game, by hand
#
# A **generator** makes examples; a **discriminator** is shown real and generated ones,
# as often, and says for each how likely it is real. The generator is trained to be
# taken for real. No likelihood is computed: the generator need only be sampled
# (Goodfellow et al. 2014, equation 1):
#
# $$\min_G \max_D V(D, G) =
# \mathbb E_{x \sim p}[\ln D(x)] + \mathbb E_{x \sim q}[\ln (1 - D(x))]$$
#
# $p$ is the data's distribution, $q$ the generator's. Take three outcomes, so that $D$
# is three numbers.

# %%
p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
q = torch.tensor([0.1, 0.3, 0.6], dtype=torch.float64)


def value(d, p, q):
    """V = Σ p ln D + q ln(1 - D): (K,) each -> nats."""
    return (p * d.log() + q * (1 - d).log()).sum()


for d in ([0.5, 0.5, 0.5], [0.9, 0.5, 0.1], [0.6, 0.5, 0.4]):
    print(f"D = {d}: V = {value(torch.tensor(d, dtype=torch.float64), p, q):.4f}")

# %% [markdown]
# **Predict.** Which three numbers are the best $D$? (Each outcome has its own term of
# the sum; where is its slope zero?)

# %% [markdown]
# For one outcome, $p \ln D + q \ln(1 - D)$ has the slope $p/D - q/(1 - D)$, which is
# zero at
#
# $$D^*(x) = \frac{p(x)}{p(x) + q(x)}
# \qquad a^*(x) = \ln \frac{D^*}{1 - D^*} = \ln \frac{p(x)}{q(x)}$$
#
# (their proposition 1). Its logit is the logarithm of the ratio of the densities: a
# discriminator is a *density ratio estimator*. Ten thousand random ones must all be
# worse.

# %%
best = p / (p + q)
tried = torch.rand(
    10_000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
values = (p * tried.log() + q * (1 - tried).log()).sum(1)
print("D* =", [round(d, 4) for d in best.tolist()], f"V = {value(best, p, q):.4f}")
print(
    "the best of 10,000 random D:",
    f"{values.max():.4f}",
    "below V(D*):",
    bool(values.max() < value(best, p, q)),
)

# %% [markdown]
# **How exercises are checked.** A check calls your function with many inputs. It
# compares results to nine digits in float64, to four in float32, and by absolute error
# near 0. Any size may be 1, and sizes differ. New tensors have the type of the inputs;
# half precision occurs only where named. Do not change the arguments.

# %% [markdown]
# **Exercise: the Jensen-Shannon divergence** (medium, about 10 minutes)
#
# Against the best discriminator the generator minimises
# $-\log 4 + 2\,\mathrm{JS}(p, q)$ (Goodfellow et al. 2014, equation 6), with
#
# $$\mathrm{JS}(p, q) =
# \tfrac12 \mathrm{KL}(p \,\|\, m) + \tfrac12 \mathrm{KL}(q \,\|\, m),
# \quad m = \tfrac12 (p + q),
# \quad \mathrm{KL}(p \,\|\, m) = \sum_{k=1}^{K} p_k \log \frac{p_k}{m_k}$$
#
# The rows of `p` and `q` $(B, K)$ are distributions over $K$ outcomes. Return $(B)$, in
# nats. A probability may be $10^{-300}$ (in float32 $10^{-30}$) or 0, in both rows at
# once too: $0 \log 0 = 0$, and the result is always finite. Values alone are compared.
# No `torch.distributions`.
#
# By hand first: $p = (1, 0)$ and $q = (0, 1)$. What is $\mathrm{JS}(p, q)$, and what is
# $\mathrm{KL}(p \,\|\, q)$?


# %%
def my_jensen_shannon(p, q):
    """The Jensen-Shannon divergence of each pair of rows, nats, (B,).
    p and q (B, K): each row a distribution over K outcomes, zeros allowed."""
    raise NotImplementedError


exercises.gan.jensen_shannon.check(my_jensen_shannon)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $m = (\frac12, \frac12)$, and
# $\mathrm{KL}(p \,\|\, m) = 1 \cdot \ln (1 / \frac12) = \ln 2$, the same for $q$:
# $\mathrm{JS} = \ln 2 = 0.693$, the most that there is.
# $\mathrm{KL}(p \,\|\, q) = 1 \cdot \ln (1 / 0)$ is infinite.
# </details>

# %% [markdown]
# Insert $D^*$ into the value, and write $m = \frac12(p + q)$, so that
# $D^* = \frac12 p/m$:
#
# $$V(D^*) = \mathbb E_p\Big[\ln \frac{p}{2m}\Big] +
# \mathbb E_q\Big[\ln \frac{q}{2m}\Big]
# = -\ln 4 + 2\,\mathrm{JS}(p, q)$$
#
# with the **Jensen–Shannon divergence** $\mathrm{JS} = \frac12 \mathrm{KL}(p \Vert m) +
# \frac12 \mathrm{KL}(q \Vert m)$ (their theorem 1). It is 0 where $p = q$ alone, and at
# most $\ln 2$. So a generator that faced the best discriminator, and lowered $V$, would
# bring $q$ to $p$.


# %%
def kl_of(p, q):
    """KL(p || q) of discrete distributions (K,), nats; 0 ln 0 = 0."""
    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum()


def js_of(p, q):
    """JS(p, q), nats, 0 to ln 2."""
    m = (p + q) / 2
    return (kl_of(p, m) + kl_of(q, m)) / 2


print(
    f"V(D*) = {value(best, p, q):.4f}, "
    f"-ln 4 + 2 JS = {-math.log(4) + 2 * js_of(p, q):.4f}"
)
print(
    "equal to 1e-12:",
    torch.isclose(value(best, p, q), 2 * js_of(p, q) - math.log(4), rtol=1e-12).item(),
)

# %% [markdown]
# **Predict.** The generator has won: $q = p$. What is $D^*$, what is the value, and
# what does the *discriminator's loss* $-V$ read: 0, $\ln 2$, or something else?

# %%
print(
    f"p = q: D* = {(p / (p + p)).tolist()}, V = {value(p / (p + p), p, p):.4f},",
    end=" ",
)
print(
    f"discriminator's loss {-value(p / (p + p), p, p):.4f} = 2 ln 2 = "
    f"{2 * math.log(2):.4f}"
)

# %% [markdown]
# Not 0: at the equilibrium it guesses, and a guess costs $\ln 2$ for the real and
# $\ln 2$ for the fake example. A loss near 0 is a discriminator that has won. (Programs
# that average the two terms read $\ln 2 = 0.69$.) Section 9 shows that 1.386 alone
# proves nothing.
#
# ## 2 A trained discriminator is a density ratio

# %% [markdown]
# **Exercise: the best discriminator's logit** (medium, about 10 minutes)
#
# For fixed densities $p$ of the data and $q$ of the generator the best discriminator is
# $D^*(x) = p(x) / (p(x) + q(x))$ (Goodfellow et al. 2014, proposition 1). Its logit,
# the number that goes into the sigmoid, is $\log p(x) - \log q(x)$.
#
# Here $p$ is $\mathcal N(0, 1)$ and $q$ is $\mathcal N(\mu, \sigma^2)$. Return the
# logit at each `x` $(N)$; `mean` $\mu$, from −10 to 10, and `std` $\sigma$, from 0.1 to
# 10, are floats. $|x|$ may be $10^3$, where both densities underflow: values and the
# gradient for `x` are compared there too. No `torch.distributions`.
#
# By hand first: $\mu = 2$, $\sigma = 1$. Which function of $x$ is the logit?


# %%
def my_optimal_logit(x, mean, std):
    """The best discriminator's logit at each point, (N,). x (N,); the data's density is
    N(0, 1), the generator's N(mean, std^2); mean and std are floats, std > 0."""
    raise NotImplementedError


exercises.gan.optimal_logit.check(my_optimal_logit)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $-\frac12 x^2 + \frac12 (x - 2)^2 = 2 - 2x$: a straight line, 0 half-way between the
# two means. Both densities are equally wide, so $\ln \sigma = 0$ and the squares of $x$
# cancel.
# </details>

# %% [markdown]
# Two known densities: $p = \mathcal N(0, 1)$ and $q = \mathcal N(1.5, 0.7^2)$. We know
# $a^*$ in closed form, a parabola. A small network sees samples alone.
#
# **Predict.** Where will it be right, and where not: between the two, or far outside?


# %%
def log_density(x, mean, std):
    """ln N(x; mean, std²)."""
    return (
        -0.5 * ((x - mean) / std).square() - math.log(std) - 0.5 * math.log(2 * math.pi)
    )


def best_logit(x, mean, std):
    """ln p - ln q for p = N(0, 1), q = N(mean, std²): (N,) -> (N,)."""
    return log_density(x, 0.0, 1.0) - log_density(x, mean, std)


def mlp(*sizes):
    """Linear layers of these sizes with ReLU between them."""
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


# %%
class Discriminator(nn.Module):
    """Points (B, D) -> logits (B,)."""

    def __init__(self, inputs=2, hidden=128):
        super().__init__()
        self.net = mlp(inputs, hidden, hidden, 1)

    def forward(self, x):
        return self.net(x).squeeze(1)


def two_gaussians(run, n):
    """n points of N(0, 1) and n of N(1.5, 0.7²): a batch (real, fake), (n, 1) each."""
    return run.normal(n, 1), 1.5 + 0.7 * run.normal(n, 1)


def game_loss(model, batch, run):
    """-V, as a sum of two cross-entropies: label 1 for real, 0 for fake points."""
    real, fake = (model(points) for points in batch)
    cost = F.binary_cross_entropy_with_logits
    return cost(real, torch.ones_like(real)) + cost(fake, torch.zeros_like(fake))


# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
judge_1d = Discriminator(1, hidden=32)
history = training.fit(
    judge_1d,
    game_loss,
    two_gaussians,
    epochs=1,
    steps_per_epoch=1000,
    batch_size=512,
    seed=0,
    schedule="cosine",
    optimizer=torch.optim.Adam(judge_1d.parameters(), lr=1e-2),
)

# %%
x = torch.linspace(-8, 8, 3201, dtype=torch.float64)
p, q = log_density(x, 0.0, 1.0).exp(), log_density(x, 1.5, 0.7).exp()
exact = best_logit(x, 1.5, 0.7)
found = training.predict(judge_1d, x.float()[:, None]).double()
error = (found.sigmoid() - exact.sigmoid()).abs()[p + q > 0.01].max()
assert error < 0.08
curves = {"trained": found.sigmoid(), "p / (p + q)": exact.sigmoid(), "p": p, "q": q}
plots.lines(
    {name: (x[400:-400], curve[400:-400]) for name, curve in curves.items()},
    title="A discriminator learns p / (p + q)",
    xlabel="x",
    ylabel="probability; density",
    alt="gan.best_discriminator",
)

# %% [markdown]
# Right wherever examples are. Near 3 the ratio turns (the wider $p$ has the heavier
# tail), and the network has seen hardly anything there: a discriminator's slope where
# no data is, is its own invention, and the generator follows it.

# %%


def value_of(logit):
    """V of a discriminator with these logits at x, by quadrature."""
    return torch.trapezoid(-p * F.softplus(-logit) - q * F.softplus(logit), x)


m = (p + q) / 2
js = (
    torch.trapezoid(torch.special.xlogy(p, p / m) + torch.special.xlogy(q, q / m), x)
    / 2
)
print("largest error of D where p + q > 0.01 is below 0.08:", bool(error < 0.08))
print(
    f"V(D*) by quadrature {value_of(exact):.4f}, "
    f"-ln 4 + 2 JS = {2 * js - math.log(4):.4f}"
)
shortfall = value_of(exact) - value_of(found)
print(
    "the trained one falls short by less than 0.01 nats:", bool(0 <= shortfall < 0.01)
)

# %% [markdown]
# ## 3 The losses, from logits
#
# The discriminator's last layer gives a logit $a$; $D = \sigma(a) = 1/(1 + e^{-a})$.
#
# **Predict.** In float32, what is $\ln(1 - \sigma(a))$ at $a = 20$, computed as it is
# written?

# %%
a = torch.tensor([5.0, 20.0, 200.0])
print("as written:", [round(value, 2) for value in (1 - a.sigmoid()).log().tolist()])

# %% [markdown]
# At 20 the sigmoid is already rounded to 1, and the logarithm is $-\infty$: a
# discriminator that is sure, as it soon is, ends the training. All losses here take
# logits, and no logarithm of a sigmoid.

# %% [markdown]
# **Exercise: the discriminator's loss** (medium, about 10 minutes)
#
# The discriminator maximises the value of Goodfellow et al. (2014), equation 1. Its
# loss is therefore
#
# $$L_D = -\frac1N \sum_{i=1}^{N} \log s(a_i) - \frac1M \sum_{j=1}^{M} \log(1 - s(b_j)),
# \quad s(a) = \frac{1}{1 + e^{-a}}$$
#
# `real_logits` $(N)$ holds the $a_i$ of real points, `fake_logits` $(M)$ the $b_j$ of
# generated ones. Return a scalar, in nats. Logits may be 0 or $\pm 10^4$: values and
# gradients for both arguments are compared there too. Write the logarithms yourself: no
# ready-made loss, such as `F.binary_cross_entropy_with_logits`, `F.cross_entropy` or
# `F.soft_margin_loss`, and no `torch.distributions`.
#
# By hand first: one real and one generated point, both with the logit $\ln 3$. What is
# the loss?


# %%
def my_discriminator_loss(real_logits, fake_logits):
    """The discriminator's loss, to be minimised, a scalar in nats. real_logits (N,),
    fake_logits (M,): the discriminator's outputs before the sigmoid; N and M may
    differ."""
    raise NotImplementedError


exercises.gan.discriminator_loss.check(my_discriminator_loss)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $D = 3/4$ for both. The real point costs $-\ln \frac34 = 0.288$, the generated one
# $-\ln \frac14 = 1.386$: together $\ln \frac{16}{3} = 1.674$.
# </details>

# %% [markdown]
# **Exercise: the generator's non-saturating loss** (easy, about 6 minutes)
#
# Goodfellow et al. (2014), section 3, do not let the generator minimise $\log(1 - D)$:
# they let it maximise $\log D$. With the logits $b_i$ of $B$ generated points, the loss
# to minimise is
#
# $$L_G = -\frac1B \sum_{i=1}^{B} \log s(b_i), \quad s(b) = \frac{1}{1 + e^{-b}}$$
#
# `fake_logits` is $(B)$. Return a scalar, in nats. Logits may be 0 or $\pm 10^4$:
# values and gradients are compared there too. Write the logarithm yourself: no
# ready-made loss, such as `F.binary_cross_entropy_with_logits`, `F.cross_entropy` or
# `F.soft_margin_loss`, and no `torch.distributions`.
#
# By hand first: $D = 1/4$ at a generated point. What are the slopes of $-\log D$ and
# $\log(1 - D)$ with respect to its logit?


# %%
def my_generator_loss(fake_logits):
    """The generator's loss, to be minimised, a scalar in nats. fake_logits (B,):
    the discriminator's outputs for generated points, before the sigmoid."""
    raise NotImplementedError


exercises.gan.non_saturating_loss.check(my_generator_loss)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $-(1 - D) = -\frac34$ for $-\log D$, and $-D = -\frac14$ for $\log(1 - D)$. Both push
# the logit up; the surer the discriminator, the nearer is the first to $-1$ and the
# second to 0.
# </details>

# %% [markdown]
# **Exercise: the least-squares losses** (easy, about 6 minutes)
#
# Mao et al. (2017), equation 9, replace the logarithms by squares. With the
# discriminator's raw outputs $a_i$ for $N$ real points and $b_j$ for $M$ generated
# ones:
#
# $$L_D = \frac{1}{2N} \sum_{i=1}^{N} (a_i - 1)^2 + \frac{1}{2M} \sum_{j=1}^{M} b_j^2,
# \quad L_G = \frac{1}{2M} \sum_{j=1}^{M} (b_j - 1)^2$$
#
# `real_logits` is $(N)$, `fake_logits` $(M)$; outputs may be $\pm 10^4$. Return the
# pair `(d_loss, g_loss)` of scalars. Values and gradients are compared, of both losses
# for both arguments: detach nothing.
#
# By hand first: a real point has the output 3. What does it cost here, and what would
# it cost in the loss with logarithms?


# %%
def my_least_squares(real_logits, fake_logits):
    """(d_loss, g_loss), both to be minimised, scalars. real_logits (N,), fake_logits
    (M,): the discriminator's raw outputs; N and M may differ."""
    raise NotImplementedError


exercises.gan.least_squares_losses.check(my_least_squares)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $\frac12 (3 - 1)^2 = 2$ here: an output beyond 1 is as wrong as one below. With
# logarithms a logit of 3 costs $\ln(1 + e^{-3}) = 0.049$, and less the higher it is.
# </details>

# %% [markdown]
# **Exercise: the relativistic losses** (medium, about 8 minutes)
#
# A discriminator usually scores each image alone. A relativistic one is asked which
# image of a pair is the real one (Jolicoeur-Martineau 2019; Huang et al. 2024), by the
# difference of the logits $r_b$ of a real and $f_b$ of a fake image:
#
# $$L_D = -\frac1B \sum_{b=1}^{B} \log s(r_b - f_b), \quad
# L_G = -\frac1B \sum_{b=1}^{B} \log s(f_b - r_b)$$
#
# with $s$ the sigmoid. `real_logits` and `fake_logits` $(B)$ hold them; return the pair
# $(L_D, L_G)$ of scalars. Logits may be $\pm 10^4$ with any signs, so differences may
# be twice as large. Only values are compared.
#
# By hand first: what are both losses for equal logits? What changes when all logits
# rise by 5?


# %%
def my_relativistic_losses(real_logits, fake_logits):
    """(d_loss, g_loss), scalars in nats, each to be minimised.
    real_logits and fake_logits (B,), in pairs: before the sigmoid."""
    raise NotImplementedError


exercises.gan.relativistic_loss.check(my_relativistic_losses)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $-\log s(0) = \ln 2 = 0.693$, both. Nothing changes when all logits rise: only
# differences count.
# </details>

# %% [markdown]
# With $\operatorname{softplus}(a) = \ln(1 + e^a)$ both logarithms of the value need no
# sigmoid:
#
# $$-\ln D = \operatorname{softplus}(-a)
# \qquad -\ln(1 - D) = \operatorname{softplus}(a)$$

# %%
print(
    "ln(1 - D) by softplus:", [round(value, 2) for value in (-F.softplus(a)).tolist()]
)

# %% [markdown]
# Six losses, each a pair of numbers to *minimise*: the discriminator's and the
# generator's. Minimax, eq. 1 of Goodfellow et al. (2014), and their **non-saturating**
# loss share the discriminator's; **least squares** (Mao et al. 2017) asks for the
# outputs 1 and 0, without a sigmoid; the **hinge** (Lim and Ye 2017) and
# **Wasserstein** (Arjovsky et al. 2017) losses take outputs that are no logits of a
# probability; the **relativistic** one (Jolicoeur-Martineau 2019) asks that a real
# example scores above the fake one that it is paired with.

# %% [markdown]
# The two without an exercise (Lim and Ye 2017; Arjovsky et al. 2017, algorithm 1), for
# outputs $a$ at real examples and $b$ at generated ones:
#
# $$\begin{aligned}
# \text{hinge:} \quad & L_D = \mathbb E[\max(0, 1 - a)] + \mathbb E[\max(0, 1 + b)]
# & \quad L_G = -\mathbb E[b] \\
# \text{Wasserstein:} \quad & L_D = \mathbb E[b] - \mathbb E[a]
# & \quad L_G = -\mathbb E[b]
# \end{aligned}$$
#
# Under the hinge, a real output above 1 and a generated one below −1 cost nothing more.
# The Wasserstein $L_D$ has no least value: it makes sense only if something holds the
# discriminator's slope (sections 4 and 6).


# %%
def minimax_d(real_logits, fake_logits):
    """-E log D(real) - E log(1 - D(fake)): (B,), (B,) -> a number.
    Source: Goodfellow et al. 2014, eq. 1."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def minimax_g(real_logits, fake_logits):
    """E log(1 - D(fake))."""
    return -F.softplus(fake_logits).mean()


def non_saturating_g(real_logits, fake_logits):
    """-E log D(fake). Source: Goodfellow et al. 2014, section 3."""
    return F.softplus(-fake_logits).mean()


def least_squares_d(real_logits, fake_logits):
    """½ E (D(real) - 1)² + ½ E D(fake)². Source: Mao et al. 2017, eq. 9."""
    return 0.5 * (real_logits - 1).square().mean() + 0.5 * fake_logits.square().mean()


def least_squares_g(real_logits, fake_logits):
    """½ E (D(fake) - 1)²."""
    return 0.5 * (fake_logits - 1).square().mean()


# %%
def hinge_d(real_logits, fake_logits):
    """E max(0, 1 - D(real)) + E max(0, 1 + D(fake)). Source: Lim and Ye 2017."""
    return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()


def wasserstein_d(real_logits, fake_logits):
    """E D(fake) - E D(real). Source: Arjovsky et al. 2017."""
    return fake_logits.mean() - real_logits.mean()


def wasserstein_g(real_logits, fake_logits):
    """-E D(fake): the hinge loss has the same."""
    return -fake_logits.mean()


def relativistic_d(real_logits, fake_logits):
    """E softplus(D(fake) - D(real)) over pairs. Source: Jolicoeur-Martineau 2019."""
    return F.softplus(fake_logits - real_logits).mean()


def relativistic_g(real_logits, fake_logits):
    """The same with the parts exchanged."""
    return F.softplus(real_logits - fake_logits).mean()


# %%
LOSSES = {
    "minimax": (minimax_d, minimax_g),
    "non-saturating": (minimax_d, non_saturating_g),
    "least squares": (least_squares_d, least_squares_g),
    "hinge": (hinge_d, wasserstein_g),
    "Wasserstein": (wasserstein_d, wasserstein_g),
    "relativistic": (relativistic_d, relativistic_g),
}

# %% [markdown]
# Each against an independent form of PyTorch's, values and gradients, with logits up to
# 10,000: cross-entropy with logits, the squared error, and for the hinge
# `hinge_embedding_loss`, which is $\max(0, 1 - a)$ for the label $-1$.


# %%
def bce(logits, label):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def hinge_embedding(outputs):
    return F.hinge_embedding_loss(outputs, -torch.ones_like(outputs))


# %%
PYTORCH = {
    "minimax": (lambda r, f: bce(r, 1.0) + bce(f, 0.0), lambda r, f: -bce(f, 0.0)),
    "non-saturating": (
        lambda r, f: bce(r, 1.0) + bce(f, 0.0),
        lambda r, f: bce(f, 1.0),
    ),
    "least squares": (
        lambda r, f: (
            (F.mse_loss(r, torch.ones_like(r)) + F.mse_loss(f, torch.zeros_like(f))) / 2
        ),
        lambda r, f: F.mse_loss(f, torch.ones_like(f)) / 2,
    ),
    "hinge": (
        lambda r, f: hinge_embedding(r) + hinge_embedding(-f),
        lambda r, f: -f.sum() / len(f),
    ),
    "Wasserstein": (
        lambda r, f: f.sum() / len(f) - r.sum() / len(r),
        lambda r, f: -f.sum() / len(f),
    ),
    "relativistic": (lambda r, f: bce(r - f, 1.0), lambda r, f: bce(r - f, 0.0)),
}

# %%
rng = torch.Generator().manual_seed(0)
moderate = 3 * torch.randn(2, 6, generator=rng, dtype=torch.float64)
extreme = torch.tensor([-1e4, -100.0, -20.0, 20.0, 100.0, 1e4], dtype=torch.float64)
# (18,)
r, f = torch.cat(
    [moderate, extreme.expand(2, 6), torch.stack([extreme, extreme.flip(0)])], dim=1
)

# %%
for name in LOSSES:
    (d_loss, g_loss), (their_d, their_g) = LOSSES[name], PYTORCH[name]
    check_agreement(
        lambda r, f, d=d_loss: d(r, f),
        their_d,
        label=f"{name}, discriminator",
        r=r,
        f=f,
    )
    if name == "relativistic":
        check_agreement(
            lambda r, f, g=g_loss: g(r, f),
            their_g,
            label=f"{name}, generator",
            r=r,
            f=f,
        )
    else:  # the others do not look at real logits
        ours, theirs = (functools.partial(loss, r) for loss in (g_loss, their_g))
        check_agreement(
            lambda f, g=ours: g(f),
            lambda f, g=theirs: g(f),
            label=f"{name}, generator",
            f=f,
        )

# %% [markdown]
# ### What each generator loss says to one logit
#
# A generated example hears of its loss by one number,
# $\partial \text{loss} / \partial a$, where $a$ is its logit; the discriminator's own
# slope $\nabla_x a$ then says *where to*.
#
# **Predict.** The generator is still bad, and the discriminator sure: $a = -10$. Which
# losses still pull? And at $a = +10$, where the generator is believed?

# %%
a = torch.linspace(-10, 10, 201, dtype=torch.float64, requires_grad=True)
slopes = {
    name: torch.autograd.grad(len(a) * g(torch.zeros_like(a), a), a)[0]
    for name, (_, g) in LOSSES.items()
}
plots.lines(
    {
        name: (a.detach(), slope)
        for name, slope in slopes.items()
        if name != "relativistic"
    },
    title="What the generator hears: the loss's slope along the logit",
    xlabel="logit of a generated example",
    ylabel="∂ loss / ∂ logit",
    ylim=(-3, 3),
    alt="gan.loss_slopes",
)
for name, slope in slopes.items():
    print(
        f"{name:15} slope at a = -10: {slope[0]:9.5f}, at 0: {slope[100]:6.2f}, at 10: "
        f"{slope[-1]:9.5f}"
    )

# %% [markdown]
# **Minimax saturates** where it matters: $-\sigma(a)$ is $-0.00005$ for an example that
# the discriminator rejects. The non-saturating loss has the slope $-(1 - \sigma(a))$,
# full there, and lets go of what passes. Both have the same discriminator, and the same
# place of rest. Least squares pulls all the harder the further off, and pushes *back*
# beyond 1: its outputs must not be read as logits of a probability. Hinge and
# Wasserstein, one line in the picture, never let go. The relativistic loss (not drawn;
# here with a real logit of 0) is the non-saturating one, measured from a real example's
# logit instead of 0.


# %%
def sigmoid(a):
    """1 / (1 + exp(-a)) of a number or an array, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * a))


# name: slopes of the discriminator's loss along a fake logit, and of the generator's
DERIVATIVES = {
    "minimax": (lambda a: sigmoid(a), lambda a: -sigmoid(a)),
    "non-saturating": (lambda a: sigmoid(a), lambda a: -sigmoid(-a)),
    "least squares": (lambda a: a, lambda a: a - 1),
    "hinge": (lambda a: 1.0 * (a > -1), lambda a: -1.0 + 0 * a),
    "Wasserstein": (lambda a: 1.0 + 0 * a, lambda a: -1.0 + 0 * a),
}


logits = torch.linspace(-7.13, 7.1, 50, dtype=torch.float64, requires_grad=True)
for name, derivatives in DERIVATIVES.items():
    for loss, derivative in zip(LOSSES[name], derivatives, strict=True):
        (by_autograd,) = torch.autograd.grad(
            len(logits) * loss(torch.zeros_like(logits), logits), logits
        )
        assert np.allclose(
            by_autograd, derivative(logits.detach().numpy()), rtol=1e-12, atol=1e-12
        )
print("the five pairs of closed forms equal autograd's slopes to 1e-12")

# %% [markdown]
# ### What it says to a place
#
# Now with the best discriminator of each loss, for $p = \mathcal N(0, 1)$ and a
# generator $q = \mathcal N(m, s^2)$. A sample at $x$ is pulled by
# $-\frac{\partial\, \text{loss}}{\partial a} \cdot a'(x)$:
#
# - minimax and non-saturating: $a^* = \ln (p/q)$;
# - least squares: the best output is $D^* = p/(p + q)$ itself (Mao et al. 2017);
# - hinge: the best output is the *sign* of $p - q$, which is flat: no pull at all (Lim
#   and Ye keep it smooth by other means);
# - Wasserstein: the best output of all with slopes of at most 1 (section 4) has the
#   slope 1 or −1: $a' = \operatorname{sign}(F_q - F_p)$, with the distribution
#   functions $F$. It rises where more of $q$ than of $p$ lies to the left.


# %%
def densities(x, mean, std):
    """p = N(0, 1) and q = N(mean, std²) at x: (N,), (N,)."""
    return log_density(x, 0.0, 1.0).exp(), log_density(x, mean, std).exp()


def best_probability(x, mean, std):
    """D* = p / (p + q): (N,) -> (N,)."""
    return best_logit(x, mean, std).sigmoid()


def best_logit_slope(x, mean, std):
    """a*'(x) for a* = ln p - ln q."""
    return (x - mean) / std**2 - x


def distribution(x, mean, std):
    """F(x) of N(mean, std²)."""
    return torch.special.ndtr((x - mean) / std)


# %% tags=["explorer-needs"]
def probability_pull(name, x, mean, std):
    """The pull of minimax or the non-saturating loss."""
    slope = DERIVATIVES[name][1](best_logit(x, mean, std).numpy())
    return -torch.as_tensor(slope) * best_logit_slope(x, mean, std)


def least_squares_pull(x, mean, std):
    """The pull of least squares, where D* = σ(a*) is the output: D' = D (1 - D) a'."""
    d = best_probability(x, mean, std)
    return (1 - d) * d * (1 - d) * best_logit_slope(x, mean, std)


def wasserstein_pull(x, mean, std):
    """The pull of the Wasserstein loss: 1 to the right or to the left."""
    return torch.sign(distribution(x, mean, std) - distribution(x, 0.0, 1.0))


PULLS = {
    "minimax": functools.partial(probability_pull, "minimax"),
    "non-saturating": functools.partial(probability_pull, "non-saturating"),
    "least squares": least_squares_pull,
    "hinge": lambda x, mean, std: torch.zeros_like(x),
    "Wasserstein": wasserstein_pull,
}

# %% [markdown]
# The three divergences by quadrature, and $W_1$ as the area between the two
# distribution functions (section 4).


# %%
def divergences(mean, std):
    """JS, both KL (nats) and W1 (units of x) of N(0, 1) and N(mean, std²),
    by quadrature."""
    reach = 9 * max(1.0, std)
    x = torch.linspace(
        min(0.0, mean) - reach, max(0.0, mean) + reach, 2001, dtype=torch.float64
    )
    p, q = densities(x, mean, std)
    a = best_logit(x, mean, std)
    js = math.log(2) - 0.5 * torch.trapezoid(p * F.softplus(-a) + q * F.softplus(a), x)
    apart = (distribution(x, mean, std) - distribution(x, 0.0, 1.0)).abs()
    return {
        "JS": js.item(),
        "KL(p||q)": torch.trapezoid(p * a, x).item(),
        "KL(q||p)": -torch.trapezoid(q * a, x).item(),
        "W1": torch.trapezoid(apart, x).item(),
    }


samples = 6.0 + 0.5 * torch.randn(
    10_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
for name, pull in PULLS.items():
    print(
        f"q = N(6, 0.5²), mean pull under the {name} loss: "
        f"{pull(samples, 6.0, 0.5).mean():.1e}"
    )

# %% tags=["explorer"]
explorers.gan.two_gaussians(densities, divergences, PULLS)

# %% [markdown]
# Try: drag $q$ to $p$ and away again. Which loss stops pulling, and why does JS hardly
# change any more? Then put $q$ on $p$ and make it narrow (standard deviation 0.3):
# where does each loss pull its samples?
#
# <details><summary>Answer</summary>
#
# Minimax and least squares die alike with the distance, as fast as $p/q$: $D^*$ is 0
# around all samples of $q$, and JS is $\ln 2$ wherever $q$ goes. The non-saturating
# pull grows with the distance, the Wasserstein pull is always 1. With a narrow $q$
# every loss but the hinge pushes samples away from the centre; that is how diversity is
# learnt, if it is.
# </details>

# %% [markdown]
# ## 4 Two distributions that do not touch
#
# Images fill a thin part of their space; early generators fill another. **Predict**:
# two bars of width 1, at distance $d$. What are JS, KL and $W_1$ (the least mean
# distance over which $q$'s mass must be carried to become $p$) at $d = 2$, and what
# their slopes along $d$?

# %% [markdown]
# **Exercise: the Wasserstein distance on a line** (easy, about 8 minutes)
#
# On a line $W_1$ can be computed. Each point of $x$ is matched with its own point of
# $y$ to minimise the mean distance:
#
# $$W_1 = \min_{\pi} \frac1N \sum_{i=1}^{N} |x_i - y_{\pi(i)}|$$
#
# where $\pi$ runs over all permutations. No search is needed: in one of the best plans
# no two paths cross (Peyré and Cuturi 2019, remark 2.28).
#
# `x` and `y` $(N)$ stand in any order: up to 1,000 points, of up to $\pm 10^4$. Return
# a scalar. Values and gradients are compared. Points may be equal: a pair at distance 0
# has the slope 0.
#
# By hand first: $x = (0, 4)$, $y = (3, 1)$. What is $W_1$, and how do the means differ?


# %%
def my_wasserstein(x, y):
    """The W1 distance between two sets of points on a line, a scalar.
    x and y (N,), any order."""
    raise NotImplementedError


exercises.gan.wasserstein_1d.check(my_wasserstein)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# Sorted, $(0, 4)$ and $(1, 3)$: distances 1 and 1, so $W_1 = 1$. The means are both 2
# and do not differ.
# </details>


# %%
def wasserstein(x, y):
    """W1 of two samples of one length on a line: (N,), (N,) -> a number in units of x.

    In one dimension the best plan keeps the order.
    Source: Peyré and Cuturi 2019, remark 2.28.
    """
    return (x.sort().values - y.sort().values).abs().mean()


def bars(distance, n=400):
    """JS, KL(p || q) and W1 of two bars of width 1, cut into n cells of 1/n each."""
    p, q = torch.zeros(2, 5 * n, dtype=torch.float64)
    shift = round(distance * n)
    p[:n], q[shift : n + shift] = 1 / n, 1 / n
    places = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    return {
        "JS": js_of(p, q),
        "KL": kl_of(p, q),
        "W₁": wasserstein(places, places + shift / n),
    }


# %%
distances = [i / 20 for i in range(61)]
rows = [bars(distance) for distance in distances]
plots.lines(
    {name: (distances, [row[name] for row in rows]) for name in ("JS", "W₁")},
    title="Two bars of width 1, moved apart",
    xlabel="distance",
    marks=[(math.log(2), "ln 2")],
    ylabel="JS (nats), W₁ (units of the distance)",
    alt="gan.divergences",
)
for distance in (0.0, 0.5, 1.0, 2.0):
    print(
        f"d = {distance:g}: "
        + ", ".join(f"{name} {float(v):.4f}" for name, v in bars(distance).items())
    )

# %% [markdown]
# From $d = 1$ on JS is $\ln 2$, with the slope 0: a best discriminator can tell how
# *well* it separates, not how *far*. KL is infinite as soon as one cell is missed.
# $W_1$ is the distance, with the slope 1 (Arjovsky et al. 2017, example 1). That is the
# case *for* the Wasserstein loss; its price is that the discriminator's slope may be at
# most 1.
#
# Samples are discrete, so the proof for them: carrying costs of 2,000 random samples,
# sorted; the same by the area between the two distribution functions; and, for seven
# samples, the cheapest of all 5,040 ways of pairing them.


# %%
def area_between(x, y):
    """∫ |F_x - F_y| of two samples (N,), (M,): the same W1, for any two lengths."""
    edges = torch.cat([x, y]).sort().values
    below = [
        (sample.sort().values[:, None] <= edges[:-1]).double().mean(0)
        for sample in (x, y)
    ]
    return ((below[0] - below[1]).abs() * edges.diff()).sum()


x, y = torch.randn(
    2, 2000, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
y = 0.5 * y + 1
few, others = x[:7], y[:7]
plans = torch.tensor(list(itertools.permutations(range(7))))  # (5040, 7)
cheapest = (few - others[plans]).abs().mean(1).min()
print(
    "sorted = area between:",
    torch.isclose(wasserstein(x, y), area_between(x, y), rtol=1e-12).item(),
)
print(
    "sorted = cheapest of 5,040 pairings:",
    torch.isclose(wasserstein(few, others), cheapest, rtol=1e-12).item(),
)

# %% [markdown]
# $W_1$ has a second face, on which its loss rests (Kantorovich and Rubinstein): it is
# the largest $\mathbb E_p[f] - \mathbb E_q[f]$ over all $f$ with slopes of at most 1.
# The discriminator, then called a *critic*, looks for that $f$. Four candidates for
# $p = \mathcal N(0, 1)$, $q = \mathcal N(2, 1)$, whose $W_1$ is 2:

# %%
x = torch.linspace(-12, 14, 5201, dtype=torch.float64)
p, q = densities(x, 2.0, 1.0)
for name, f in {"-x": -x, "-x / 2": -x / 2, "sin x": x.sin(), "-|x|": -x.abs()}.items():
    print(f"f = {name}: E_p f - E_q f = {torch.trapezoid((p - q) * f, x):.4f}")

# %% [markdown]
# ## 5 Why training circles: the Dirac GAN
#
# The smallest game (Mescheder et al. 2018, section 2): all data lies at 0, the
# generator makes one point $\theta$, the discriminator has one weight, $a(x) = \psi x$.
# Both do gradient descent on their own loss:
#
# $$\dot\psi = -\frac{\partial\, \text{loss}_D}{\partial \psi} =
# -\ell_D'(\psi\theta)\, \theta - \gamma \psi
# \qquad \dot\theta = -\frac{\partial\, \text{loss}_G}{\partial \theta} =
# -\ell_G'(\psi\theta)\, \psi$$
#
# A dot is the direction of descent; $\ell_D'$ and $\ell_G'$ are section 3's slopes
# along the fake logit, here $\psi\theta$. The real point at 0 has the logit 0 whatever
# $\psi$ is. R1 is the penalty $\frac{\gamma}{2} \psi^2$: half the squared slope of the
# logit at the data; R2 is the same at the generated points, here as much again. The
# place we want is $(0, 0)$.
#
# **Predict.** Starting at $\theta = 1$, $\psi = 0$, no penalty: does the pair come to
# rest, circle, or move outwards?


# %%
STRENGTH = {"none": 0.0, "R1": 1.0, "R1 and R2": 2.0}  # c = γ times this
PENALTIES = (*STRENGTH, "gradient penalty", "clipping")


def field(theta, psi, loss, penalty="none", gamma=1.0):
    """Descent of both sides of the Dirac GAN: (N,) numbers or arrays
    -> (dtheta, dpsi)."""
    d_slope, g_slope = DERIVATIVES[loss]
    dpsi = -d_slope(psi * theta) * theta - gamma * STRENGTH.get(penalty, 0.0) * psi
    if penalty == "gradient penalty":  # γ (|ψ| - 1)²
        dpsi = dpsi - 2 * gamma * (np.abs(psi) - 1) * np.sign(psi)
    return -g_slope(psi * theta) * psi, dpsi


# %%
def path(
    theta,
    psi,
    loss,
    penalty="none",
    gamma=1.0,
    lr_g=0.1,
    lr_d=0.1,
    alternating=True,
    steps=300,
):
    """Training from (theta, psi): (steps + 1, 2) float64;
    alternating lets the discriminator move first."""
    places = [(theta, psi)]
    for _ in range(steps):
        dtheta, dpsi = field(theta, psi, loss, penalty, gamma)
        psi = psi + lr_d * dpsi
        if penalty == "clipping":
            psi = min(max(psi, -1.0), 1.0)
        if alternating:
            dtheta, _ = field(theta, psi, loss, penalty, gamma)
        theta = theta + lr_g * dtheta
        places.append((theta, psi))
    return torch.tensor(places, dtype=torch.float64)


# %%
def distance(places):
    """Distance from (0, 0) after each step: (T, 2) -> (T,)."""
    return places.square().sum(-1).sqrt()


runs = {
    "simultaneous": path(1.0, 0.0, "minimax", alternating=False),
    "alternating": path(1.0, 0.0, "minimax"),
    "alternating, R1 with γ = 0.3": path(1.0, 0.0, "minimax", "R1", 0.3),
}
plots.lines(
    {name: tuple(places.T) for name, places in runs.items()},
    title="Dirac GAN, minimax loss, 300 steps",
    xlabel="generator θ",
    ylabel="discriminator ψ",
    alt="gan.dirac_paths",
)
for name, places in runs.items():
    print(
        f"{name}: distance from the equilibrium after 300 steps "
        f"{distance(places)[-1]:.2f}"
    )

# %% [markdown]
# ### The two-by-two matrix that decides
#
# Near $(0, 0)$ the update of $(\theta, \psi)$ is a matrix. With $g = -\ell_G'(0)$,
# $d = \ell_D'(0)$, the penalty's $c$ (0, $\gamma$ or $2\gamma$) and the learning rates
# $\eta_G$, $\eta_D$:
#
# $$J = \begin{pmatrix} 0 & g \\ -d & -c \end{pmatrix} \qquad
# M_\text{simultaneous} = I + \begin{pmatrix} \eta_G & 0 \\ 0 & \eta_D \end{pmatrix} J$$
#
# Alternating: first the discriminator's row, then the generator's, a product of two
# such matrices. The distance is multiplied by the largest $|\lambda|$ of $M$ at each
# step: below 1 it comes to rest, above 1 it leaves. Minimax and non-saturating have
# $d = g = \frac12$: simultaneous $\lambda = 1 \pm i\eta/2$, so
# $|\lambda| = \sqrt{1 + \eta^2/4} > 1$ for *every* rate.


# %%
def update_matrix(
    loss, penalty="none", gamma=1.0, lr_g=0.1, lr_d=0.1, alternating=True
):
    """The update's matrix at (0, 0) on (theta, psi), (2, 2); None where it has none."""
    if penalty in ("gradient penalty", "clipping"):
        return None  # |ψ| has a corner at 0; clipping is no part of the matrix
    c = gamma * STRENGTH[penalty]
    d_slope, g_slope = (float(slope(0.0)) for slope in DERIVATIVES[loss])
    move_g = np.array([[1.0, -lr_g * g_slope], [0.0, 1.0]])
    move_d = np.array([[1.0, 0.0], [-lr_d * d_slope, 1 - lr_d * c]])
    return move_g @ move_d if alternating else move_g + move_d - np.eye(2)


def multiplier(loss, penalty="none", gamma=1.0, lr_g=0.1, lr_d=0.1, alternating=True):
    """The largest |λ| of the update's matrix, or None."""
    matrix = update_matrix(loss, penalty, gamma, lr_g, lr_d, alternating)
    return None if matrix is None else float(np.abs(np.linalg.eigvals(matrix)).max())


# %% [markdown]
# Is the matrix right? Two independent proofs: it is compared with the derivatives of
# one whole update by autograd on the chapter's *losses*; and its rate with that of a
# simulation of thousands of steps from nearby.


# %%
def update_by_autograd(place, loss, gamma, lr, alternating):
    """One update of (theta, psi) with R1, on the losses of section 3."""
    d_loss, g_loss = LOSSES[loss]
    theta, psi = place[:1], place[1:]
    d = d_loss(0 * psi, psi * theta) + 0.5 * gamma * psi.square().sum()
    new = psi - lr * torch.autograd.grad(d, psi, create_graph=True)[0]
    # the generator's slope does not look through the discriminator's update
    mover = theta.clone()
    g = g_loss(0 * psi, (new if alternating else psi) * mover)
    return torch.cat(
        [theta - lr * torch.autograd.grad(g, mover, create_graph=True)[0], new]
    )


# %%
for loss, gamma, alternating in itertools.product(
    DERIVATIVES, (0.0, 0.3), (False, True)
):
    step = functools.partial(
        update_by_autograd, loss=loss, gamma=gamma, lr=0.1, alternating=alternating
    )
    by_autograd = torch.autograd.functional.jacobian(
        step, torch.zeros(2, dtype=torch.float64)
    )
    matrix = update_matrix(loss, "R1", gamma, 0.1, 0.1, alternating)
    assert np.allclose(matrix, by_autograd, rtol=1e-12, atol=1e-15), loss
print(
    "the matrix equals autograd's derivatives of an update: 5 losses, "
    "with and without R1, both orders"
)


# %%
def measured_rate(loss, penalty, gamma, alternating, lr=0.2):
    """The factor by which the distance changes a step,
    from a simulation that begins and stays close by."""
    near = path(1e-9, 0.0, loss, penalty, gamma, lr, lr, alternating, steps=800)
    size = distance(near).log()
    return math.exp((size[600:800].mean() - size[400:600].mean()) / 200)


# %%
CASES = (
    ("minimax", "none", 0.0, False),
    ("non-saturating", "none", 0.0, False),
    ("hinge", "none", 0.0, False),
    ("Wasserstein", "none", 0.0, False),
    ("non-saturating", "R1", 0.3, False),
    ("non-saturating", "R1", 0.3, True),
    ("non-saturating", "R1 and R2", 0.3, True),
    ("Wasserstein", "R1", 0.3, True),
    ("hinge", "R1", 3.0, True),
)
for loss, penalty, gamma, alternating in CASES:
    predicted = multiplier(loss, penalty, gamma, 0.2, 0.2, alternating)
    agrees = abs(measured_rate(loss, penalty, gamma, alternating) - predicted) < 1e-4
    order = "alternating" if alternating else "simultaneous"
    what = f"{loss}, {penalty}" + (f" γ = {gamma:g}" if gamma else "")
    print(
        f"{what + ', ' + order:45} |λ| = {predicted:.4f}, simulation agrees to 0.0001: "
        f"{agrees}"
    )
    assert agrees

# %% [markdown]
# Where $|\lambda| = 1$ exactly, or the matrix does not exist, it decides nothing, and
# only the simulation speaks:

# %%
MARGINAL = (
    ("minimax", "none"),
    ("non-saturating", "none"),
    ("least squares", "none"),
    ("least squares", "R1"),
    ("Wasserstein", "gradient penalty"),
    ("Wasserstein", "clipping"),
)
for loss, penalty in MARGINAL:
    last = distance(path(1.0, 0.5, loss, penalty, steps=3000))[-1000:]
    known = multiplier(loss, penalty)
    said = "no matrix" if known is None else f"|λ| = {known:.4f}"
    print(f"{loss}, {penalty}: {said}; over the last 1,000 steps", end=" ")
    print(f"the distance is {last.min():.2f} to {last.max():.2f}")

# %% [markdown]
# - **Minimax**: a ring for ever. The averaged place would lie in its middle (section
#   6).
# - **Non-saturating**: it winds in, but ever more slowly, through terms that the matrix
#   leaves out. (Simultaneous, the same terms hold the spiral at a ring.)
# - **Least squares** with labels 0 and 1: this discriminator has no bias and gives the
#   data the output 0 instead of 1. The game is void: it stops wherever $\psi$ gets to
#   0, at any $\theta$.

# %% [markdown]
# - The **gradient penalty** comes to rest at the *wrong* place, here $\theta = 2$,
#   $\psi = 0$: it pushes $|\psi|$ towards 1, although at the data a flat critic would
#   be right, and where its push and the loss's pull balance, nothing moves.
# - **Clipping** keeps circling along its walls.
#
# Of the cures here only R1 and R2 come to rest at the data, for every loss but least
# squares, and only if the rates are small: the simultaneous order needs a penalty of
# $c > \eta\, d g$. (The relativistic loss is not listed: with a real logit of 0 its
# game is the non-saturating one.)

# %% tags=["explorer"]
explorers.gan.dirac(field, path, multiplier, tuple(DERIVATIVES), PENALTIES[1:])

# %% [markdown]
# Try: play the steps, then raise $\gamma$ from 0 to 3 with R1. Where is the way to rest
# shortest, and what happens beyond? Under *More*, simultaneous order and $\gamma = 0$:
# does a smaller learning rate end the spiral? Last, the same order with the
# non-saturating loss, learning rate 1 and start θ at 0.2: does the distance follow the
# dashed line?
#
# <details><summary>Answer</summary>
#
# For small rates the eigenvalues meet at $c^2 = 4dg$, for minimax at $\gamma = 1$: no
# more turning, and the fastest rest. Beyond, one of them nears 1 again: the
# discriminator hardly moves, and the generator creeps. A smaller rate only slows the
# spiral down. In the last run the distance follows the prediction near the middle, and
# then settles: $|\lambda|$ speaks of the neighbourhood only.
# </details>

# %% [markdown]
# ## 6 What holds the discriminator's slope
#
# Section 5's cure, for a discriminator of any form: punish the slope of its *logit*
# where the data is (R1), or where the generator's points are (R2; Mescheder et al.
# 2018, equations 9 and 10):
#
# $$R_1 =
# \frac{\gamma}{2}\, \mathbb E_{x \sim p}\big[\Vert \nabla_x a(x) \Vert^2\big] \qquad
# R_2 = \frac{\gamma}{2}\, \mathbb E_{x \sim q}\big[\Vert \nabla_x a(x) \Vert^2\big]$$
#
# The Wasserstein loss needs slopes of at most 1. Arjovsky et al. (2017) clip the
# weights; Gulrajani et al. (2017, equation 3) punish slopes other than 1, at random
# places between pairs:
#
# $$\lambda\, \mathbb E\big[(\Vert \nabla a(\hat x) \Vert_2 - 1)^2\big] \qquad
# \hat x = u\, x + (1 - u)\, G(z), \quad u \sim U(0, 1)$$

# %% [markdown]
# **Exercise: the gradient penalty** (hard, about 20 minutes)
#
# A Wasserstein critic should have slope 1 between real and fake points. Gulrajani et
# al. (2017, equation 3) charge it with
#
# $$\frac1B \sum_{b=1}^{B} \big(\lVert \nabla_x f(\hat x_b) \rVert_2 - 1\big)^2, \quad
# \hat x_b = m_b\, x_b + (1 - m_b)\, \tilde x_b$$
#
# with $m_b$ from `mix`, $x_b$ real, $\tilde x_b$ fake, and here the critic
# `f(x) = torch.tanh(x @ weight.T) @ v`. Return a scalar. Its gradients for `weight` and
# `v` are compared too; none may reach `real`, `fake` or `mix`. Where $\nabla_x f = 0$
# (`v` may be 0) its norm has the gradient 0, not NaN.
#
# By hand first: at $\hat x = 0$, one hidden unit, `weight` (3, 4), `v` 1: which
# penalty?


# %%
def my_gradient_penalty(weight, v, real, fake, mix):
    """The gradient penalty without its factor, a scalar. weight (H, D) and v (H,), of
    the critic; real and fake (B, D); mix (B, 1), the share of the real point, in
    [0, 1]."""
    raise NotImplementedError


exercises.gan.gradient_penalty.check(my_gradient_penalty)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $\tanh'(0) = 1$, so $\nabla_x f = v \cdot (3, 4)$ has the norm 5: the penalty is
# $(5 - 1)^2 = 16$.
# </details>

# %% [markdown]
# **Exercise: find three bugs in a gradient penalty** (hard, about 15 minutes)
#
# The program below is meant to be the R1 penalty (Mescheder et al. 2018, equation 9),
# with $D(x)$ the logit:
#
# $$R_1 =
# \frac{\gamma}{2} \cdot \frac1B \sum_{b=1}^{B} \lVert \nabla_x D(x_b) \rVert_2^2$$
#
# It runs, but:
#
# - training with it and without it gives the same weights, to the last digit;
# - one point, repeated $B$ times, has a penalty $B$ times smaller than alone;
# - with `v` a hundred times as large the penalty nearly vanishes.
#
# Fix all three. Values and gradients for `weight` and `v` are compared; no gradient may
# reach `real`. $\gamma$ may be 0.
#
# By hand first: at $x = 0$, one hidden unit, `weight` (3, 4), `v` 1, $\gamma = 2$:
# which penalty?


# %%
def my_r1(weight, v, real, gamma):
    """The R1 penalty of the logits D(x) = tanh(x @ weight.T) @ v, a scalar: gamma / 2
    times the batch's mean squared norm of their gradient. weight (H, D), v (H,), real
    (B, D), gamma a float, 0 or more."""
    # data: the penalty trains the discriminator alone
    x = real.detach().requires_grad_()
    scores = torch.sigmoid(torch.tanh(x @ weight.T) @ v)  # (B,)
    (slopes,) = torch.autograd.grad(scores.mean(), x)  # (B, D)
    return gamma / 2 * slopes.square().sum()


exercises.gan.broken_penalty.check(my_r1)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $\tanh'(0) = 1$, so $\nabla_x D = (3, 4)$ with the squared norm 25:
# $\frac22 \cdot 25 = 25$. The program returns $25/16 = 1.5625$, since the sigmoid's
# slope at 0 is $\frac14$.
# </details>


# %%
def slopes_at(logits, x):
    """∇ a(x) of each example, from one backward pass:
    no example's logit depends on another.

    Args:
        logits: (B,), computed from x.
        x: (B, ...), which requires a gradient.
    Returns:
        (B, D), itself differentiable: create_graph keeps the way back to the weights.
    """
    (slopes,) = torch.autograd.grad(logits.sum(), x, create_graph=True)  # (B, ...)
    return slopes.flatten(1)


def slope_squares(logits, x):
    """‖∇ a(x)‖² of each example: (B,); arguments as for `slopes_at`."""
    return slopes_at(logits, x).square().sum(1)


def gradient_penalty(discriminator, real, fake, mix):
    """E (‖∇ a(x̂)‖ - 1)² at x̂ = mix · real + (1 - mix) · fake: a number.

    Args:
        real, fake: (B, ...).
        mix: (B,) in [0, 1].
    Source: Gulrajani et al. 2017, eq. 3, without its λ.
    """
    mix = mix.view(-1, *[1] * (real.ndim - 1))
    between = (mix * real + (1 - mix) * fake).detach().requires_grad_()
    # norm, not a root of squares: where a slope is 0, the root's own slope is infinite.
    return (slopes_at(discriminator(between), between).norm(dim=1) - 1).square().mean()


# %% [markdown]
# The proof is a discriminator whose slope is known: $a(x) = v \cdot \tanh(W x)$ has
# $\nabla a = W^\top (v \odot (1 - \tanh^2 W x))$. That closed form is an ordinary
# function of $W$ and $v$, so both penalties *and their gradients* can be compared.


# %%
def closed_slopes(x, weight, v):
    """∇ a(x) = Wᵀ (v ⊙ (1 - tanh² W x)): x (B, D), weight (H, D), v (H,) -> (B, D)."""
    return ((1 - (x @ weight.T).tanh().square()) * v) @ weight


def by_graph(real, fake, mix, weight, v):
    """R1 with γ = 1 and the gradient penalty, by the chapter's functions."""
    real = real.detach().requires_grad_()

    def discriminator(x):
        return (x @ weight.T).tanh() @ v

    return 0.5 * slope_squares(discriminator(real), real).mean(), gradient_penalty(
        discriminator, real, fake, mix
    )


# %%
def by_closed_form(real, fake, mix, weight, v):
    """The same, by closed slopes."""
    between = (mix[:, None] * real + (1 - mix[:, None]) * fake).detach()
    r1 = 0.5 * closed_slopes(real.detach(), weight, v).square().sum(1).mean()
    return r1, (closed_slopes(between, weight, v).norm(dim=1) - 1).square().mean()


rng = torch.Generator().manual_seed(0)
shapes = {"real": (5, 3), "fake": (5, 3), "mix": (5,), "weight": (4, 3), "v": (4,)}
drawn = {
    name: torch.randn(shape, generator=rng, dtype=torch.float64)
    for name, shape in shapes.items()
}
fixed = {name: drawn.pop(name) for name in ("real", "fake", "mix")}
check_agreement(
    functools.partial(by_graph, **fixed),
    functools.partial(by_closed_form, **fixed),
    label="R1 and gradient penalty",
    **drawn,
)

# %% [markdown]
# Both together, around any loss. `real` and `fake` are fresh tensors, cut off from the
# generator.


# %%
def penalised(d_loss, discriminator, real, fake, mix, r1=0.0, r2=0.0, gp=0.0):
    """A discriminator's loss and its penalties:
    R1 at real points, R2 at fake ones, and between them.

    Args:
        d_loss: a function of (real_logits, fake_logits).
        real, fake: (B, ...); no gradient goes back into them. mix: (B,) in [0, 1].
        r1, r2, gp: the penalties' weights.
    Returns:
        a number, nats or units of the output.
    """
    real = real.detach().requires_grad_(r1 > 0)
    fake = fake.detach().requires_grad_(r2 > 0)
    real_logits, fake_logits = discriminator(real), discriminator(fake)
    loss = d_loss(real_logits, fake_logits)
    if r1:
        loss = loss + 0.5 * r1 * slope_squares(real_logits, real).mean()
    if r2:
        loss = loss + 0.5 * r2 * slope_squares(fake_logits, fake).mean()
    if gp:
        loss = loss + gp * gradient_penalty(discriminator, real, fake, mix)
    return loss


# %% [markdown]
# ### Averaging the generator's weights
#
# A generator that circles passes the middle without stopping. Its averaged weights lie
# in it:
#
# $$\bar\theta \leftarrow \beta\, \bar\theta + (1 - \beta)\, \theta$$

# %% [markdown]
# **Exercise: average the generator's weights** (easy, about 8 minutes)
#
# A generator circles around its goal, so images are often drawn with a moving average
# $a$ of its weights $w$ (Yazıcı et al. 2019), updated each step with `decay` $\beta$, 0
# to 1:
#
# $$a \leftarrow \beta\, a + (1 - \beta)\, w$$
#
# `average` and `weights` are lists of tensors in the same order. Return a list of new
# tensors of the same types, which share no memory with the arguments: training goes on.
# Floating-point tensors may be bfloat16. Others (counts of steps, int64, int32 or bool)
# are not averaged: copy those of `weights`. Values alone are compared.
#
# By hand first: $a=0$, $w=1$ at each step, $\beta=0.9$: what is $a$ after two? How many
# steps does $\beta = 0.999$ remember?


# %%
def my_average(average, weights, decay):
    """The new average, a list of new tensors. average and weights: lists of tensors, in
    the same order, of the same shapes and types; decay: a float in [0, 1]."""
    raise NotImplementedError


exercises.gan.average_weights.check(my_average)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $0.9 \cdot 0 + 0.1 \cdot 1 = 0.1$, then $0.9 \cdot 0.1 + 0.1 \cdot 1 = 0.19$. Weights
# from $k$ steps ago count $(1 - \beta) \beta^k$: for $\beta = 0.999$ this falls to
# $1/e$ of the newest in about $1 / (1 - \beta) = 1{,}000$ steps.
# </details>


# %%
@torch.no_grad()
def average_weights(averaged, model, decay):
    """averaged = decay · averaged + (1 - decay) · model, weight by weight, in place."""
    for mean, weight in zip(averaged.parameters(), model.parameters(), strict=True):
        mean.lerp_(weight, 1 - decay)


circling = path(1.0, 0.0, "minimax", steps=1000)
mean = circling[0]
for place in circling[1:]:
    mean = 0.995 * mean + 0.005 * place
print(
    f"alternating Dirac GAN: last place {distance(circling)[-1]:.2f} from the middle,",
    end=" ",
)
print(f"averaged {distance(mean):.2f}")

# %% [markdown]
# ## 7 A ring of eight Gaussians
#
# A test that can be scored exactly: eight narrow Gaussians (standard deviation 0.02) on
# a ring of radius 2, and 25 (0.05) on a grid. Of 2,500 samples, one is **of high
# quality** if it lies within three standard deviations of a centre; a mode is **found**
# if at least 20 good samples are its own (with equal shares it would have 312, or 100).
# Perfect samples would have 98.9 % of high quality.


# %%
RING = tuple(
    (2 * math.cos(k * math.pi / 4), 2 * math.sin(k * math.pi / 4)) for k in range(8)
)
GRID = tuple((2.0 * i, 2.0 * j) for i in range(-2, 3) for j in range(-2, 3))
TARGETS = {"ring": (RING, 0.02), "grid": (GRID, 0.05)}  # centres, standard deviation


def mixture(target):
    """A source of batches for training: (run, n) -> (n, 2) points, fresh each time."""
    centres, std = TARGETS[target]
    centres = torch.tensor(centres)
    return lambda run, n: (
        centres.to(run.device)[run.integers(len(centres), n)] + std * run.normal(n, 2)
    )


def score(points, target):
    """Modes found, and the share of high quality, of 2,500 points (2500, 2)."""
    centres, std = TARGETS[target]
    nearest, which = torch.cdist(points, torch.tensor(centres)).min(1)
    good = nearest < 3 * std
    found = torch.bincount(which[good], minlength=len(centres)) >= 20
    return {"modes": found.sum().item(), "quality": good.float().mean().item()}


# %%
class Generator(nn.Module):
    """Noise (B, noise) -> points (B, 2)."""

    def __init__(self, noise=2, hidden=128):
        super().__init__()
        self.noise, self.net = noise, mlp(noise, hidden, hidden, 2)

    def forward(self, noise):
        return self.net(noise)


@torch.no_grad()
def sample(generator, n=2500, seed=1):
    """n samples of a generator, on the CPU: the same noise for the same seed."""
    noise = torch.randn(
        n, generator.noise, generator=torch.Generator().manual_seed(seed)
    )
    return generator(noise.to(next(generator.parameters()).device)).cpu()


# %% [markdown]
# ### The loop
#
# Two models, two optimisers, in turns: the discriminator on a real batch and a
# *detached* fake one, then the generator through the discriminator. `training.Run`
# gives the batches and the noise, and draws the losses; `run.update` differentiates by
# the parameters of the one optimiser only. The rate falls to 0. `fall` is the factor by
# which the penalties fall over the training; `every=4` adds them at each fourth step
# only, four times as strong ("lazy": Karras et al. 2020). Everything stays in float32:
# a penalty is a difference of small slopes.

# %% [markdown]
# **Exercise: find two bugs in a step of training** (hard, about 15 minutes)
#
# The program below is meant to be one step of a GAN (Goodfellow et al. 2014): first the
# discriminator descends on $-\text{mean}\log D(x) - \text{mean}\log(1-D(G(z)))$; then,
# judged by the new discriminator, the generator on $-\text{mean}\log D(G(z'))$, from
# fresh $z'$. It runs, but:
#
# - from `w` = 0 the discriminator learns, while the generator does not move;
# - where $D > \frac12$ for all fakes, the generator's `b` moves so that $D$ falls.
#
# Fix the two bugs. Values of the new `a`, `b` and `w` are compared. `real`, `noise_d`
# and `noise_g` may differ in length, `lr` may be 0, logits $\pm 10^3$.
#
# By hand first: one real 2, one fake 1, `w` 0, rate 1. What is the new `w`?


# %%
def my_step(real, noise_d, noise_g, a, b, w, lr):
    """One alternating step of gradient descent at rate lr: the new (a, b, w). real
    (B, D), noise_d (N, Z), noise_g (M, Z); a (D, Z) and b (D,), of the generator noise
    @ a.T + b; w (D,), of the discriminator's logits x @ w; lr a float, 0 or more."""
    a, b, w = (p.clone().requires_grad_() for p in (a, b, w))
    fake = noise_d @ a.T + b  # (B, D)
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    fake = noise_g @ a.T + b  # from fresh noise
    g_loss = F.softplus(-(fake @ w)).mean()
    g_loss.backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


exercises.gan.broken_step.check(my_step)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# With `w` = 0 all $D$ are $\frac12$. The slope of $-\log s(2w)$ is
# $-\frac12 \cdot 2 = -1$, that of $-\log(1 - s(w))$ is $\frac12 \cdot 1$: together
# $-\frac12$, so the new `w` is $0 + \frac12 = 0.5$.
# </details>


# %%
def falling(step, total):
    """A rate that falls linearly to 0."""
    return 1 - step / total


@torch.no_grad()
def clamp_weights(model, most):
    """Every weight into [-most, most], in place.
    Source: Arjovsky et al. 2017, algorithm 1."""
    for weight in model.parameters():
        weight.clamp_(-most, most)


# %%
def discriminator_step(run, optimizer, models, real, d_loss, penalties, clip=None):
    """One update of the discriminator on a batch of real examples; returns its loss."""
    generator, discriminator = models
    with torch.no_grad():
        fake = generator(run.normal(len(real), generator.noise))
    loss = penalised(
        d_loss, discriminator, real, fake, run.uniform(len(real)), **penalties
    )
    value = run.update(optimizer, loss)
    if clip:
        clamp_weights(discriminator, clip)
    return value


def generator_step(run, optimizer, models, real, g_loss):
    """One update of the generator, by the discriminator as it is now; returns its
    loss."""
    generator, discriminator = models
    with torch.no_grad():
        real_logits = discriminator(real)
    fake = generator(run.normal(len(real), generator.noise))
    return run.update(optimizer, g_loss(real_logits, discriminator(fake)))


# %%
def optimizers(models, lr=8e-3, lr_d=None, betas=(0.0, 0.99)):
    """Adam for the generator, and Adam for the discriminator with a rate of its own."""
    return [
        torch.optim.Adam(model.parameters(), lr=rate, betas=betas, fused=True)
        for model, rate in zip(models, (lr, lr_d or lr), strict=True)
    ]


def penalties_at(step, steps, r1=0.0, r2=0.0, gp=0.0, fall=1.0, every=1):
    """The penalties' weights in a step: they fall to `fall` of their size; `every` so
    many steps they count, so many times as much."""
    weight = fall ** (step / steps) * every * (step % every == 0)
    return {"r1": weight * r1, "r2": weight * r2, "gp": weight * gp}


def taken(settings, *names):
    """Takes these arguments out of settings, those that are there: a dict."""
    return {name: settings.pop(name) for name in names if name in settings}


# %%
def train_gan(models, real, loss="relativistic", *, steps=3000, watch=None, **settings):
    """Train (generator, discriminator) on batches real(run, n).

    settings: batch_size, critic_steps, clip, decay; of the functions above; of a
    `training.Run`. Returns the averaged generator, and the History."""
    d_loss, g_loss = LOSSES[loss] if isinstance(loss, str) else loss
    opt_g, opt_d = optimizers(models, **taken(settings, "lr", "lr_d", "betas"))
    strength = taken(settings, "r1", "r2", "gp", "fall", "every")
    size = settings.pop("batch_size", 128)
    critic_steps = settings.pop("critic_steps", 1)
    clip, decay = settings.pop("clip", None), settings.pop("decay", 0.999)
    # the run places it, and keeps it in its checkpoints
    averaged = copy.deepcopy(models[0])
    settings = {"schedule": falling} | settings
    run = training.Run((*models, averaged), [opt_g, opt_d], **settings)
    for (x,) in run.batches(real, epochs=1, batch_size=size, steps_per_epoch=steps):
        terms = penalties_at(run.step, steps, **strength)
        run.log(d_loss=discriminator_step(run, opt_d, models, x, d_loss, terms, clip))
        if run.step % critic_steps == 0:
            run.log(g_loss=generator_step(run, opt_g, models, x, g_loss))
            memory = min(decay, (run.step + 1) / (run.step + 10))
            average_weights(averaged, models[0], memory)
        if watch:
            watch(run.step, *models)
    return averaged, run.history


# %% [markdown]
# The first steps of the average take a shorter memory, $(t + 1)/(t + 10)$, so that it
# forgets the untrained weights. Ten recipes at equal time: the six losses as they are,
# with the two ways to hold the critic (five critic steps to one of the generator's),
# and with R1 and R2, whose weight falls from 1 to 0.001. A step of R1 and R2 takes 7.5
# ms here, of R1 6.4, of a plain loss 5.1, of the clipped critic 3.2: measured once, and
# recorded as steps.

# %%
FALLING = {"fall": 1e-3, "lr": 8e-3, "steps": 3000}
CRITIC = {"loss": "Wasserstein", "critic_steps": 5, "decay": 0.995}
RECIPES = {
    "minimax": {"loss": "minimax", "lr": 2e-3, "steps": 4400},
    "non-saturating": {"loss": "non-saturating", "lr": 2e-3, "steps": 4400},
    "least squares": {"loss": "least squares", "lr": 8e-3, "steps": 4400},
    "hinge": {"loss": "hinge", "lr": 2e-3, "steps": 4400},
    "relativistic": {"loss": "relativistic", "lr": 8e-3, "steps": 4400},
    "Wasserstein, clipped": CRITIC | {"clip": 0.3, "lr": 8e-3, "steps": 7000},
    "Wasserstein, gradient penalty": CRITIC | {"gp": 0.1, "lr": 8e-3, "steps": 4400},
    "non-saturating + R1": {"loss": "non-saturating", "r1": 1.0}
    | FALLING
    | {"steps": 3500},
    "non-saturating + R1 + R2": {"loss": "non-saturating", "r1": 1.0, "r2": 1.0}
    | FALLING,
    "relativistic + R1 + R2": {"loss": "relativistic", "r1": 1.0, "r2": 1.0} | FALLING,
}


def pair(hidden=128, seed=0):
    """A generator and a discriminator of points, with first weights from a seed."""
    torch.manual_seed(seed)
    return Generator(hidden=hidden), Discriminator(hidden=hidden)


# %%
rates = results.read("05", "rates")
for recipe, settings in RECIPES.items():
    mine = [row for row in rates if row["recipe"] == recipe]
    tried = (
        f"{row['lr']:g}: {row['last modes']} modes {100 * row['last quality']:2.0f} %"
        for row in mine
    )
    print(f"{recipe:29} {'; '.join(tried)} -> {settings['lr']:g}")
    best_row = max(mine, key=lambda row: (row["last modes"], row["last quality"]))
    assert best_row["lr"] == settings["lr"], recipe

# %% [markdown]
# Each recipe got the rate that did best (modes first, then quality) in half the time,
# on a seed of its own (recorded).
#
# **Predict.** Of ten recipes, with five seeds each: how many find all eight modes every
# time? And does a good loss need both penalties?

# %% tags=["nbval-ignore-output"]
models = pair()
averaged, history = train_gan(
    models,
    mixture("ring"),
    **RECIPES["relativistic + R1 + R2"],
    picture=lambda generator, discriminator, averaged: sample(averaged, 500),
)
live = score(sample(averaged), "ring")
print(
    f"{live['modes']} of 8 modes, {100 * live['quality']:.0f} % of high quality, "
    f"{history.seconds:.0f} s"
)
untrained, _ = pair()
plots.points(
    {"untrained": sample(untrained), "trained, averaged": sample(averaged)},
    centres=RING,
    columns=2,
    size=3,
    title="2,500 samples on the ring, from the live run",
    alt="gan.ring_samples",
)

# %%
assert live["modes"] == 8 and live["quality"] > 0.7

# %% [markdown]
# A few samples lie on the way from one mode to the next: the generator is continuous,
# so what is connected in the noise stays connected. Only a steep generator makes the
# bridges thin.


# %%
def table(name):
    """Print a recorded table, five seeds a recipe:
    modes, and the mean and the range of the quality."""
    rows = results.read("05", name)
    for recipe in RECIPES:
        mine = [row for row in rows if row["recipe"] == recipe]
        quality = [100 * row["last quality"] for row in mine]
        modes = " ".join(f"{row['last modes']:2}" for row in mine)
        print(
            f"{recipe:29} modes {modes}; quality {sum(quality) / len(mine):2.0f} %",
            end=" ",
        )
        print(f"({min(quality):.0f} to {max(quality):.0f} %)")


table("ring")

# %% [markdown]
# Seven of ten find all eight modes with every seed, **minimax and non-saturating
# without any penalty among them**: on the ring a rate that was chosen, and falls to 0,
# does most of the work. Without a penalty least squares loses a mode with three seeds,
# and the relativistic loss one to three with four. The Wasserstein recipes spend five
# of six updates on the critic, so the generator has taken a fifth of the steps.
#
# **Predict** the grid: same networks, same time, 25 modes. Do the same recipes stay
# together?

# %%
table("grid")
best_rows = [
    row
    for row in results.read("05", "ring")
    if row["recipe"] == "relativistic + R1 + R2"
]
assert all(row["last modes"] == 8 and row["last quality"] >= 0.6 for row in best_rows)

# %% [markdown]
# They do not. The relativistic loss with R1 and R2 finds 20 modes in the mean (12 to
# 25); the non-saturating one with both 16; every other recipe 11 or fewer. Each half
# alone is not enough: pairing without penalties finds 10, and R1 without R2 11. In this
# time no recipe finds all 25 with every seed. A ring that everything solves says little
# about the next problem.

# %% [markdown]
# ### Is it the average, or the falling rate? (optional)
#
# The best recipe with a constant rate, last and averaged weights (recorded, five
# seeds). **Predict** which is better, and by how much.


# %%
def constant(step, total):
    """A rate that stays."""
    return 1.0


for row in results.read("05", "averaging"):
    print(
        f"seed {row['seed']}: last {row['last modes']} modes, "
        f"{100 * row['last quality']:.0f} %;",
        end=" ",
    )
    print(f"averaged {row['modes']} modes, {100 * row['quality']:.0f} %")

# %% [markdown]
# With a constant rate the last weights are anywhere, on three to eight modes; their
# average is on all eight, with at least twice as many good samples. That is section 5's
# ring and its middle again. The falling rate does better still (87 to 93 % in the
# table), and then leaves the average nothing to do: hence the tables score the last
# weights.

# %% [markdown]
# ### Watching three trainings
#
# Three recorded runs of smaller networks (64 wide), all with the non-saturating loss:
# with R1 and R2, without them, and without them with a discriminator that learns fifty
# times faster. The shade is the discriminator, arrows are the pull on samples; the
# weights are the last ones, not averaged.


# %%
REPLAYED = {  # name: the file of its weights, and its settings
    "R1 and R2": ("replay_settled", {"r1": 1.0, "r2": 1.0} | FALLING),
    "no penalty": ("replay_restless", {}),
    "fast discriminator": (
        "replay_collapsed",
        {"lr": 1e-3, "lr_d": 5e-2, "schedule": constant},
    ),
}
FRAMES = (
    0,
    10,
    30,
    60,
    100,
    150,
    *range(200, 1000, 100),
    *range(1000, 2500, 250),
    2499,
)


# %%
def pull_of(discriminator, x):
    """Where the non-saturating loss pulls each sample: x (N, 2) -> (N, 2)."""
    x = x.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.softplus(-discriminator(x)).sum(), x)
    return -slope


# %%
def frames(name):
    """The frames of a recorded run for the explorer."""
    weights, shown = results.load_weights("05", name), []
    for step in FRAMES:
        generator, discriminator = pair(hidden=64)
        for part, model in (("g", generator), ("d", discriminator)):
            start = f"{step}.{part}."
            own = {
                key[len(start) :]: w
                for key, w in weights.items()
                if key.startswith(start)
            }
            model.load_state_dict(own)
        shown.append(
            {
                "step": step,
                "sample": functools.partial(sample, generator, 500),
                "logits": discriminator,
                "pull": functools.partial(pull_of, discriminator),
            }
            | score(sample(generator), "ring")
        )
    return shown


# %% tags=["explorer"]
explorers.gan.ring({run: frames(file) for run, (file, _) in REPLAYED.items()}, RING)

# %% [markdown]
# Try: play the three trainings, then go through the first ten steps by hand. Where do
# the arrows point while a mode is still empty? In the run of the fast discriminator,
# look at the shade around the samples: how steep is it, and where are the samples two
# steps of the slider later? With R1 and R2, when do the samples gather, and what falls
# at that time?
#
# <details><summary>Answer</summary>
#
# Towards the ring, and, where a mode is empty, across it. The fast discriminator has
# steep walls between the modes and is flat beyond them; samples jump from mode to mode,
# and never hold all eight. With R1 and R2 they cover the ring early and loosely, and
# gather late: the penalty's weight and the rate are then small enough for narrow modes.
# </details>

# %% [markdown]
# ## 8 Digits
#
# Now 4,000 digits of MNIST and convolutions. A generator has to go *up* in size. One
# way is to let a convolution at half the size give four numbers per place, and to lay
# them out as two by two pixels ("sub-pixel convolution", Shi et al. 2016):
#
# $$y_{c,\; 2i + k,\; 2j + l} = x_{4c + 2k + l,\; i,\; j} \qquad k, l \in \{0, 1\}$$


# %%
def spread(x, r=2):
    """(B, C r², H, W) -> (B, C, r H, r W): r² channels become r × r pixels.
    Source: Shi et al. 2016."""
    b, c, h, w = x.shape
    x = x.view(b, c // r**2, r, r, h, w)  # channel 4c + 2k + l
    # c, (i, k), (j, l)
    return x.permute(0, 1, 4, 2, 5, 3).reshape(b, c // r**2, r * h, r * w)


def gather(x, r=2):
    """The way back: (B, C, r H, r W) -> (B, C r², H, W)."""
    b, c, h, w = x.shape
    x = x.view(b, c, h // r, r, w // r, r)
    return x.permute(0, 1, 3, 5, 2, 4).reshape(b, c * r**2, h // r, w // r)


some = torch.randn(
    2, 12, 3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
check_agreement(spread, lambda x: F.pixel_shuffle(x, 2), label="spread", x=some)
check_agreement(
    gather, lambda x: F.pixel_unshuffle(x, 2), label="gather", x=some[..., :2, :4]
)
print("gather undoes spread:", torch.equal(gather(spread(some)), some))

# %% [markdown]
# The same convolutions, on the way down, serve the discriminator and a classifier that
# will judge the samples.


# %%
class Digits(nn.Module):
    """Noise (B, 32) -> images (B, 1, 28, 28) in 0 to 1."""

    def __init__(self, noise=32, hidden=128, channels=8):
        super().__init__()
        self.noise, self.channels = noise, channels
        self.start = mlp(noise, hidden, channels * 14 * 14)
        self.conv = nn.Conv2d(channels, 4, kernel_size=3, padding=1)

    def forward(self, noise):
        x = F.relu(self.start(noise)).view(-1, self.channels, 14, 14)
        return spread(self.conv(x)).sigmoid()  # (B, 4, 14, 14) -> (B, 1, 28, 28)


class Convolutions(nn.Module):
    """Images (B, 1, 28, 28) -> (B, 1024)."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(4, 32, kernel_size=3, stride=2, padding=1)
        self.second = nn.Conv2d(32, 64, kernel_size=3, stride=2, padding=1)

    def forward(self, x):
        x = F.relu(self.first(gather(x)))  # (B, 4, 14, 14) -> (B, 32, 7, 7)
        return F.relu(self.second(x)).flatten(1)  # (B, 64, 4, 4) -> (B, 1024)


# %%
class DigitJudge(nn.Module):
    """Images (B, 1, 28, 28) -> logits (B,): the discriminator."""

    def __init__(self):
        super().__init__()
        self.body, self.head = Convolutions(), nn.Linear(1024, 1)

    def forward(self, x):
        return self.head(self.body(x)).squeeze(1)


class Classifier(nn.Module):
    """Images (B, 1, 28, 28) -> (B, 10) logits of the digits."""

    def __init__(self, features=64):
        super().__init__()
        self.body = Convolutions()
        self.middle = nn.Linear(1024, features)
        self.head = nn.Linear(features, 10)

    def features(self, x):
        """(B, 64), what the last layer sees."""
        return F.relu(self.middle(self.body(x)))

    def forward(self, x):
        return self.head(self.features(x))


# %% [markdown]
# ### A judge that knows digits
#
# The discriminator cannot judge its own generator. The classifier is trained on the
# 4,000 digits, mildly distorted (turned, sheared, scaled and shifted at random).


# %%
def distort(x, draws):
    """Random affine maps, one for each image:
    x (B, 1, 28, 28), draws (B, 6) standard normal."""
    identity = torch.eye(2, 3, device=x.device)
    maps = identity + 0.1 * draws.view(-1, 2, 3)
    return F.grid_sample(
        x, F.affine_grid(maps, list(x.shape), align_corners=False), align_corners=False
    )


def classification_loss(model, batch, run):
    """Cross-entropy of distorted digits."""
    x, y = batch
    return F.cross_entropy(model(distort(x, run.normal(len(x), 6))), y)


# %%
def train_classifier(x, y, epochs=12, seed=0, **settings):
    """A classifier of digits x (N, 1, 28, 28), y (N,), and its History;
    settings for fit."""
    torch.manual_seed(seed)
    model = Classifier()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=5e-3, weight_decay=0.05, fused=True
    )
    history = training.fit(
        model,
        classification_loss,
        (x, y),
        optimizer=optimizer,
        epochs=epochs,
        seed=seed,
        schedule="one-cycle",
        **settings,
    )
    return model, history


# %% tags=["nbval-ignore-output"]
digits = data.mnist()
classifier, _ = train_classifier(digits.x_train, digits.y_train)
right = (
    (training.predict(classifier, digits.x_test).argmax(1) == digits.y_test)
    .sum()
    .item()
)
low, high = wilson(right, 1000)
print(
    f"held-out accuracy {right / 10:.1f} % (95 % interval {100 * low:.1f} to "
    f"{100 * high:.1f} %)"
)

# %%
assert right > 960

# %% [markdown]
# ### What is measured
#
# - **shares**: the classes of 2,500 samples, as the classifier sees them. The data has
#   10 % of each; the bar is 3 %.
# - **confident**: samples to which it gives a class with more than 95 %. Real held-out
#   digits set the mark.

# %% [markdown]
# - **precision**, **recall** (Kynkäänniemi et al. 2019): around each point of a set of
#   features lies a ball that reaches its third neighbour. Precision: share of the
#   samples inside a ball of the real digits. Recall: share of the real digits inside a
#   ball of the samples.
# - **Fréchet distance** of two Gaussians fitted to the features, $\Vert \mu_1 - \mu_2
#   \Vert^2 + \operatorname{tr}\big(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1
#   \Sigma_2)^{1/2}\big)$. Its unit is *this classifier's features*: never to be
#   compared with a published FID, only with real against real.


# %%
def coverage(points, reference, k=3):
    """Share of points (N, F) inside a ball of some reference point (M, F),
    up to its k-th neighbour."""
    # the first is itself
    radii = torch.cdist(reference, reference).kthvalue(k + 1, dim=1).values
    return (torch.cdist(points, reference) <= radii).any(1).double().mean().item()


def frechet(a, b):
    """Fréchet distance of the Gaussians fitted to features (N, F), (M, F)."""
    a, b = a.double(), b.double()
    cov_a, cov_b = a.T.cov(), b.T.cov()
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T  # of cov_a
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    return (
        (a.mean(0) - b.mean(0)).square().sum()
        + cov_a.trace()
        + cov_b.trace()
        - 2 * cross
    ).item()


# %%
@torch.no_grad()
def judge(images, classifier, reference):
    """All measures of images (N, 1, 28, 28),
    against reference images (M, 1, 28, 28)."""
    device = next(classifier.parameters()).device
    probabilities = classifier(images.to(device)).softmax(1).cpu()
    features, real = (
        classifier.features(x.to(device)).cpu() for x in (images, reference)
    )
    shares = torch.bincount(probabilities.argmax(1), minlength=10) / len(images)
    return {
        "shares": shares.tolist(),
        "confident": (probabilities.max(1).values > 0.95).double().mean().item(),
        "precision": coverage(features, real),
        "recall": coverage(real, features),
        "Fréchet": frechet(features, real),
    }


# %% [markdown]
# ### Training
#
# The non-saturating loss with R1 at each eighth step, eight times as strong; 2,500
# steps of 32. Chosen with the classifier on other seeds: small batches and many steps
# at a high rate, without momentum ($\beta_1 = 0$), did far better than large batches.

# %%
DIGITS = {
    "loss": "non-saturating",
    "r1": 1.0,
    "fall": 0.1,
    "every": 8,
    "steps": 2500,
    "batch_size": 32,
    "lr": 8e-3,
    "decay": 0.998,
}


def digit_models(seed):
    """The generator and the discriminator of digits."""
    torch.manual_seed(seed)
    return Digits(), DigitJudge()


def batches_of(x):
    """Random batches of images x (N, 1, 28, 28)."""
    return lambda run, n: x[run.integers(len(x), n).cpu()]


# %% tags=["nbval-ignore-output"]
digit_pair = digit_models(0)
drawer, history = train_gan(
    digit_pair,
    batches_of(digits.x_train),
    **DIGITS,
    picture=lambda generator, discriminator, averaged: sample(averaged, 36),
)
samples = sample(drawer)
some_real = digits.x_train[
    torch.randperm(4000, generator=torch.Generator().manual_seed(0))[:2500]
]
measured, real_row = (
    judge(images, classifier, some_real) for images in (samples, digits.x_test)
)
for name, row in (("samples", measured), ("held-out digits", real_row)):
    print(f"{name}: rarest class {100 * min(row['shares']):.1f} %,", end=" ")
    print(
        f"confident {100 * row['confident']:.0f} %, precision {row['precision']:.2f},",
        end=" ",
    )
    print(f"recall {row['recall']:.2f}, Fréchet {row['Fréchet']:.1f}")
print(f"{history.seconds:.0f} s of training")

# %%
assert min(measured["shares"]) >= 0.03 and measured["confident"] > 0.4
assert measured["precision"] > 0.4 and measured["recall"] > 0.5
assert real_row["Fréchet"] < measured["Fréchet"] < 60

# %% tags=["nbval-ignore-output"]
plots.images(samples[:60], title="60 samples, not chosen", columns=15, alt="gan.digits")
plots.bars(
    {str(digit): 100 * share for digit, share in enumerate(measured["shares"])},
    mark=(10, "data"),
    title="Classes of 2,500 samples",
    xlabel="share of the samples (%)",
    alt="gan.digit_classes",
)

# %%
assert max(measured["shares"]) < 0.25

# %% [markdown]
# Every class is there. But four in ten samples leave the classifier in doubt where one
# in ten real digits does; they lie in the same region of its features only for about
# half (precision), and cover more of the real digits' region than that (recall). A loss
# did not tell us any of this.

# %% [markdown]
# ### Three seeds, and other recipes
#
# Recorded: the chapter's model with three seeds, and four changes of the recipe with
# seed 0, for as many steps.


# %% tags=["explorer-needs"]
def recorded(name, model):
    """The model, with its recorded weights."""
    model.load_state_dict(results.load_weights("05", name))
    return model


# %%
for row in results.read("05", "digits"):
    print(
        f"{row['change']:40} seed {row['seed']}: "
        f"rarest class {100 * min(row['shares']):.1f} %,",
        end=" ",
    )
    print(
        f"confident {100 * row['confident']:.0f} %, precision {row['precision']:.2f},",
        end=" ",
    )
    print(f"recall {row['recall']:.2f}, Fréchet {row['Fréchet']:.0f}")

# %% [markdown]
# The three seeds agree. Without R1 the generator is lost: no class but one, not a
# single confident sample. With this seed the penalty decides, where on the ring it
# hardly mattered. A quarter of the steps with four times the batch leaves most samples
# tangled. Momentum and the relativistic loss with both penalties change little.

# %% [markdown]
# ### Does it copy?
#
# From here on the chapter shows recorded models (seed 0 of the table), in half
# precision. The nearest training digit, pixel by pixel, of twelve samples. **Predict**:
# a generator that copies has samples much nearer to a training digit than held-out
# digits are. Does this one?

# %% tags=["explorer-needs"]
drawer = recorded("digits", Digits())
classifier = recorded("classifier", Classifier())

# %%
digits = data.mnist()
samples, flat = sample(drawer), digits.x_train.flatten(1)
nearest = torch.cdist(samples.flatten(1), flat).min(1)
to_training = {
    "samples": nearest.values.median().item(),
    "held-out digits": torch.cdist(digits.x_test.flatten(1), flat)
    .min(1)
    .values.median()
    .item(),
}
plots.images(
    [*samples[:12], *digits.x_train[nearest.indices[:12]]],
    columns=12,
    title="Samples above, their nearest training digits below",
    alt="gan.nearest_digits",
)
assert to_training["samples"] > to_training["held-out digits"]
for name, value in to_training.items():
    print(f"{name}: median distance to the nearest training digit {value:.1f}")

# %% [markdown]
# No: its samples are *further* from the nearest training digit than held-out digits
# are. They are no copies; they are also less like digits.

# %% [markdown]
# ### Between two codes (optional)
#
# The straight line between two codes passes nearer to 0 than almost every code of 32
# dimensions lies: their length is about $\sqrt{32} = 5.7$. The great circle
# (White 2016) keeps it:
#
# $$z(t) = \frac{\sin((1 - t)\,\omega)}{\sin \omega}\, z_0
# + \frac{\sin(t\, \omega)}{\sin \omega}\, z_1 \qquad
# \omega = \angle(z_0, z_1)$$


# %%
def great_circle(start, end, t):
    """Codes on the great circle from start to end (Z,): t (N,) in [0, 1] -> (N, Z)."""
    omega = torch.arccos((start @ end / (start.norm() * end.norm())).clamp(-1, 1))
    t = t[:, None]
    return (((1 - t) * omega).sin() * start + (t * omega).sin() * end) / omega.sin()


codes = torch.randn(8, 32, generator=torch.Generator().manual_seed(3))
ways = [
    great_circle(codes[i], codes[i + 1], torch.linspace(0, 1, 12))
    for i in range(0, 8, 2)
]
with torch.no_grad():
    between = drawer(torch.cat(ways))
plots.images(
    between,
    title="Four ways from one code to another",
    columns=12,
    alt="gan.between_codes",
)
halfway = 0.5 * (codes[0] + codes[1])
print(
    f"lengths: ends {codes[0].norm():.1f} and {codes[1].norm():.1f}, "
    f"straight halfway {halfway.norm():.1f}"
)

# %% tags=["explorer"]
explorers.gan.walk(
    lambda noise: drawer(noise)[:, 0],
    lambda images: classifier(images[:, None]).softmax(1),
    noise_size=32,
    great_circle=great_circle,
)

# %% [markdown]
# The ends are chosen: of 1,000 codes, for each digit the two plainest of which the
# classifier is sure (the second where both ends are one digit). Try: play the way. Is
# there a place where the image jumps? Under *More*, find a way without a third digit.
# Then shorten the codes (scale 0.5): what is gained, what is lost?
#
# <details><summary>Answer</summary>
#
# Between many pairs the strokes pass through something that is no digit, and the
# classifier hesitates there: the classes are connected in the noise, as the ring's
# modes were. Short codes give plainer digits, and fewer different ones.
# </details>

# %% [markdown]
# ### Your digit before the discriminator (optional)
#
# Draw a digit: it is scaled and centred as MNIST's were, and shown to the recorded
# discriminator of one more run of the recipe. Its verdicts on real test digits, on the
# same digits turned by a quarter, and on the samples of its own generator stand beside
# it.
#
# **Predict.** Will it take your digit for real? And your digit, turned by 90°?

# %% tags=["explorer-needs"]
discriminator = recorded("discriminator", DigitJudge())
opponent = recorded("opponent", Digits())

# %% tags=["explorer"]
explorers.gan.verdict(
    lambda images: discriminator(images[:, None]),
    real=data.mnist().x_test[:, 0],
    generated=sample(opponent)[:, 0],
)

# %% [markdown]
# Try: draw the same digit neatly and shakily. Put the last of the generated digits and
# the first of the test digits on the pad: which would *you* take for real? Then draw
# something that is no digit.
#
# <details><summary>Answer</summary>
#
# Half of the turned digits pass, and few of them are digits; three in ten test digits
# do not pass. The discriminator answers the one question of its training: does this
# look more like the training pictures, or more like this generator's? On images that
# neither of them shows, its answer says little, and the sigmoid of its logit is no
# probability of being a digit.
# </details>

# %% [markdown]
# ## 9 Failures to diagnose
#
# First a program of losses, for you to fix. Then five failures of whole trainings: a
# cause, its signature, a cure.

# %% [markdown]
# **Exercise: find three bugs in a GAN's losses** (medium, about 12 minutes)
#
# The program below should return two losses to minimise: the discriminator's (minus the
# value of Goodfellow et al. 2014) and the non-saturating one. It runs, but:
#
# - `d_loss` never falls below 0.6265, whatever the data;
# - it falls just as low for identical batches;
# - with `d_loss` corrected, it goes to 0 for good, and no sample comes near the data.
#
# Fix the three bugs and return the pair of scalars; logits may be 0 or $\pm 10^4$.
# Values and gradients of both losses for both arguments are compared: detach nothing.
#
# By hand first: all logits are 0. What are the two losses, and what does the program
# return?


# %%
def my_losses(real_logits, fake_logits):
    """(d_loss, g_loss), both to be minimised, scalars in nats.
    real_logits, fake_logits (B,): the discriminator's outputs before the sigmoid."""
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    real_loss = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    fake_loss = F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))
    d_loss = real_loss + fake_loss
    g_loss = F.logsigmoid(fake_logits).mean()
    return d_loss, g_loss


exercises.gan.broken_game.check(my_losses)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $D = \frac12$ everywhere: $2 \ln 2 = 1.386$ and $\ln 2 = 0.693$. The program treats
# $\frac12$ as a logit with label 1, twice: $2 \ln(1 + e^{-1/2}) = 0.948$, and its
# second loss is $-0.693$.
# </details>

# %% [markdown]
# **1. A flipped sign.** The generator "minimises" $\mathbb E \ln D(G(z))$. **Predict**
# the discriminator's loss and where the samples go.


# %%
def flipped_g(real_logits, fake_logits):
    """E log D(fake), to be minimised: the wrong way round."""
    return -F.softplus(-fake_logits).mean()


# %% tags=["nbval-ignore-output"]
short = {"lr": 2e-3, "steps": 500, "show": False}
flipped = pair()
_, history = train_gan(flipped, mixture("ring"), (minimax_d, flipped_g), **short)
turned = pair()
train_gan(turned, mixture("ring"), "non-saturating", **short)
off, near = (
    torch.cdist(sample(generator), torch.tensor(RING)).min(1).values.median().item()
    for generator, _ in (flipped, turned)
)
fooled = history.logged["d_loss"][-1]
print(
    f"median distance from the nearest mode: flipped {off:.1f}, right {near:.1f}; "
    f"loss {fooled:.4f}"
)

# %%
assert off > 0.5 > near and fooled < 0.1

# %% [markdown]
# The samples never leave the middle, where they began and where the discriminator is
# surest that they are fake; its loss goes to 0 and stays. A generator that does not
# learn at all looks the same: check the sign of the loss's slope (section 3). Cure:
# write the loss as something to minimise.
#
# **2. The fake batch is not detached.** In the discriminator's backward pass the
# gradient runs on into the generator. **Predict** for two programs whether the weights
# after 50 steps are the same as those of a right one: (a) the generator's gradients are
# set to zero right before its own backward pass; (b) all gradients are set to zero
# once, at the start of the step.


# %%
def plain_loop(detached, zero_late, steps=50):
    """Bare PyTorch, plain gradient descent, the same noise for all:
    the generator's weights at the end."""
    rng = torch.Generator().manual_seed(0)
    generator, discriminator = pair(hidden=32)
    opt_g, opt_d = (
        torch.optim.SGD(model.parameters(), lr=0.05)
        for model in (generator, discriminator)
    )
    for _ in range(steps):
        opt_g.zero_grad()
        opt_d.zero_grad()
        real = torch.tensor(RING)[torch.randint(8, (64,), generator=rng)]
        fake = generator(torch.randn(64, 2, generator=rng))
        judged = discriminator(fake.detach() if detached else fake)
        # without detach this reaches the generator
        minimax_d(discriminator(real), judged).backward()
        opt_d.step()
        if zero_late:
            opt_g.zero_grad()
        fake = generator(torch.randn(64, 2, generator=rng))
        non_saturating_g(None, discriminator(fake)).backward()
        opt_g.step()
    return torch.cat([w.detach().flatten() for w in generator.parameters()])


# %%
right = plain_loop(detached=True, zero_late=False)
print(
    "(a) not detached, zeroed late: same weights:",
    torch.equal(right, plain_loop(False, zero_late=True)),
)
print(
    "(b) not detached, zeroed early: same weights:",
    torch.equal(right, plain_loop(False, zero_late=False)),
)

# %% [markdown]
# (a) loses only the time of a useless backward pass. In (b) the discriminator's
# gradient, which wants fakes to be *caught*, is added to the generator's: it pulls
# against itself. Nothing is printed, nothing is infinite. Cure: `detach`, or generate
# without a graph, as the chapter's loop does.
#
# **3. The penalty over the whole batch.** `gradient.norm()` without an axis is one norm
# of all $B$ gradients together. **Predict** the slope per example that such a penalty
# asks for, with $B = 128$.


# %%
def whole_batch_penalty(discriminator, real, fake, mix):
    """(‖all gradients‖ - 1)²: wrong."""
    between = (
        (mix[:, None] * real + (1 - mix[:, None]) * fake).detach().requires_grad_()
    )
    return (slope_squares(discriminator(between), between).sum().sqrt() - 1).square()


def critic_slope(penalty, steps=400, batch=128):
    """Median slope of a critic between N(0, I) and N((2, 0), I),
    trained with a penalty."""
    torch.manual_seed(0)
    critic = Discriminator(2, hidden=32)
    optimizer = torch.optim.Adam(critic.parameters(), lr=5e-3)
    for _ in range(steps):
        real, fake = torch.randn(2, batch, 2)
        fake = fake + torch.tensor([2.0, 0.0])
        loss = wasserstein_d(critic(real), critic(fake)) + 10 * penalty(
            critic, real, fake, torch.rand(batch)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = torch.randn(1000, 2, requires_grad=True)
    return slope_squares(critic(x), x).sqrt().median().item()


# %% tags=["nbval-ignore-output"]
slopes = {
    "each example": critic_slope(gradient_penalty),
    "whole batch": critic_slope(whole_batch_penalty),
}
print(
    {name: round(value, 3) for name, value in slopes.items()},
    f"1/√128 = {128**-0.5:.3f}",
)

# %%
assert 0.8 < slopes["each example"] < 1.2 and 0.05 < slopes["whole batch"] < 0.15

# %% [markdown]
# One norm of 1 for 128 examples leaves $1/\sqrt{128} = 0.09$ to each: the critic is
# eleven times too flat, and its "Wasserstein distance" as much too small, and it
# depends on the batch size. Cure: norm per example, then the mean.

# %% [markdown]
# **4. Mode collapse.** The discriminator's rate is fifty times the generator's, and
# neither falls. Two cures offer themselves: equal rates, and R1 and R2. The measure now
# only asks *where* samples are, not how near: with the shares $s_k$ of samples that are
# nearest to centre $k$,
#
# $$\text{effective modes} = \exp\Big(-\sum_k s_k \ln s_k\Big)$$
#
# is 8 for equal shares and 1 if all samples are at one centre. **Predict** the lowest
# number along the second half of 500 steps: with neither cure, with one, and with both.


# %%
def effective_modes(points, centres=RING):
    """exp(entropy) of the shares of points (N, 2) by nearest centre:
    1 to the number of centres."""
    which = torch.cdist(points, torch.tensor(centres)).argmin(1)
    shares = torch.bincount(which, minlength=len(centres)) / len(points)
    return torch.exp(-torch.special.xlogy(shares, shares).sum()).item()


def least_modes(**settings):
    """The lowest number of effective modes in steps 250 to 500, the samples then,
    and the run's History."""
    models, lowest = pair(), (math.inf, None)

    def watch(step, generator, discriminator):
        nonlocal lowest
        if step >= 250 and step % 10 == 0:
            points = sample(generator, 1000)
            lowest = min(
                lowest, (effective_modes(points), points), key=lambda found: found[0]
            )

    settings = {
        "loss": "non-saturating",
        "lr": 1e-3,
        "schedule": constant,
        "steps": 500,
    } | settings
    _, history = train_gan(models, mixture("ring"), watch=watch, show=False, **settings)
    return *lowest, history


# %% tags=["nbval-ignore-output"]
outcomes, least = {}, {}
both = {"r1": 1.0, "r2": 1.0}
for name, settings in {
    "50 times": {"lr_d": 5e-2},
    "50 times, R1 and R2": {"lr_d": 5e-2} | both,
    "equal rates": {},
    "equal rates, R1 and R2": both,
}.items():
    least[name], outcomes[name], history = least_modes(**settings)
    d_loss = sum(history.logged["d_loss"][-100:]) / 100
    print(
        f"{name}: {least[name]:.1f} effective modes at the least, "
        f"discriminator's loss {d_loss:.2f}"
    )
plots.points(
    outcomes,
    title="The worst moment of each run",
    centres=RING,
    columns=4,
    alt="gan.worst_moments",
)

# %%
assert least["50 times"] < 0.85 * min(
    least["equal rates"], least["equal rates, R1 and R2"]
)

# %% [markdown]
# A discriminator that is far ahead has steep walls and is flat beyond them: the samples
# hear nothing of the modes they miss, gather, are found out, and move on together.
# Signature: samples on few modes, *which* ones changes with time. Equal rates cure it;
# R1 and R2 at these rates help here, but not with every seed.
#
# **5. Losses that look perfect.** This run ends with a discriminator's loss of
# $2 \ln 2 = 1.386$ and a generator's loss of $\ln 2$: the equilibrium, to three digits.
# **Predict** its samples.

# %% tags=["nbval-ignore-output"]
flat = pair()
_, history = train_gan(
    flat, mixture("ring"), "non-saturating", r1=100.0, r2=100.0, **short
)
d_loss, g_loss = (sum(history.logged[name][-50:]) / 50 for name in ("d_loss", "g_loss"))
flat_score = score(sample(flat[0]), "ring")
print(f"discriminator's loss {d_loss:.3f}, generator's {g_loss:.3f};", end=" ")
print(
    f"{flat_score['modes']} of 8 modes, "
    f"{100 * flat_score['quality']:.0f} % of high quality"
)

# %%
assert abs(d_loss - 2 * math.log(2)) < 0.02 and abs(g_loss - math.log(2)) < 0.02
assert flat_score["quality"] < 0.3

# %% [markdown]
# The penalty of 100 forbids the discriminator any slope: it says ½ to everything, and
# everything passes. $2 \ln 2$ means that *this discriminator* cannot tell, and a blind
# one cannot either. A GAN's losses measure the two players against each other; quality
# needs a third judge, as in sections 7 and 8.

# %% [markdown]
# ## 10 Variants to build

# %% [markdown]
# **Exercise: one-sided label smoothing** (medium, about 10 minutes)
#
# Salimans et al. (2016), section 3.4, give real points the label $1 - s$ in place of 1,
# and generated points still 0. With a label $t$ a point of logit $a$ costs the
# cross-entropy
#
# $$-t \log D - (1 - t) \log(1 - D), \quad D = \frac{1}{1 + e^{-a}}$$
#
# Return the real points' mean cost plus the generated ones', a scalar: `real_logits`
# $(N)$, `fake_logits` $(M)$, `smooth` is the float $s$, $0\le s<1$. Logits may be 0 or
# $\pm10^4$: values and gradients for both are compared there too. No ready-made loss,
# such as `F.binary_cross_entropy_with_logits`, `F.cross_entropy` or
# `F.soft_margin_loss`, no `torch.distributions`.
#
# By hand first: where the data's density is $p$ and the generator's $q$, which $D$
# costs least?


# %%
def my_smoothed_loss(real_logits, fake_logits, smooth):
    """The discriminator's loss with the label 1 - smooth for real points, a scalar in
    nats. real_logits (N,), fake_logits (M,), before the sigmoid; smooth a float,
    0 <= smooth < 1."""
    raise NotImplementedError


exercises.gan.one_sided_smoothing.check(my_smoothed_loss)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $-(1 - s)\, p \log D - (s p + q) \log(1 - D)$ has the slope 0 where
# $(1 - s)\, p / D = (s p + q) / (1 - D)$: at $D = (1 - s)\, p / (p + q)$, the usual
# best times $1 - s$.
# </details>

# %% [markdown]
# **Exercise: show the discriminator several samples at once** (medium, about 8 minutes)
#
# A discriminator that sees one sample at a time cannot notice that all fakes are alike.
# In PacGAN (Lin et al. 2018) it judges $m$ at once, all real or all fake, and a pack of
# equal ones gives a collapsed generator away.
#
# Write the packing: of `x` $(B,D)$ put samples $0 \dots m-1$ side by side, then
# $m \dots 2m-1$, and so on: $(B/m,mD)$. Images $(B,C,H,W)$ are stacked along the
# channels: $(B/m,mC,H,W)$. $m$ is 1 or more and divides $B$. In memory `x` may lie in
# any order, as after a transpose. Values and gradients are compared.
#
# By hand first: pack $(1,2), (3,4), (5,6), (7,8)$ with $m = 2$.


# %%
def my_pack(x, m):
    """m consecutive samples as one. x (B, D) -> (B / m, m D), or (B, C, H, W) ->
    (B / m, m C, H, W); m, a whole number that divides B."""
    raise NotImplementedError


exercises.gan.pack.check(my_pack)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $(1, 2, 3, 4)$ and $(5, 6, 7, 8)$.
# </details>

# %% [markdown]
# ## In this chapter we
#
# - derived the best discriminator, and the value $-\ln 4 + 2\,\mathrm{JS}$, and met
#   both by quadrature and by training;
# - wrote six pairs of losses from logits, proved them against PyTorch, and saw where
#   each falls silent;
# - moved two distributions apart: JS goes flat, KL infinite, $W_1$ keeps counting;
# - predicted from a two-by-two matrix which games come to rest, to four digits;
# - trained ten recipes on a ring and a grid, at equal time, with five seeds each;
# - trained a GAN of digits, judged it by a classifier, and looked for copies;
# - diagnosed five failures, the last of which had perfect losses.

# %% [markdown]
# ## Go further
#
# - In section 5, give the discriminator a bias. Does least squares with labels 0 and 1
#   find the equilibrium now?
# - Give the ring's generator noise of eight dimensions, or one that is uniform on a
#   square. What becomes of the bridges?
# - Condition the generator and the discriminator on the class of the digit. How do the
#   confident samples change?
# - Distort real *and* generated digits alike before the discriminator sees them (Zhao
#   et al. 2020). Why both?
# - Compare with chapter 4's VAE by this chapter's measures. Which of the two has the
#   better precision, which the better recall?

# %% [markdown]
# ## Sources
#
# - I. Goodfellow et al., "Generative adversarial nets", 2014,
#   [arXiv 1406.2661](https://arxiv.org/abs/1406.2661): equation 1 (the value), section
#   3 (the non-saturating loss), proposition 1 (the best discriminator), theorem 1
#   ($-\log 4$, JS).
# - M. Arjovsky, S. Chintala, L. Bottou, "Wasserstein GAN", 2017,
#   [arXiv 1701.07875](https://arxiv.org/abs/1701.07875): example 1 (parallel lines),
#   section 3 and algorithm 1 (clipping).
# - I. Gulrajani et al., "Improved training of Wasserstein GANs", 2017,
#   [arXiv 1704.00028](https://arxiv.org/abs/1704.00028): equation 3.
# - X. Mao et al., "Least squares generative adversarial networks", 2017,
#   [arXiv 1611.04076](https://arxiv.org/abs/1611.04076).

# %% [markdown]
# - J. H. Lim, J. C. Ye, "Geometric GAN", 2017,
#   [arXiv 1705.02894](https://arxiv.org/abs/1705.02894): the hinge loss.
# - L. Mescheder, A. Geiger, S. Nowozin, "Which training methods for GANs do actually
#   converge?", 2018, [arXiv 1801.04406](https://arxiv.org/abs/1801.04406): section 2
#   (the Dirac GAN), equation 9 (R1).
# - A. Jolicoeur-Martineau, "The relativistic discriminator", 2019,
#   [arXiv 1807.00734](https://arxiv.org/abs/1807.00734). N. Huang et al., "The GAN is
#   dead; long live the GAN!", 2024,
#   [arXiv 2501.05441](https://arxiv.org/abs/2501.05441): the relativistic loss with R1
#   and R2.
# - T. Karras et al., "Analyzing and improving the image quality of StyleGAN", 2020,
#   [arXiv 1912.04958](https://arxiv.org/abs/1912.04958): lazy regularisation. Y. Yazıcı
#   et al., "The unusual effectiveness of averaging in GAN training", 2019,
#   [arXiv 1806.04498](https://arxiv.org/abs/1806.04498).

# %% [markdown]
# - A. Srivastava et al., "VEEGAN", 2017,
#   [arXiv 1705.07761](https://arxiv.org/abs/1705.07761): ring, grid, 2,500 samples,
#   high quality within three standard deviations. (There one good sample finds a mode;
#   here it takes 20.)
# - T. Kynkäänniemi et al., "Improved precision and recall metric for assessing
#   generative models", 2019, [arXiv 1904.06991](https://arxiv.org/abs/1904.06991). M.
#   Heusel et al., 2017, [arXiv 1706.08500](https://arxiv.org/abs/1706.08500): the
#   Fréchet distance.
# - W. Shi et al., "Real-time single image and video super-resolution using an efficient
#   sub-pixel convolutional neural network", 2016,
#   [arXiv 1609.05158](https://arxiv.org/abs/1609.05158). T. White, "Sampling generative
#   networks", 2016, [arXiv 1609.04468](https://arxiv.org/abs/1609.04468).
# - G. Peyré, M. Cuturi, "Computational optimal transport", 2019: remark 2.28. S. Zhao
#   et al., "Differentiable augmentation for data-efficient GAN training", 2020,
#   [arXiv 2006.10738](https://arxiv.org/abs/2006.10738).

# %% [markdown]
# ## How the tables were made (optional)
#
# Cells of this chapter read recorded tables. Here is how they were made:
# `make results CH=05` calls each function with the arguments of each row. It yields the
# losses of its training, and then what it measured.


# %%
def record_points(target, seed, **settings):
    """Train on the ring or the grid, and score 2,500 samples of the last and of the
    averaged weights."""
    models = pair(seed=seed)
    averaged, history = train_gan(models, mixture(target), seed=seed, **settings)
    yield history.losses
    measured = {
        "steps": len(history.losses),
        "training seconds": round(history.seconds, 1),
    }
    last = score(sample(models[0]), target)
    yield (
        measured
        | score(sample(averaged), target)
        | {f"last {name}": last[name] for name in last}
    )


# %%
def record_recipe(target, recipe, seed, **settings):
    """One run of a recipe."""
    return record_points(target, seed, **RECIPES[recipe], **settings)


def record_rate(recipe, lr, **settings):
    """A recipe with a learning rate, on the ring in half the time,
    with a seed that no table has."""
    half = {"lr": lr, "steps": RECIPES[recipe]["steps"] // 2}
    return record_points("ring", 100, **RECIPES[recipe] | half, **settings)


def record_averaging(seed, **settings):
    """The best recipe on the ring with a constant rate."""
    return record_points(
        "ring", seed, **RECIPES["relativistic + R1 + R2"], schedule=constant, **settings
    )


# %%
def record_replay(run, **settings):
    """Train small networks on the ring; leaves the weights at the frames' steps."""
    file, changes = REPLAYED[run]
    models, kept = pair(hidden=64), {}

    def watch(step, generator, discriminator):
        if step in FRAMES:
            for part, model in (("g", generator), ("d", discriminator)):
                kept.update(
                    {
                        f"{step}.{part}.{name}": w.clone()
                        for name, w in model.state_dict().items()
                    }
                )

    recipe = {"loss": "non-saturating", "lr": 2e-3} | changes | {"steps": 2500}
    _, history = train_gan(models, mixture("ring"), watch=watch, **recipe, **settings)
    yield history.losses
    results.save_weights("05", file, kept)
    yield {}


# %%
def record_classifier(**settings):
    """The classifier; it leaves its weights."""
    digits = data.mnist()
    model, history = train_classifier(digits.x_train, digits.y_train, **settings)
    yield history.losses
    results.save_weights("05", "classifier", model.state_dict())
    right = training.predict(model, digits.x_test).argmax(1) == digits.y_test
    yield {"accuracy": right.double().mean().item()}


CHANGES = {
    "as chosen": {},
    "no penalty": {"r1": 0.0},
    "batches of 128, a quarter of the steps": {"batch_size": 128, "steps": 625},
    "momentum 0.5": {"betas": (0.5, 0.99)},
    "relativistic, R1 and R2": {"loss": "relativistic", "r2": 1.0},
}


# %%
def record_digits(change, seed, **settings):
    """A GAN of digits, judged by the recorded classifier;
    the chapter's with seed 0 leaves its weights."""
    digits = data.mnist()
    models, real = digit_models(seed), batches_of(digits.x_train)
    averaged, history = train_gan(
        models, real, seed=seed, **DIGITS | CHANGES[change], **settings
    )
    yield history.losses
    if (change, seed) == ("as chosen", 0):
        results.save_weights("05", "digits", averaged.state_dict())
    measured = {
        "steps": len(history.losses),
        "training seconds": round(history.seconds, 1),
    }
    judged = judge(
        sample(averaged), recorded("classifier", Classifier()), digits.x_train[:2500]
    )
    yield measured | judged


# %%
def record_discriminator(seed, **settings):
    """The GAN of digits with one more seed;
    it leaves its discriminator and its generator."""
    digits = data.mnist()
    models, real = digit_models(seed), batches_of(digits.x_train)
    opponent, history = train_gan(models, real, seed=seed, **DIGITS, **settings)
    yield history.losses
    for name, model in (("discriminator", models[1]), ("opponent", opponent)):
        results.save_weights("05", name, model.state_dict())
    judged = {"test digits": digits.x_test, "samples": sample(opponent)}
    with torch.no_grad():
        passed = {
            name: (models[1].cpu()(x) > 0).double().mean().item()
            for name, x in judged.items()
        }
    yield {f"{name} taken for real": share for name, share in passed.items()}


# %%
RATES = (5e-4, 2e-3, 8e-3)


def seeded(target):
    """Five seeds of each recipe."""
    return [
        {"target": target, "recipe": recipe, "seed": seed}
        for recipe in RECIPES
        for seed in range(5)
    ]


RECORDED = {
    "rates": (
        record_rate,
        [{"recipe": recipe, "lr": lr} for recipe in RECIPES for lr in RATES],
    ),
    "ring": (record_recipe, seeded("ring")),
    "grid": (record_recipe, seeded("grid")),
    "averaging": (record_averaging, [{"seed": seed} for seed in range(5)]),
    "replays": (record_replay, [{"run": run} for run in REPLAYED]),
    "classifier": (record_classifier, [{}]),
    "discriminator": (record_discriminator, [{"seed": 3}]),
    "digits": (
        record_digits,
        [{"change": "as chosen", "seed": seed} for seed in range(3)]
        + [{"change": change, "seed": 0} for change in list(CHANGES)[1:]],
    ),
}
