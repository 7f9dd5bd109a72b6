"""Chapter 3: what a decoder is given while it is trained, and what it must answer."""

import torch

from course.exercises.engine import Exercise


def my_decoder_pair(targets, start):
    """The decoder's input and its labels, both (B, T) int64. targets (B, T) int64: in each row a sequence,
    its end token, then padding 0; start is the index of the start token."""
    first = torch.full_like(targets[:, :1], start)  # (B, 1)
    inputs = torch.cat([first, targets[:, :-1]], dim=1)
    return inputs, targets


def by_lists(targets, start):
    """The same with Python's lists."""
    rows = targets.tolist()
    return torch.tensor([[start, *row[:-1]] for row in rows]), torch.tensor(rows)


def draw(rng, B, T, start=1, end=2):
    """A case of rows of random lengths; the first fills its row to the end."""
    lengths = [T - 1, *(rng.randint(0, T - 1) for _ in range(B - 1))]
    rows = [[rng.randint(3, 20) for _ in range(n)] + [end] + [0] * (T - 1 - n) for n in lengths]
    return torch.tensor(rows), start


shift_right = Exercise(
    my_decoder_pair,
    reference=by_lists,
    draw=draw,
    by_hand=[
        (torch.tensor([[5, 7, 2, 0]]), 1),
        (torch.tensor([[2]]), 1),  # nothing but an end: the input is the start token alone
        (torch.tensor([[5, 2], [2, 0]]), 1),
        (torch.tensor([[3, 3, 3, 2], [4, 2, 0, 0], [1, 5, 1, 2]]), 1),
        (torch.tensor([[4, 1, 5, 9]]), 7),  # another start
        (torch.tensor([[4, 3, 9], [5, 9, 0]]), 0),
        (torch.tensor([[123456789, 16777217, 2]]), 987654321),  # float32 has no such numbers
    ],
    sizes=[dict(B=3, T=3), dict(B=4, T=1), dict(B=120, T=12, start=998, end=999), dict(B=1, T=1001)],
    spans=dict(B=(1, 4), T=(1, 6), start=(1, 14), end=(15, 29)),
    hints="""
        One of the two results needs no work. The other is as long as targets, but everything has moved one
        place to the right: what comes in on the left, and what falls off?

        `targets[:, :-1]` is all but the last column. In front of it belongs a column (B, 1) of start tokens,
        int64 as well.

        These are the lines: `first = torch.full_like(targets[:, :1], start)`; return `torch.cat([first,
        targets[:, :-1]], dim=1), targets`.
    """,
    forbids="loops: Move all columns at once, since a decoder is trained at all positions at once.",
    special="""
        zero_start: start == 0
            Your function is right but for a start of 0, an index like others: `start or 1` takes it for "not
            given".
        large_tokens: targets.max() > 10**6
            Your function is right but for large tokens. Do they go through float32, with its seven digits?
    """,
    wrong="""
        not_shifted: return inputs → return targets
            The input is the labels themselves: at each position the decoder sees the answer and need only
            copy it. The loss gets too good, and what it generates is nonsense. Shift the input.
        shifted_left: [first, targets[:, :-1]] → [targets[:, 1:], torch.zeros_like(first)]
            You shift the wrong way: at t your input holds token t + 1, the future. It must hold token t - 1,
            with start in front.
        start_at_the_end: [first, targets[:, :-1]] → [targets[:, 1:], first]
            You shift the wrong way and put start at the end: it belongs in front, and the last column falls
            off.
        start_in_front_of_the_future: targets[:, :-1] → targets[:, 1:]
            You cut the first token off and put start in its place, so nothing has moved: at t > 0 the decoder
            sees its answer. Cut the last column, not the first.
        not_cut: targets[:, :-1] → targets
            start is in front, but the last column is still there, so the input is (B, T + 1): leave the last
            column out.
        both_longer: targets[:, :-1] → targets
        and: return inputs, targets → return inputs, inputs
            You put start in front of both and cut nothing: the labels are the targets as they are, and the
            input has no last column.
        rolled: torch.cat([first, targets[:, :-1]], dim=1) → targets.roll(1, dims=1)
            You roll the rows: the last token comes round to the front, where start belongs.
        start_for_padding: return inputs → return inputs.masked_fill(inputs == 0, start)
            The shift is right, but you put start in place of the padding too: start stands in front alone.
        labels_ignored: return inputs, targets → return inputs, targets.masked_fill(targets == 0, -100)
            Your labels have -100 for padding, which `F.cross_entropy` leaves out by default. Here the labels
            are the targets as they are.
        floats: torch.full_like(targets[:, :1], start) → torch.full(targets[:, :1].shape, float(start))
            Your input holds floats: tokens are indices, int64, as the targets are.
        labels_shifted_too: return inputs, targets → return inputs, inputs
            The input is right, but your labels are shifted as well, so the decoder learns to copy: the labels
            are the targets.
        labels_moved_on: inputs, targets → inputs, torch.cat([targets[:, 1:], torch.zeros_like(first)], dim=1)
            The input is right, but your labels are moved to the left: with the input shifted, the answer at t
            is token t, so the labels are the targets.
        labels_moved_instead: [first, targets[:, :-1]] → [targets[:, 1:], torch.zeros_like(first)]
        and: return inputs, targets → return targets, inputs
            You leave the input and move the labels to the left: then nothing asks for the first token, and
            start is never used.
        language_model_pair: return inputs, targets → return targets[:, :-1], targets[:, 1:]
            You cut both, as for a language model: (B, T - 1), and nothing asks for the first token. Put start
            in front of the input and keep all labels.
        along_the_batch: targets[:, :1] → targets[:1]
        and: [first, targets[:, :-1]], dim=1 → [first, targets[:-1]], dim=0
            You shift along the batch, so a row's input is the row above it: shift along dim=1.
        end_taken_out: return inputs → return inputs.masked_fill(targets == 0, 0)
            You take the end token out of the input. It need not go: its label is padding, which the loss
            leaves out.
        input_alone: return inputs, targets → return inputs
            You return the input alone: return the tuple (input, labels).
    """,
)
