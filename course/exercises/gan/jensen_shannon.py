"""Chapter 5: the Jensen-Shannon divergence, Lin (1991); Goodfellow et al. (2014), equation 6."""

import math

import torch

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_jensen_shannon(p, q):
    """The Jensen-Shannon divergence of each pair of rows, nats, (B,). p and q (B, K): each row a
    distribution over K outcomes, zeros allowed."""
    m = (p + q) / 2  # 0 only where both are
    # xlogy(x, y) is x log y, and 0 where x is 0; of x / m it would still meet 0 / 0.
    kl_p, kl_q = ((torch.xlogy(x, x) - torch.xlogy(x, m)).sum(dim=1) for x in (p, q))
    return (kl_p + kl_q) / 2


def by_entropies(p, q):
    """The same in float64: the entropy of the mixture minus the mean of the entropies."""
    wide = p.double(), q.double()
    mixture = torch.special.entr((wide[0] + wide[1]) / 2).sum(1)
    return (mixture - torch.special.entr(torch.stack(wide)).sum(2).mean(0)).to(p.dtype)


def draw(rng, B, K, scale=1.0, zeros=0.0, dtype=torch.float64):
    """A case: distributions, sharper with `scale`; of each a share `zeros` of outcomes is impossible."""
    p, q = tensors(rng, "BK BK", dtype, B=B, K=K)
    for logits in (*p, *q):
        impossible = [k for k in range(K) if rng.random() < zeros]
        logits[impossible[: K - 1]] = -math.inf
    return (scale * p).softmax(1), (scale * q).softmax(1)


