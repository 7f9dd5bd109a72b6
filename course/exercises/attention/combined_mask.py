"""Chapter 3: a causal mask and a padding mask in one."""

import torch
from course.exercises.engine import Exercise


def my_mask(lengths, steps):
    """The mask (B, 1, T, T), bool, True where query t may attend to key s. lengths (B,) int64, steps T."""
    position = torch.arange(steps, device=lengths.device)
    causal = position <= position[:, None]  # (T, T): keys along the last axis
    real = position < lengths[:, None]  # (B, T): which keys are no padding
    return causal & real[:, None, None, :]  # (B, 1, T, T)


def by_table(lengths, steps):
    """The same with Python's own numbers, entry by entry."""
    table = [
        [[[s <= t and s < length for s in range(steps)] for t in range(steps)]] for length in lengths.tolist()
    ]
    return torch.tensor(table, dtype=torch.bool).reshape(len(lengths), 1, steps, steps)


def wide_mask(rng):
    """One valid case of small random sizes."""
    steps = rng.randint(1, 6)
    return torch.tensor([rng.randint(1, steps) for _ in range(rng.randint(1, 4))]), steps


combined_mask = Exercise(
    my_mask,
    reference=by_table,
    # OLD wide=wide_mask
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([2]), 3),  # by hand
    #         (torch.tensor([1]), 1),
    #         (torch.tensor([1]), 2),
    #         (torch.tensor([4]), 4),
    #         (torch.tensor([1, 2]), 2),
    #         (torch.tensor([3, 1, 2]), 3),
    #         (torch.tensor([5, 1, 3, 4]), 5),
    #         (torch.tensor([2, 2, 7, 6, 1]), 7),
    #         (torch.tensor([2, 1]), 4),
    #         *(wide_mask(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Write the two conditions apart: one is a square (T, T), the same for all sequences, the other has a
        row (B, T) for each. `torch.arange(steps)` counts positions.

        `position[:, None]` stands for the query t, `position` for the key s, and a comparison of the two is
        (T, T). Padding is a matter of keys, the last axis.

        `causal = position <= position[:, None]`, `real = position < lengths[:, None]`, and the result is
        `causal & real[:, None, None, :]`.
    """,
    wrong="""
        strictly_causal: OLD → NEW
            Your mask leaves the diagonal out: a position may attend to itself, s <= t. Without it the first
            query has no key at all.
        one_step_ahead: OLD → NEW
            Your mask lets each query see one step ahead: s <= t, so the last allowed key is t itself.
        causal_turned_round: OLD → NEW
            The causal part is turned round: a query sees the future and not the past. Queries run along the
            third axis, keys along the last, so what is True lies below the diagonal.
        axes_swapped: OLD → NEW
            The two last axes are swapped: queries run along the third axis, keys along the last.
        padding_on_the_queries: OLD → NEW
            You mask padded queries: it is the padded keys that nobody may attend to, (B, 1, 1, T). A query
            without any key would have a softmax of NaN.
        either_is_enough: OLD → NEW
            You join the two with or: a key must be in the past and be no padding, so it is &.
        length_one_too_long: OLD → NEW
            You let the first padded key in: positions count from 0, so real keys are s < length.
        length_one_too_short: OLD → NEW
            You leave out the last real key: positions count from 0, so real keys are s < length.
        causal_alone: OLD → NEW
            The lengths are not used: keys at s >= length are padding, and nobody may attend to them.
        one_mask_for_all: OLD → NEW
            Your mask is the causal one alone, with no axis for the batch: each sequence has its own padding,
            so the result is (B, 1, T, T).
        padding_alone: OLD → NEW
            Your mask hides the padding alone: a query must not see the future either, s <= t.
        padding_alone_broadcast: OLD → NEW
            Your mask hides the padding alone, the same for every query: the causal part differs from query to
            query, so the result is (B, 1, T, T).
        inverted: OLD → NEW
            Your mask is inverted: here True means may attend. (nn.MultiheadAttention takes boolean masks the
            other way round.)
        head_axis_missing: OLD → NEW
            The values are right, but the axis for the heads is missing: (B, T, T) would broadcast against (B,
            n_h, T, T) with the batch in place of the heads. Insert it with `[:, None]`.
        head_axis_misplaced: OLD → NEW
            The values are right, but the axis of size 1 stands third: it is for the heads, the second axis.
        batch_in_place_of_the_heads: OLD → NEW
            The values are right, but the batch stands second, (1, B, T, T), where the heads belong: from (B,
            T) take `real[:, None, None, :]`, with both axes of size 1.
        whole_numbers: OLD → NEW
            The values are right, but your mask holds whole numbers: `~` of 1 is -2, not False. Make it
            boolean.
        floats: OLD → NEW
            The values are right, but as floats 0 and 1, which attention would add to the scores. Make the
            mask boolean.
        additive: OLD → NEW
            You return 0 and -inf, a mask to add to scores. Asked is a boolean one, True where query t may
            attend to key s.
    """,
)
