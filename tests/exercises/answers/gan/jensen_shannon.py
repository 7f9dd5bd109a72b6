"""Answers to `gan.jensen_shannon`, written from its statement alone."""

import math

import torch
import torch.nn.functional as F


def wrong_no_half(p, q):
    """The sum of both divergences, not half of it."""
    m = (p + q) / 2
    return (torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p + q, m)).sum(-1)


def wrong_bits(p, q):
    """In bits."""
    m = (p + q) / 2
    nats = 0.5 * (torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p + q, m)).sum(-1)
    return nats / math.log(2)


def wrong_jeffreys(p, q):
    """Half of KL(p, q) + KL(q, p), without the middle: infinite where a probability is 0."""
    pq = torch.xlogy(p, p) - torch.xlogy(p, q)
    qp = torch.xlogy(q, q) - torch.xlogy(q, p)
    return 0.5 * (pq + qp).sum(-1)


def wrong_divergence_turned(p, q):
    """KL(m, p) and KL(m, q), the arguments turned round."""
    m = (p + q) / 2
    return 0.5 * (2 * torch.xlogy(m, m) - torch.xlogy(m, p) - torch.xlogy(m, q)).sum(-1)


def wrong_distance(p, q):
    """The root of it, as scipy's jensenshannon returns."""
    m = (p + q) / 2
    js = 0.5 * (torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p + q, m)).sum(-1)
    return js.clamp(min=0).sqrt()


def wrong_mean_over_outcomes(p, q):
    """A mean over the outcomes in place of the sum."""
    m = (p + q) / 2
    return 0.5 * (torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p + q, m)).mean(-1)


def wrong_batchmean(p, q):
    """F.kl_div with batchmean: one number for the batch."""
    log_m = ((p + q) / 2).clamp(min=torch.finfo(p.dtype).tiny).log()
    return 0.5 * (F.kl_div(log_m, p, reduction="batchmean") + F.kl_div(log_m, q, reduction="batchmean"))


def wrong_zero_over_zero(p, q):
    """xlogy guards against log 0, but not against 0 / 0."""
    m = (p + q) / 2
    return 0.5 * (torch.xlogy(p, p / m) + torch.xlogy(q, q / m)).sum(-1)


def wrong_eps(p, q):
    """1e-8 added to all probabilities."""
    p, q = p + 1e-8, q + 1e-8
    m = (p + q) / 2
    return 0.5 * (p * (p / m).log() + q * (q / m).log()).sum(-1)


def wrong_clamped_inputs(p, q):
    """Probabilities are clamped at 1e-7, as Keras does, the factor in front too."""
    p, q = p.clamp(1e-7, 1), q.clamp(1e-7, 1)
    m = (p + q) / 2
    return 0.5 * (p * (p / m).log() + q * (q / m).log()).sum(-1)


def open_middle_underflows(p, q):
    """Half of the smallest probability is 0: the ratio becomes infinite."""
    m = 0.5 * (p + q)
    both = torch.where(p > 0, p * (p / m).log(), torch.zeros_like(p))
    return 0.5 * (both + torch.where(q > 0, q * (q / m).log(), torch.zeros_like(q))).sum(-1)


def wrong_one_sided_in_bits(p, q):
    """Only KL(p, m), not that of q, and in bits."""
    m = (p + q) / 2
    return (torch.xlogy(p, p) - torch.xlogy(p, m)).sum(-1) / math.log(2)


def _term(p, total):
    """p log(2 p / total), 0 where p is 0."""
    positive = p > 0
    ratio = 2 * p / torch.where(positive, total, torch.ones_like(total))
    logs = torch.where(positive, ratio, torch.ones_like(p)).log()
    return torch.where(positive, p * logs, torch.zeros_like(p))


def right_where(p, q):
    """The formula where the probability is positive."""
    return 0.5 * (_term(p, p + q) + _term(q, p + q)).sum(-1)


def wrong_log1p(p, q):
    """log(p / m) = log1p((p - q) / (p + q)): exact for rows that are nearly alike."""
    total = p + q
    slope = (p - q) / torch.where(total > 0, total, torch.ones_like(total))
    return (torch.special.xlog1py(p, slope) + torch.special.xlog1py(q, -slope)).sum(-1) / 2


def right_nan_to_num(p, q):
    """0 / 0 and 0 * -inf are NaN, and become 0."""
    total = p + q
    terms = torch.nan_to_num(p * torch.log(2 * p / total)) + torch.nan_to_num(q * torch.log(2 * q / total))
    return torch.einsum("bk->b", terms) / 2


def right_loop(p, q):
    """Plain numbers in two loops."""
    out = []
    for row_p, row_q in zip(p.tolist(), q.tolist()):
        terms = []
        for a, b in zip(row_p, row_q):
            if a > 0:
                terms.append(a * math.log(2 * a / (a + b)))
            if b > 0:
                terms.append(b * math.log(2 * b / (a + b)))
        out.append(math.fsum(terms) / 2)
    return torch.tensor(out, dtype=p.dtype)


def forbidden_distributions(p, q):
    """torch.distributions.kl_divergence."""
    from torch.distributions import Categorical, kl_divergence

    tiny = torch.finfo(torch.float64).tiny
    p64, q64 = p.double().clamp(min=tiny), q.double().clamp(min=tiny)
    m = Categorical(probs=(p64 + q64) / 2)
    js = 0.5 * (kl_divergence(Categorical(probs=p64), m) + kl_divergence(Categorical(probs=q64), m))
    return js.to(p.dtype)


def open_entropies(p, q):
    """Open: H(m) - (H(p) + H(q)) / 2 loses digits where the rows are nearly alike."""

    def entropy(x):
        return torch.special.entr(x).sum(-1)

    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


def open_kl_div(p, q):
    """Open: the ready-made F.kl_div is not forbidden (m is clamped at the smallest normal number)."""
    log_m = ((p + q) / 2).clamp(min=torch.finfo(p.dtype).tiny).log()
    both = F.kl_div(log_m, p, reduction="none") + F.kl_div(log_m, q, reduction="none")
    return both.sum(-1) / 2
