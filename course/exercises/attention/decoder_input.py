"""Chapter 3, exercise: what a decoder is given while it is trained, and what it must answer."""

import torch
import torch.nn.functional as F

from course.exercises.engine import Exercise, Misconception


def my_decoder_pair(targets, start):
    """The decoder's input and its labels, both (B, T) int64. targets (B, T) int64: in each row a sequence,
    its end token, then padding 0; start is the index of the start token."""
    raise NotImplementedError


def solve_decoder_pair(targets, start):
    """The decoder's input and its labels, both (B, T) int64. targets (B, T) int64: in each row a sequence,
    its end token, then padding 0; start is the index of the start token."""
    first = torch.full_like(targets[:, :1], start)  # (B, 1)
    return torch.cat([first, targets[:, :-1]], dim=1), targets


def pair_by_padding(targets, start):
    """The same; the start token is a padding on the left."""
    return F.pad(targets[:, :-1], (1, 0), value=start), targets.clone()


def pair_by_filling(targets, start):
    """The same in a new tensor, filled from the right."""
    seen = torch.empty_like(targets)
    seen[:, 1:] = targets[:, :-1]
    seen[:, 0] = start
    return seen, targets


def pair_by_rolling(targets, start):
    """The same; the last token, which comes round to the front, is overwritten."""
    seen = torch.roll(targets, 1, dims=1)
    seen[:, 0] = start
    return seen, targets


def pair_by_cutting(targets, start):
    """The same: one sequence with the start in front, without its last token and without its first."""
    whole = torch.column_stack([torch.tensor(start).repeat(len(targets)), targets])
    return whole[:, :-1], whole[:, 1:]


def by_lists(targets, start):
    """The same with Python's lists."""
    rows = targets.tolist()
    return torch.tensor([[start, *row[:-1]] for row in rows]), torch.tensor(rows)


def shifted(targets, start):
    """The right input."""
    return by_lists(targets, start)[0]


def started(targets, start):
    """The targets with the start token in front, (B, T + 1)."""
    return F.pad(targets, (1, 0), value=start)


