"""Chapter 5: the Jensen-Shannon divergence, Lin (1991); Goodfellow et al. (2014), equation 6."""

import math
import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_jensen_shannon(p, q):
    """The Jensen-Shannon divergence of each pair of rows, nats, (B,). p and q (B, K): each row a
    distribution over K outcomes, zeros allowed."""
    m = (p + q) / 2  # 0 only where both are
    # xlogy(x, y) is x log y, and 0 where x is 0; of p / m it would still meet 0 / 0.
    kl_p = (torch.xlogy(p, p) - torch.xlogy(p, m)).sum(dim=1)
    kl_q = (torch.xlogy(q, q) - torch.xlogy(q, m)).sum(dim=1)
    return (kl_p + kl_q) / 2


def by_entropies(p, q):
    """The same in float64: the entropy of the mixture minus the mean of the entropies."""
    wide = p.double(), q.double()
    mixture = torch.special.entr((wide[0] + wide[1]) / 2).sum(1)
    return (mixture - torch.special.entr(torch.stack(wide)).sum(2).mean(0)).to(p.dtype)


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
    my_jensen_shannon,
    reference=by_entropies,
    # OLD wide=wide_pair
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([[1.0, 0.0]]).double(), torch.tensor([[0.0, 1.0]]).double()),  # by hand: ln 2
    #         (torch.tensor([[0.75, 0.25]]).double(), torch.tensor([[0.25, 0.75]]).double()),
    #         (torch.tensor([[0.5, 0.5, 0.0]]).double(), torch.tensor([[0.5, 0.0, 0.5]]).double()),
    #         (torch.tensor([[0.5, 0.0, 0.5]]).double(), torch.tensor([[0.5, 0.0, 0.5]]).double()),  # equal: 0
    #         (torch.ones(2, 1), torch.ones(2, 1)),  # K = 1
    #         pair_case(rng, 3, 3),
    #         pair_case(rng, 1, 5, torch.float64, 3.0),
    #         pair_case(rng, 4, 6, torch.float64, 1.0, 0.5),
    #         pair_case(rng, 5, 4, torch.float32, 2.0, 0.5),
    #         pair_case(rng, 2, 300, torch.float32, 2.0),
    #         pair_case(rng, 2, 40, torch.float64, 20.0),
    #         *(wide_pair(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Where can m be 0, and where is p_k log(p_k / m_k) NaN in floating point though it should be 0?

        `torch.xlogy(x, y)` is x log y, and 0 where x is 0. Take p log p and p log m one by one: of p / m it
        would still meet 0 / 0.

        `kl_p = (torch.xlogy(p, p) - torch.xlogy(p, m)).sum(dim=1)`, the same for q, and their mean.
    """,
    wrong="""
        nan_at_zeros: OLD → NEW
            Right where no probability is 0. Else 0 times log 0 is 0 times -inf: NaN. `torch.xlogy` has 0.
        nan_where_both_are_zero: OLD → NEW
            One place is left: where p and q are both 0, so is m. Then 0/0 is NaN before `torch.xlogy` sees
            it, and `F.kl_div(m.log(), p)` multiplies 0 by -inf. Take p log p and p log m apart.
        epsilon_1e-04: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_below_1e-04: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_first_1e-04: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_1e-05: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_below_1e-05: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_first_1e-05: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_1e-06: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_below_1e-06: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_first_1e-06: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_1e-07: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_below_1e-07: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_first_1e-07: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_1e-08: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_below_1e-08: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_first_1e-08: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_1e-09: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_below_1e-09: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_first_1e-09: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_1e-10: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_below_1e-10: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        epsilon_first_1e-10: OLD → NEW
            You add a small number to the probabilities: no NaN, but the results are a little wrong. 0 log 0
            is exactly 0: `torch.xlogy`.
        bits: OLD → NEW
            This is the divergence in bits: take natural logarithms.
        half_forgotten: OLD → NEW
            The ½ before the two KLs is missing: disjoint distributions then get 2 log 2, not log 2.
        distance: OLD → NEW
            This is the Jensen-Shannon distance, the root of the divergence (as in SciPy's `jensenshannon`):
            no root is asked for.
        value_of_the_game: OLD → NEW
            This is the generator's cost, 2 JS - log 4: return JS alone.
        kl: OLD → NEW
            This is KL(p || q), infinite where q is 0 and p is not: both are compared with their mean m.
        jeffreys: OLD → NEW
            This is KL(p || q) + KL(q || p), Jeffreys' divergence: symmetric, but infinite where one of the
            two is 0. Compare each with the mean m.
        symmetrised_kl: OLD → NEW
            This is the mean of KL(p || q) and KL(q || p): symmetric, but infinite where one of the two is 0.
            Compare each with the mean m.
        mixture_not_halved: OLD → NEW
            Your m is p + q, which sums to 2: halve it. Equal distributions then get 0, not -log 2.
        arguments_of_the_kl_swapped: OLD → NEW
            You take KL(m || p) and KL(m || q), infinite where one of the two is 0: m comes second.
            `F.kl_div(m.log(), p)` is KL(p || m): its first argument is the logarithm of the second.
        mean_over_outcomes: OLD → NEW
            You average over the K outcomes: a KL is a sum over them, weighted by p.
        one_side: OLD → NEW
            This is KL(p || m) alone: add KL(q || m) and halve the sum.
    """,
)
