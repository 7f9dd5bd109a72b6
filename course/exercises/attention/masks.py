"""Chapter 3, exercise: a causal mask and a padding mask in one."""

import torch

from course.exercises.engine import Exercise, Misconception


def my_mask(lengths, steps):
    """The mask (B, 1, T, T), bool, True where query t may attend to key s. lengths (B,) int64, steps T."""
    raise NotImplementedError


def solve_mask(lengths, steps):
    """The mask (B, 1, T, T), bool, True where query t may attend to key s. lengths (B,) int64, steps T."""
    position = torch.arange(steps, device=lengths.device)
    causal = position <= position[:, None]  # (T, T): keys along the last axis
    real = position < lengths[:, None]  # (B, T): which keys are no padding
    return causal & real[:, None, None, :]  # (B, 1, T, T)


def mask_by_tril(lengths, steps):
    """The same with the causal part cut out of a full square."""
    causal = torch.ones(steps, steps, dtype=torch.bool).tril()
    real = torch.arange(steps).expand(len(lengths), steps) < lengths.unsqueeze(1)
    return (causal.unsqueeze(0) & real.unsqueeze(1)).unsqueeze(1)


def mask_by_last_key(lengths, steps):
    """The same by one comparison: key s must come before t + 1 and before the length."""
    end = torch.minimum(torch.arange(1, steps + 1), lengths[:, None])  # (B, T)
    return (torch.arange(steps) < end[:, :, None])[:, None]


def mask_by_forbidding(lengths, steps):
    """The same from what is forbidden: the future, or padding."""
    future = torch.full((steps, steps), True).triu(diagonal=1)
    padding = torch.stack([torch.arange(steps) >= length for length in lengths])
    return torch.logical_not(future[None, None] | padding[:, None, None])


def by_table(lengths, steps):
    """The same with Python's own numbers, entry by entry."""
    table = [
        [[[s <= t and s < length for s in range(steps)] for t in range(steps)]] for length in lengths.tolist()
    ]
    return torch.tensor(table, dtype=torch.bool).reshape(len(lengths), 1, steps, steps)


def rule(allowed):
    """The mask of another rule, a function of (t, s, length) that takes tensors."""

    def mask(lengths, steps):
        t, s = torch.arange(steps)[:, None], torch.arange(steps)[None, :]
        return allowed(t, s, lengths[:, None, None, None]).expand(len(lengths), 1, steps, steps)

    return mask


def wide_mask(rng):
    """One valid case of small random sizes."""
    steps = rng.randint(1, 6)
    return torch.tensor([rng.randint(1, steps) for _ in range(rng.randint(1, 4))]), steps


