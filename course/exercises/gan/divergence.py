"""Chapter 5, exercise: the Jensen-Shannon divergence, Lin (1991); Goodfellow et al. (2014), equation 6."""

import math

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_jensen_shannon(p, q):
    """The Jensen-Shannon divergence of each pair of rows, nats, (B,). p and q (B, K): each row a
    distribution over K outcomes, zeros allowed."""
    raise NotImplementedError


def solve_jensen_shannon(p, q):
    """The Jensen-Shannon divergence of each pair of rows, nats, (B,). p and q (B, K): each row a
    distribution over K outcomes, zeros allowed."""
    m = (p + q) / 2  # 0 only where both are
    # xlogy(x, y) is x log y, and 0 where x is 0; of p / m it would still meet 0 / 0.
    kl_p = (torch.xlogy(p, p) - torch.xlogy(p, m)).sum(dim=1)
    kl_q = (torch.xlogy(q, q) - torch.xlogy(q, m)).sum(dim=1)
    return (kl_p + kl_q) / 2


def divergence_by_where(p, q):
    """The same: 1 is put in the place of a probability of 0 before the logarithm."""
    m = 0.5 * (p + q)

    def kl(from_):
        ratio = torch.where(from_ > 0, from_, 1.0) / torch.where(from_ > 0, m, 1.0)
        return (from_ * ratio.log()).sum(-1)

    return 0.5 * kl(p) + 0.5 * kl(q)


def divergence_by_row(p, q):
    """The same, one row after the other, of its possible outcomes alone."""
    rows = []
    for a, b in zip(p, q, strict=True):
        m = (a + b) / 2
        in_a, in_b = a > 0, b > 0
        kl_a = (a[in_a] * (a[in_a] / m[in_a]).log()).sum()
        rows.append((kl_a + (b[in_b] * (b[in_b] / m[in_b]).log()).sum()) / 2)
    return torch.stack(rows)


def divergence_by_tiny(p, q):
    """The same: the smallest positive number under the logarithm, which 0 times it leaves at 0."""
    tiny = torch.finfo(p.dtype).tiny
    log_m = ((p + q) / 2).clamp(min=tiny).log()
    terms = p * (p.clamp(min=tiny).log() - log_m) + q * (q.clamp(min=tiny).log() - log_m)
    return 0.5 * terms.sum(dim=1)


def by_entropies(p, q):
    """The same in float64: the entropy of the mixture minus the mean of the entropies."""
    wide = p.double(), q.double()
    mixture = torch.special.entr((wide[0] + wide[1]) / 2).sum(1)
    return (mixture - torch.special.entr(torch.stack(wide)).sum(2).mean(0)).to(p.dtype)


def kl(p, q):
    """KL(p || q) of each row, infinite where q is 0 and p is not."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(1)


def right(p, q):
    """The divergence."""
    return (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2


def ended(name, diagnosis, finish):
    """A misconception about what becomes of the right divergences, (B,)."""
    return Misconception(name, diagnosis, lambda p, q: finish(right(p, q)))


def by_terms(name, diagnosis, term, reduce=lambda terms: terms.sum(1)):
    """A misconception about one outcome's term p log(p / m), a function of p and m, or about their sum."""

    def run(p, q):
        m = (p + q) / 2
        return (reduce(term(p, m)) + reduce(term(q, m))) / 2

    return Misconception(name, diagnosis, run)


def both_ways(name, diagnosis, between):
    """A misconception about what is averaged: a function of one distribution, the other and m."""

    def run(p, q):
        m = (p + q) / 2
        return (between(p, q, m) + between(q, p, m)) / 2

    return Misconception(name, diagnosis, run)


def rows(rng, b, k, dtype=torch.float64, scale=1.0, zeros=0.0):
    """b distributions over k outcomes, sharper with `scale`; a share `zeros` of outcomes is impossible."""
    logits = normal(rng, b, k, dtype=dtype, scale=scale)
    for row in logits:
        impossible = [i for i in range(k) if rng.random() < zeros]
        row[impossible[: k - 1]] = -math.inf
    return logits.softmax(1)


def pair_case(rng, b, k, dtype=torch.float64, scale=1.0, zeros=0.0):
    """A case of given sizes."""
    return rows(rng, b, k, dtype, scale, zeros), rows(rng, b, k, dtype, scale, zeros)


def wide_pair(rng):
    """One valid case of small random sizes, with and without zeros."""
    dtype, zeros = rng.choice((torch.float32, torch.float64)), rng.choice((0.0, 0.5))
    return pair_case(rng, rng.randint(1, 4), rng.randint(1, 6), dtype, 10 ** rng.uniform(-1, 0.7), zeros)