jensen_shannon = Exercise(
    my_jensen_shannon,
    reference=by_entropies,
    draw=draw,
    by_hand=[
        ([[1.0, 0.0]], [[0.0, 1.0]]),  # ln 2
        ([[0.75, 0.25]], [[0.25, 0.75]]),
        ([[0.5, 0.5, 0.0]], [[0.5, 0.0, 0.5]]),
        ([[0.5, 0.0, 0.5]], [[0.5, 0.0, 0.5]]),  # equal: 0
        (torch.ones(2, 1), torch.ones(2, 1)),  # K = 1
        ([[1e-300, 1.0, 0.0], [0.25, 1e-9, 0.75]], [[0.5, 1e-300, 0.5], [1.0, 0.0, 1e-200]]),
        (torch.tensor([[1e-30, 1.0]]), torch.tensor([[1.0, 1e-30]])),
    ],
    sizes=[
        dict(B=3, K=3),
        dict(B=1, K=5, scale=3.0),
        dict(B=4, K=6, zeros=0.5),
        dict(B=5, K=4, scale=2.0, zeros=0.5, dtype=torch.float32),
        dict(B=2, K=300, scale=2.0, dtype=torch.float32),
        dict(B=2, K=40, scale=20.0),
        dict(B=2, K=1100, scale=3.0, zeros=0.3),
        dict(B=130, K=2),
    ],
    spans=dict(B=(1, 4), K=(1, 6), scale=lambda rng: 10 ** rng.uniform(-1, 0.7), zeros=[0.0, 0.5]),
    forbids="torch.distributions*: Write the two KLs yourself, since that is what the exercise is about.",
    hints="""
        Where can m be 0, and where is p_k log(p_k / m_k) NaN in floating point though it should be 0?

        `torch.xlogy(x, y)` is x log y, and 0 where x is 0. Take p log p and p log m one by one: of p / m it
        would still meet 0 / 0.

        These are the lines: `kl_p = (torch.xlogy(p, p) - torch.xlogy(p, m)).sum(dim=1)`, the same for q, and
        their mean.
    """,
    wrong="""
        nan_at_zeros: torch.xlogy(x, x) - torch.xlogy(x, m) → x * (x / m).log()
            Right where no probability is 0. Else 0 times log 0 is 0 times -inf: NaN. `torch.xlogy` has 0.
        nan_where_both_are_zero: torch.xlogy(x, x) - torch.xlogy(x, m) → torch.xlogy(x, x / m)
            One place is left: where p and q are both 0, so is m. Then 0/0 is NaN before `torch.xlogy` sees
            it, and `F.kl_div(m.log(), p)` multiplies 0 by -inf. Take p log p and p log m apart.
        epsilon_first_{}: torch.xlogy(x, x) - torch.xlogy(x, m) → torch.xlogy(x + {}, (x + {}) / (m + {}))
        for: 1e-04, 1e-05, 1e-06, 1e-07, 1e-08, 1e-09, 1e-10
        clamped_{}: m = (p + q) / 2 → p, q = p.clamp(min={}), q.clamp(min={}); m = (p + q) / 2
        for: 1e-02, 1e-03, 1e-04, 1e-05, 1e-06, 1e-07, 1e-08
            You add a small number to the probabilities, or clamp them: no NaN, but the results are a little
            wrong. 0 log 0 is exactly 0: `torch.xlogy`.
        nan_hidden: torch.xlogy(x, x) - torch.xlogy(x, m) → x * (x / m).log()
        and: (kl_p + kl_q) / 2 → ((kl_p + kl_q) / 2).nan_to_num()
            You turn the NaN of a whole row into 0: 0 log 0 is 0, but the row's other terms still count.
            `torch.xlogy` has 0 for each term.
        both_must_be_there: torch.xlogy(x, x) - torch.xlogy(x, m) → (x * (x / m).log()).where(p.mul(q) > 0, 0)
            You leave out the outcomes that one of the two lacks: they count most, p log 2 each. 0 is the term
            of a p_k of 0 alone.
        rows_as_logits: m = (p + q) / 2 → p, q = p.softmax(1), q.softmax(1); m = (p + q) / 2
            You take a softmax of the rows: they are probabilities already.
        geometric_mean: (p + q) / 2 → (p * q).sqrt()
            Your m is the geometric mean, 0 where one of the two is: m is their average, (p + q) / 2.
        bits: (kl_p + kl_q) / 2 → (kl_p + kl_q) / 2 / math.log(2)
            This is the divergence in bits: take natural logarithms.
        distance: (kl_p + kl_q) / 2 → ((kl_p + kl_q) / 2).sqrt()
            This is the Jensen-Shannon distance, the root of the divergence (as in SciPy's `jensenshannon`):
            no root is asked for.
        value_of_the_game: (kl_p + kl_q) / 2 → kl_p + kl_q - math.log(4)
            This is the generator's cost, 2 JS - log 4: return JS alone.
        kl: (p + q) / 2 → q
        and: (kl_p + kl_q) / 2 → kl_p
            This is KL(p || q), infinite where q is 0 and p is not: both are compared with their mean m.
        jeffreys: torch.xlogy(x, m) → torch.xlogy(x, y)
        and: for x in (p, q) → for x, y in ((p, q), (q, p))
        and: (kl_p + kl_q) / 2 → kl_p + kl_q
            This is KL(p || q) + KL(q || p), Jeffreys' divergence: symmetric, but infinite where one of the
            two is 0. Compare each with the mean m.
        symmetrised_kl: torch.xlogy(x, m) → torch.xlogy(x, y)
        and: for x in (p, q) → for x, y in ((p, q), (q, p))
            This is the mean of KL(p || q) and KL(q || p): symmetric, but infinite where one of the two is 0.
            Compare each with the mean m.
        mixture_not_halved: (p + q) / 2 → p + q
            Your m is p + q, which sums to 2: halve it. Equal distributions then get 0, not -log 2.
        arguments_of_the_kl_swapped: torch.xlogy(x, x) → torch.xlogy(m, m)
        and: torch.xlogy(x, m) → torch.xlogy(m, x)
            You take KL(m || p) and KL(m || q), infinite where one of the two is 0: m comes second.
            `F.kl_div(m.log(), p)` is KL(p || m): its first argument is the logarithm of the second.
        one_side: (kl_p + kl_q) / 2 → kl_p
            This is KL(p || m) alone: add KL(q || m) and halve the sum.
    """,
)
