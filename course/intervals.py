"""How sure a measured share is."""


def wilson(successes, trials):
    """The 95 % interval of a share, such as an accuracy on a test set.

    Args:
        successes, trials: counts, 0 ≤ successes ≤ trials, trials ≥ 1.
    Returns:
        (low, high), shares from 0 to 1.
    Raises:
        ValueError: if the counts are impossible.
    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if not (trials >= 1 and 0 <= successes <= trials):
        raise ValueError(f"wilson({successes}, {trials}): expected 0 <= successes <= trials and trials >= 1.")
    z = 1.959964  # the normal distribution's 97.5 % point
    share = successes / trials
    centre = share + z * z / (2 * trials)
    half = z * (share * (1 - share) / trials + z * z / (4 * trials**2)) ** 0.5
    scale = 1 + z * z / trials
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)