jensen_shannon = Exercise(
    name="jensen_shannon",
    title="the Jensen-Shannon divergence",
    difficulty="medium",
    minutes=12,
    task="""
        Against the best discriminator the generator minimises
        $-\\log 4 + 2\\,\\mathrm{JS}(p, q)$ (Goodfellow et al. 2014, equation 6), with

        $$\\mathrm{JS}(p, q) = \\tfrac12 \\mathrm{KL}(p \\,\\|\\, m) + \\tfrac12 \\mathrm{KL}(q \\,\\|\\, m),
        \\quad m = \\tfrac12 (p + q),
        \\quad \\mathrm{KL}(p \\,\\|\\, m) = \\sum_{k=1}^{K} p_k \\log \\frac{p_k}{m_k}$$

        The rows of `p` and `q` $(B, K)$ are distributions over $K$ outcomes. Return $(B)$, in nats, without
        `torch.distributions`. Probabilities may be 0, in both at the same place too: $0 \\log 0 = 0$. Values
        alone are compared.

        By hand first: $p = (1, 0)$ and $q = (0, 1)$. What is $\\mathrm{JS}(p, q)$, and what is
        $\\mathrm{KL}(p \\,\\|\\, q)$?
    """,
    stub_function=my_jensen_shannon,
    reference=by_entropies,
    cases=lambda rng: [
        (torch.tensor([[1.0, 0.0]]).double(), torch.tensor([[0.0, 1.0]]).double()),  # by hand: ln 2
        (torch.tensor([[0.75, 0.25]]).double(), torch.tensor([[0.25, 0.75]]).double()),
        (torch.tensor([[0.5, 0.5, 0.0]]).double(), torch.tensor([[0.5, 0.0, 0.5]]).double()),
        (torch.tensor([[0.5, 0.0, 0.5]]).double(), torch.tensor([[0.5, 0.0, 0.5]]).double()),  # equal: 0
        (torch.ones(2, 1), torch.ones(2, 1)),  # K = 1
        pair_case(rng, 3, 3),
        pair_case(rng, 1, 5, torch.float64, 3.0),
        pair_case(rng, 4, 6, torch.float64, 1.0, 0.5),
        pair_case(rng, 5, 4, torch.float32, 2.0, 0.5),
        pair_case(rng, 2, 300, torch.float32, 2.0),
        pair_case(rng, 2, 40, torch.float64, 20.0),
        *(wide_pair(rng) for _ in range(6)),
    ],
    wide=wide_pair,
    hints=(
        "Where can m be 0, and where is p_k log(p_k / m_k) NaN in floating point though it should be 0?",
        "`torch.xlogy(x, y)` is x log y, and 0 where x is 0. Take p log p and p log m one by one: of p / m "
        "it would still meet 0 / 0.",
        "`kl_p = (torch.xlogy(p, p) - torch.xlogy(p, m)).sum(dim=1)`, the same for q, and their mean.",
    ),
    solution_function=solve_jensen_shannon,
    alternatives=(divergence_by_where, divergence_by_row, divergence_by_tiny),
    misconceptions=(
        by_terms(
            "nan_at_zeros",
            "Right where no probability is 0. Else 0 times log 0 is 0 times -inf: NaN. `torch.xlogy` has 0.",
            lambda p, m: p * (p / m).log(),
        ),
        by_terms(
            "nan_where_both_are_zero",
            "One place is left: where p and q are both 0, so is m. Then 0/0 is NaN before `torch.xlogy` sees "
            "it, and `F.kl_div(m.log(), p)` multiplies 0 by -inf. Take p log p and p log m apart.",
            lambda p, m: torch.xlogy(p, p / m),
        ),
        *(
            by_terms(
                f"{place}_{small:.0e}",
                "You add a small number to the probabilities: no NaN, but the results are a little wrong. "
                "0 log 0 is exactly 0: `torch.xlogy`.",
                lambda p, m, term=term, small=small: term(p, m, small),
            )
            for small in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
            for place, term in (
                ("epsilon", lambda p, m, small: p * ((p + small) / (m + small)).log()),
                ("epsilon_below", lambda p, m, small: torch.xlogy(p, p / (m + small))),
                ("epsilon_first", lambda p, m, small: torch.xlogy(p + small, (p + small) / (m + small))),
            )
        ),
        ended(
            "bits", "This is the divergence in bits: take natural logarithms.", lambda js: js / math.log(2)
        ),
        ended(
            "half_forgotten",
            "The ½ before the two KLs is missing: disjoint distributions then get 2 log 2, not log 2.",
            lambda js: 2 * js,
        ),
        ended(
            "distance",
            "This is the Jensen-Shannon distance, the root of the divergence (as in SciPy's "
            "`jensenshannon`): no root is asked for.",
            lambda js: js.clamp(min=0).sqrt(),
        ),
        ended(
            "value_of_the_game",
            "This is the generator's cost, 2 JS - log 4: return JS alone.",
            lambda js: 2 * js - math.log(4),
        ),
        Misconception(
            "kl",
            "This is KL(p || q), infinite where q is 0 and p is not: both are compared with their mean m.",
            kl,
        ),
        Misconception(
            "jeffreys",
            "This is KL(p || q) + KL(q || p), Jeffreys' divergence: symmetric, but infinite where one "
            "of the two is 0. Compare each with the mean m.",
            lambda p, q: kl(p, q) + kl(q, p),
        ),
        both_ways(
            "symmetrised_kl",
            "This is the mean of KL(p || q) and KL(q || p): symmetric, but infinite where one of the two is "
            "0. Compare each with the mean m.",
            lambda p, q, m: kl(p, q),
        ),
        both_ways(
            "mixture_not_halved",
            "Your m is p + q, which sums to 2: halve it. Equal distributions then get 0, not -log 2.",
            lambda p, q, m: kl(p, 2 * m),
        ),
        both_ways(
            "arguments_of_the_kl_swapped",
            "You take KL(m || p) and KL(m || q), infinite where one of the two is 0: m comes second. "
            "`F.kl_div(m.log(), p)` is KL(p || m): its first argument is the logarithm of the second.",
            lambda p, q, m: kl(m, p),
        ),
        by_terms(
            "mean_over_outcomes",
            "You average over the K outcomes: a KL is a sum over them, weighted by p.",
            lambda p, m: torch.xlogy(p, p) - torch.xlogy(p, m),
            lambda terms: terms.mean(1),
        ),
        Misconception(
            "one_side",
            "This is KL(p || m) alone: add KL(q || m) and halve the sum.",
            lambda p, q: kl(p, (p + q) / 2),
        ),
    ),
)