combined_mask = Exercise(
    name="combined_mask",
    title="a causal mask and a padding mask in one",
    difficulty="easy",
    minutes=12,
    task="""
        Sequences are padded at the end to $T$ steps, and a decoder must not look ahead. Write one mask for
        both, True where query $t$ may attend to key $s$:

        $$s \\le t \\quad\\text{and}\\quad s < \\text{lengths}_b, \\qquad s, t = 0, \\dots, T - 1.$$

        Return a boolean tensor $(B, 1, T, T)$: queries on the third axis, keys on the last, and an axis of
        size 1 for the heads. No loop over $s$ or $t$.

        By hand first: $T = 3$ and a length of 2. What are the three rows, and which of them does the padding
        change?
    """,
    stub_function=my_mask,
    reference=by_table,
    cases=lambda rng: [
        (torch.tensor([2]), 3),  # by hand
        (torch.tensor([1]), 1),
        (torch.tensor([1]), 2),
        (torch.tensor([4]), 4),
        (torch.tensor([1, 2]), 2),
        (torch.tensor([3, 1, 2]), 3),
        (torch.tensor([5, 1, 3, 4]), 5),
        (torch.tensor([2, 2, 7, 6, 1]), 7),
        (torch.tensor([2, 1]), 4),
        *(wide_mask(rng) for _ in range(6)),
    ],
    wide=wide_mask,
    hints=(
        "Write the two conditions apart: one is a square (T, T), the same for all sequences, the other has a "
        "row (B, T) for each. `torch.arange(steps)` counts positions.",
        "`position[:, None]` stands for the query t, `position` for the key s, and a comparison of the "
        "two is (T, T). Padding is a matter of keys, the last axis.",
        "`causal = position <= position[:, None]`, `real = position < lengths[:, None]`, and the result is "
        "`causal & real[:, None, None, :]`.",
    ),
    solution_function=solve_mask,
    alternatives=(mask_by_tril, mask_by_last_key, mask_by_forbidding),
    misconceptions=(
        Misconception(
            "strictly_causal",
            "Your mask leaves the diagonal out: a position may attend to itself, s <= t. Without it the "
            "first query has no key at all.",
            rule(lambda t, s, length: (s < t) & (s < length)),
        ),
        Misconception(
            "one_step_ahead",
            "Your mask lets each query see one step ahead: s <= t, so the last allowed key is t itself.",
            rule(lambda t, s, length: (s <= t + 1) & (s < length)),
        ),
        Misconception(
            "causal_turned_round",
            "The causal part is turned round: a query sees the future and not the past. Queries run along "
            "the third axis, keys along the last, so what is True lies below the diagonal.",
            rule(lambda t, s, length: (s >= t) & (s < length)),
        ),
        Misconception(
            "axes_swapped",
            "The two last axes are swapped: queries run along the third axis, keys along the last.",
            rule(lambda t, s, length: (t <= s) & (t < length)),
        ),
        Misconception(
            "padding_on_the_queries",
            "You mask padded queries: it is the padded keys that nobody may attend to, (B, 1, 1, T). A "
            "query without any key would have a softmax of NaN.",
            rule(lambda t, s, length: (s <= t) & (t < length)),
        ),
        Misconception(
            "either_is_enough",
            "You join the two with or: a key must be in the past and be no padding, so it is &.",
            rule(lambda t, s, length: (s <= t) | (s < length)),
        ),
        Misconception(
            "length_one_too_long",
            "You let the first padded key in: positions count from 0, so real keys are s < length.",
            rule(lambda t, s, length: (s <= t) & (s <= length)),
        ),
        Misconception(
            "length_one_too_short",
            "You leave out the last real key: positions count from 0, so real keys are s < length.",
            rule(lambda t, s, length: (s <= t) & (s < length - 1)),
        ),
        Misconception(
            "causal_alone",
            "The lengths are not used: keys at s >= length are padding, and nobody may attend to them.",
            rule(lambda t, s, length: (s <= t) & (length > 0)),
        ),
        Misconception(
            "one_mask_for_all",
            "Your mask is the causal one alone, with no axis for the batch: each sequence has its own "
            "padding, so the result is (B, 1, T, T).",
            lambda lengths, steps: torch.ones(1, 1, steps, steps, dtype=torch.bool).tril(),
        ),
        Misconception(
            "padding_alone",
            "Your mask hides the padding alone: a query must not see the future either, s <= t.",
            rule(lambda t, s, length: (s < length) & (t >= 0)),
        ),
        Misconception(
            "padding_alone_broadcast",
            "Your mask hides the padding alone, the same for every query: the causal part differs from query "
            "to query, so the result is (B, 1, T, T).",
            lambda lengths, steps: (torch.arange(steps) < lengths[:, None])[:, None, None],
        ),
        Misconception(
            "inverted",
            "Your mask is inverted: here True means may attend. (nn.MultiheadAttention takes boolean "
            "masks the other way round.)",
            lambda lengths, steps: ~by_table(lengths, steps),
        ),
        Misconception(
            "head_axis_missing",
            "The values are right, but the axis for the heads is missing: (B, T, T) would broadcast against "
            "(B, n_h, T, T) with the batch in place of the heads. Insert it with `[:, None]`.",
            lambda lengths, steps: by_table(lengths, steps)[:, 0],
        ),
        Misconception(
            "head_axis_misplaced",
            "The values are right, but the axis of size 1 stands third: it is for the heads, the second "
            "axis.",
            lambda lengths, steps: by_table(lengths, steps).transpose(1, 2),
        ),
        Misconception(
            "batch_in_place_of_the_heads",
            "The values are right, but the batch stands second, (1, B, T, T), where the heads belong: "
            "from (B, T) take `real[:, None, None, :]`, with both axes of size 1.",
            lambda lengths, steps: by_table(lengths, steps).transpose(0, 1),
        ),
        Misconception(
            "whole_numbers",
            "The values are right, but your mask holds whole numbers: `~` of 1 is -2, not False. Make it "
            "boolean.",
            lambda lengths, steps: by_table(lengths, steps).long(),
        ),
        Misconception(
            "floats",
            "The values are right, but as floats 0 and 1, which attention would add to the scores. Make the "
            "mask boolean.",
            lambda lengths, steps: by_table(lengths, steps).float(),
        ),
        Misconception(
            "additive",
            "You return 0 and -inf, a mask to add to scores. Asked is a boolean one, True where query t may "
            "attend to key s.",
            lambda lengths, steps: torch.zeros(()).masked_fill(~by_table(lengths, steps), -torch.inf),
        ),
    ),
)