def without_end(targets, start):
    """The right input, its end tokens replaced by padding."""
    last = (targets != 0).sum(1, keepdim=True)  # where in the input the end token lies
    return shifted(targets, start).masked_fill(torch.arange(targets.shape[1]) == last, 0)


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
    name="shift_right",
    title="what a decoder sees and what it must answer",
    difficulty="easy",
    minutes=10,
    task="""
        A decoder is trained at all positions at once: at $t$ its input is the token before (by attention it
        sees all earlier ones too), and it must answer token $t$.

        $$\\text{input}_0 = \\text{start}, \\quad \\text{input}_t = \\text{targets}_{t-1} \\text{ for } t > 0,
        \\qquad \\text{labels}_t = \\text{targets}_t$$

        `targets` is $(B, T)$, int64: in each row a sequence, its end token, then padding 0. Return the tuple
        (input, labels), both $(B, T)$. No loop over tokens; leave `targets` as it is.

        By hand first: which pair results from the row `[5, 7, 2, 0]`, where 2 ends and 1 starts?
    """,
    stub_function=my_decoder_pair,
    reference=by_lists,
    cases=lambda rng: [
        (torch.tensor([[5, 7, 2, 0]]), 1),
        (torch.tensor([[2]]), 1),  # nothing but an end: the input is the start token alone
        (torch.tensor([[5, 2], [2, 0]]), 1),
        (torch.tensor([[3, 3, 3, 2], [4, 2, 0, 0], [1, 5, 1, 2]]), 1),
        (torch.tensor([[4, 1, 5, 9]]), 7),  # another start
        pair_case(rng, 3, 3),
        pair_case(rng, 4, 1),
        pair_case(rng, 5, 12, 998, 999),
        *(wide_pair(rng) for _ in range(5)),
    ],
    wide=wide_pair,
    hints=(
        "One of the two results needs no work. The other is as long as targets, but everything has moved one "
        "place to the right: what comes in on the left, and what falls off?",
        "`targets[:, :-1]` is all but the last column. In front of it belongs a column (B, 1) of start "
        "tokens, int64 as well.",
        "`first = torch.full_like(targets[:, :1], start)`; return "
        "`torch.cat([first, targets[:, :-1]], dim=1), targets`.",
    ),
    solution_function=solve_decoder_pair,
    alternatives=(pair_by_padding, pair_by_filling, pair_by_rolling, pair_by_cutting),
    misconceptions=(
        Misconception(
            "not_shifted",
            "The input is the labels themselves: at each position the decoder sees the answer and need only "
            "copy it. The loss gets too good, and what it generates is nonsense. Shift the input.",
            lambda targets, start: (targets, targets),
        ),
        Misconception(
            "shifted_left",
            "You shift the wrong way: at t your input holds token t + 1, the future. It must hold token "
            "t - 1, with start in front.",
            lambda targets, start: (F.pad(targets[:, 1:], (0, 1)), targets),
        ),
        Misconception(
            "start_at_the_end",
            "You shift the wrong way and put start at the end: it belongs in front, and the last column "
            "falls off.",
            lambda targets, start: (F.pad(targets[:, 1:], (0, 1), value=start), targets),
        ),
        Misconception(
            "start_in_front_of_the_future",
            "You cut the first token off and put start in its place, so nothing has moved: at t > 0 the "
            "decoder sees its answer. Cut the last column, not the first.",
            lambda targets, start: (F.pad(targets[:, 1:], (1, 0), value=start), targets),
        ),
        Misconception(
            "not_cut",
            "start is in front, but the last column is still there, so the input is (B, T + 1): leave the "
            "last column out.",
            lambda targets, start: (started(targets, start), targets),
        ),
        Misconception(
            "both_longer",
            "You put start in front of both and cut nothing: the labels are the targets as they are, and the "
            "input has no last column.",
            lambda targets, start: (started(targets, start), started(targets, start)),
        ),
        Misconception(
            "rolled",
            "You roll the rows: the last token comes round to the front, where start belongs.",
            lambda targets, start: (targets.roll(1, 1), targets),
        ),
        Misconception(
            "shifted_with_padding",
            "The shift is right, but padding stands in front: the first input is the start token.",
            lambda targets, start: (shifted(targets, 0), targets),
        ),
        Misconception(
            "labels_shifted_too",
            "The input is right, but your labels are shifted as well, so the decoder learns to copy: the "
            "labels are the targets.",
            lambda targets, start: (shifted(targets, start),) * 2,
        ),
        Misconception(
            "labels_moved_on",
            "The input is right, but your labels are moved to the left: with the input shifted, the "
            "answer at t is token t, so the labels are the targets.",
            lambda targets, start: (shifted(targets, start), F.pad(targets[:, 1:], (0, 1))),
        ),
        Misconception(
            "labels_moved_instead",
            "You leave the input and move the labels to the left: then nothing asks for the first token, and "
            "start is never used.",
            lambda targets, start: (targets, F.pad(targets[:, 1:], (0, 1))),
        ),
        Misconception(
            "language_model_pair",
            "You cut both, as for a language model: (B, T - 1), and nothing asks for the first token. Put "
            "start in front of the input and keep all labels.",
            lambda targets, start: (targets[:, :-1], targets[:, 1:]),
        ),
        Misconception(
            "roles_swapped",
            "The two are right, but swapped: return (input, labels).",
            lambda targets, start: (targets, shifted(targets, start)),
        ),
        Misconception(
            "along_the_batch",
            "You shift along the batch, so a row's input is the row above it: shift along dim=1.",
            lambda targets, start: (F.pad(targets[:-1], (0, 0, 1, 0), value=start), targets),
        ),
        Misconception(
            "end_taken_out",
            "You take the end token out of the input. It need not go: its label is padding, which the loss "
            "leaves out.",
            lambda targets, start: (without_end(targets, start), targets),
        ),
        Misconception(
            "input_alone",
            "You return the input alone: return the tuple (input, labels).",
            shifted,
        ),
    ),
)
