"""Chapter 3: a causal mask and a padding mask in one."""

import numpy as np
import torch

from course.exercises.engine import Exercise


def my_mask(lengths, steps):
    """The mask (B, 1, T, T), bool, True where query t may attend to key s. lengths (B,) int32 or int64, steps
    T."""
    position = torch.arange(steps, device=lengths.device)
    causal = position <= position[:, None]  # (T, T): keys along the last axis
    real = position < lengths[:, None]  # (B, T): which keys are no padding
    return causal & real[:, None, None, :]  # (B, 1, T, T)


def by_columns(lengths, steps):
    """The same by NumPy: the lower triangle, with the columns of the padding left out."""
    masks = [np.tri(steps, dtype=bool) for _ in lengths]
    for mask, length in zip(masks, lengths.tolist(), strict=True):
        mask[:, length:] = False
    return torch.from_numpy(np.stack(masks)[:, None])


def draw(rng, B, T, kind=torch.int64):
    """A case of random lengths."""
    return torch.tensor([rng.randint(0, T) for _ in range(B)], dtype=kind), T


combined_mask = Exercise(
    my_mask,
    reference=by_columns,
    draw=draw,
    by_hand=[
        (torch.tensor([2]), 3),
        (torch.tensor([1]), 1),
        (torch.tensor([1]), 2),
        (torch.tensor([4]), 4),
        (torch.tensor([3]), 3),  # sizes as in the first case
        (torch.tensor([0]), 2),
        (torch.tensor([1, 2]), 2),
        (torch.tensor([3, 3]), 3),  # nothing is padded, and still there is a mask for each
        (torch.tensor([3, 1, 2]), 3),
        (torch.tensor([2, 1]), 4),  # both are shorter than T
    ],
    sizes=[dict(B=4, T=5), dict(B=5, T=7, kind=torch.int32), dict(B=120, T=2), dict(B=1, T=1000)],
    spans=dict(B=(1, 4), T=(1, 6)),
    hints="""
        Write the two conditions apart: one is a square (T, T), the same for all sequences, the other has a
        row (B, T) for each. `torch.arange(steps)` counts positions.

        `position[:, None]` stands for the query t, `position` for the key s, and a comparison of the two is
        (T, T). Padding is a matter of keys, the last axis.

        These are the lines: `causal = position <= position[:, None]`, `real = position < lengths[:, None]`,
        and the result is `causal & real[:, None, None, :]`.
    """,
    forbids="loops: Compare whole tensors of positions, as for the long sequences of a real model.",
    special="""
        many_steps: steps > 100
            Your mask is right but for many steps. Is there a limit, a table's size or a type of few bits?
        empty_sequence: (lengths == 0).any()
            Your mask is right but for a length of 0: such a sequence is padding alone, hidden from all.
        nothing_padded: (lengths == steps).any()
            Your mask is right but where a sequence has no padding. Do you count keys from the end? A slice
            that begins at -0 begins at 0.
        all_padded: lengths.max() < steps
            Your mask is right but where all sequences are shorter than `steps`: the size is `steps`, not the
            largest length.
    """,
    wrong="""
        strictly_causal: position <= position → position < position
            Your mask leaves the diagonal out: a position may attend to itself, s <= t. Without it the first
            query has no key at all.
        one_step_ahead: position[:, None] → position[:, None] + 1
            Your mask lets each query see one step ahead: s <= t, so the last allowed key is t itself.
        causal_turned_round: position <= position → position >= position
            The causal part is turned round: a query sees the future and not the past. Queries run along the
            third axis, keys along the last, so what is True lies below the diagonal.
        padding_on_the_queries: [:, None, None, :] → [:, None, :, None]
            You mask padded queries: it is the padded keys that nobody may attend to, (B, 1, 1, T). A query
            without any key would have a softmax of NaN.
        either_is_enough: causal & real → causal | real
            You join the two with or: a key must be in the past and be no padding, so it is &.
        length_one_too_long: position < lengths → position <= lengths
            You let the first padded key in: positions count from 0, so real keys are s < length.
        padding_in_front: position < lengths[:, None] → position >= steps - lengths[:, None]
            You take the padding to be in front: it stands at the end, so real keys are s < length.
        itself_always: real[:, None, None, :] → (real[:, None] | (position == position[:, None]))[:, None]
            You let every position attend to itself, padded ones too: a padded key is hidden from all.
        causal_alone: causal & real[:, None, None, :] → causal.repeat(len(lengths), 1, 1, 1)
            The lengths are not used: keys at s >= length are padding, and nobody may attend to them.
        one_mask_for_all: causal & real[:, None, None, :] → causal[None, None]
            Your mask is the causal one alone, with no axis for the batch: each sequence has its own padding,
            so the result is (B, 1, T, T).
        padding_alone: causal & real[:, None, None, :] → real[:, None, None, :].repeat(1, 1, steps, 1)
            Your mask hides the padding alone: a query must not see the future either, s <= t.
        padding_alone_broadcast: causal & real → real
            Your mask hides the padding alone, the same for every query: the causal part differs from query to
            query, so the result is (B, 1, T, T).
        inverted: causal & real → ~causal | ~real
            Your mask is inverted: here True means may attend. (nn.MultiheadAttention takes boolean masks the
            other way round.)
        head_axis_missing: [:, None, None, :] → [:, None, :]
            The values are right, but the axis for the heads is missing: (B, T, T) would broadcast against (B,
            n_h, T, T) with the batch in place of the heads. Insert it with `[:, None]`.
        head_axis_misplaced: causal & real → causal[:, None] & real
            The values are right, but the axis of size 1 stands third: it is for the heads, the second axis.
        batch_in_place_of_the_heads: real[:, None, None, :] → real[None, :, None, :]
            The values are right, but the batch stands second, (1, B, T, T), where the heads belong: from (B,
            T) take `real[:, None, None, :]`, with both axes of size 1.
        whole_numbers: causal & real → causal.long() * real
            The values are right, but your mask holds whole numbers: `~` of 1 is -2, not False. Make it
            boolean.
        floats: causal & real → causal.float() * real
            The values are right, but as floats 0 and 1, which attention would add to the scores. Make the
            mask boolean.
        additive: causal & real[:, None, None, :] → (causal & real[:, None, None, :]).float().log()
            You return 0 and -inf, a mask to add to scores. Asked is a boolean one, True where query t may
            attend to key s.
    """,
)
