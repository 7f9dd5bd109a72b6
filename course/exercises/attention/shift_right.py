"""Chapter 3: what a decoder is given while it is trained, and what it must answer."""

import torch
import torch.nn.functional as F
from course.exercises.engine import Exercise


def my_decoder_pair(targets, start):
    """The decoder's input and its labels, both (B, T) int64. targets (B, T) int64: in each row a sequence,
    its end token, then padding 0; start is the index of the start token."""
    first = torch.full_like(targets[:, :1], start)  # (B, 1)
    return torch.cat([first, targets[:, :-1]], dim=1), targets


def by_lists(targets, start):
    """The same with Python's lists."""
    rows = targets.tolist()
    return torch.tensor([[start, *row[:-1]] for row in rows]), torch.tensor(rows)


def pair_case(rng, batch, steps, start=1, end=2):
    """A case of rows of random lengths; the first fills its row to the end."""
    rows = []
    for row in range(batch):
        length = steps - 1 if row == 0 else rng.randint(0, steps - 1)
        words = [rng.randint(3, 20) for _ in range(length)]
        rows.append(words + [end] + [0] * (steps - 1 - length))
    return torch.tensor(rows), start


def wide_pair(rng):
    """One valid case."""
    start, end = rng.sample(range(1, 30), 2)
    return pair_case(rng, rng.randint(1, 4), rng.randint(1, 6), start, end)


shift_right = Exercise(
    my_decoder_pair,
    reference=by_lists,
    # OLD wide=wide_pair
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([[5, 7, 2, 0]]), 1),
    #         (torch.tensor([[2]]), 1),  # nothing but an end: the input is the start token alone
    #         (torch.tensor([[5, 2], [2, 0]]), 1),
    #         (torch.tensor([[3, 3, 3, 2], [4, 2, 0, 0], [1, 5, 1, 2]]), 1),
    #         (torch.tensor([[4, 1, 5, 9]]), 7),  # another start
    #         pair_case(rng, 3, 3),
    #         pair_case(rng, 4, 1),
    #         pair_case(rng, 5, 12, 998, 999),
    #         *(wide_pair(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        One of the two results needs no work. The other is as long as targets, but everything has moved one
        place to the right: what comes in on the left, and what falls off?

        `targets[:, :-1]` is all but the last column. In front of it belongs a column (B, 1) of start tokens,
        int64 as well.

        `first = torch.full_like(targets[:, :1], start)`; return `torch.cat([first, targets[:, :-1]], dim=1),
        targets`.
    """,
    wrong="""
        not_shifted: OLD → NEW
            The input is the labels themselves: at each position the decoder sees the answer and need only
            copy it. The loss gets too good, and what it generates is nonsense. Shift the input.
        shifted_left: OLD → NEW
            You shift the wrong way: at t your input holds token t + 1, the future. It must hold token t - 1,
            with start in front.
        start_at_the_end: OLD → NEW
            You shift the wrong way and put start at the end: it belongs in front, and the last column falls
            off.
        start_in_front_of_the_future: OLD → NEW
            You cut the first token off and put start in its place, so nothing has moved: at t > 0 the decoder
            sees its answer. Cut the last column, not the first.
        not_cut: OLD → NEW
            start is in front, but the last column is still there, so the input is (B, T + 1): leave the last
            column out.
        both_longer: OLD → NEW
            You put start in front of both and cut nothing: the labels are the targets as they are, and the
            input has no last column.
        rolled: OLD → NEW
            You roll the rows: the last token comes round to the front, where start belongs.
        shifted_with_padding: OLD → NEW
            The shift is right, but padding stands in front: the first input is the start token.
        labels_shifted_too: OLD → NEW
            The input is right, but your labels are shifted as well, so the decoder learns to copy: the labels
            are the targets.
        labels_moved_on: OLD → NEW
            The input is right, but your labels are moved to the left: with the input shifted, the answer at t
            is token t, so the labels are the targets.
        labels_moved_instead: OLD → NEW
            You leave the input and move the labels to the left: then nothing asks for the first token, and
            start is never used.
        language_model_pair: OLD → NEW
            You cut both, as for a language model: (B, T - 1), and nothing asks for the first token. Put start
            in front of the input and keep all labels.
        roles_swapped: OLD → NEW
            The two are right, but swapped: return (input, labels).
        along_the_batch: OLD → NEW
            You shift along the batch, so a row's input is the row above it: shift along dim=1.
        end_taken_out: OLD → NEW
            You take the end token out of the input. It need not go: its label is padding, which the loss
            leaves out.
        input_alone: OLD → NEW
            You return the input alone: return the tuple (input, labels).
    """,
)
