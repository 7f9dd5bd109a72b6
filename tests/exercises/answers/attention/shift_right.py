"""Answers to `attention.shift_right`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_labels_one_later(targets, start):
    """Input is right, but the labels are the tokens after the targets."""
    b = targets.shape[0]
    first = torch.full((b, 1), start, dtype=torch.int64, device=targets.device)
    labels = torch.cat((targets[:, 1:], torch.zeros_like(first)), dim=1)
    return torch.cat((first, targets[:, :-1]), dim=1), labels


def wrong_both_cut(targets, start):
    """The language model's pair: all but the last, all but the first; T - 1 long and no start."""
    return targets[:, :-1], targets[:, 1:]


def wrong_one_longer(targets, start):
    """The start token goes before the whole row: T + 1 inputs."""
    first = torch.full((targets.shape[0], 1), start, dtype=torch.int64, device=targets.device)
    return torch.cat((first, targets), dim=1), targets


def wrong_order(targets, start):
    """Returns (labels, input)."""
    inputs = targets.roll(1, dims=1)
    inputs[:, 0] = start
    return targets, inputs


def wrong_end_not_fed(targets, start):
    """Where the label is padding the input is padding too: the end token never gets in."""
    inputs = targets.roll(1, dims=1)
    inputs[:, 0] = start
    return inputs.masked_fill(targets == 0, 0), targets


def wrong_targets_overwritten(targets, start):
    """Shifts targets in place, so the labels are shifted too."""
    inputs = targets
    inputs[:, 1:] = targets[:, :-1].clone()
    inputs[:, 0] = start
    return inputs, targets


def wrong_labels_ignored(targets, start):
    """Padding in the labels becomes -100 for the loss."""
    inputs = torch.zeros_like(targets)
    inputs[:, 1:] = targets[:, :-1]
    inputs[:, 0] = start
    return inputs, targets.masked_fill(targets == 0, -100)


def wrong_start_or_default(targets, start):
    """A start of 0 is taken for not given and becomes 1."""
    first = torch.full_like(targets[:, :1], start or 1)
    return torch.cat((first, targets[:, :-1]), dim=1), targets


def wrong_through_float(targets, start):
    """The start column is float32, so cat makes floats, cast back: tokens above 2^24 are rounded."""
    first = torch.ones(targets.shape[0], 1, device=targets.device) * start
    return torch.cat((first, targets[:, :-1]), dim=1).long(), targets


def wrong_squeezed(targets, start):
    """squeeze() at the end: one sequence or one step loses an axis."""
    inputs = F.pad(targets[None], (1, 0), value=start)[..., :-1].squeeze()
    return inputs, targets


def wrong_added_start(targets, start):
    """Puts the start where the shifted row has 0: in the padding after the end token too."""
    inputs = F.pad(targets, (1, -1))
    return inputs.masked_fill(inputs == 0, start), targets


def wrong_int32_and_order(targets, start):
    """Two mistakes: int32 and (labels, input)."""
    inputs = targets.roll(1, dims=1).int()
    inputs[:, 0] = start
    return targets.int(), inputs


def right_cat(targets, start):
    """A column of start tokens before all but the last."""
    first = targets.new_full((targets.shape[0], 1), start)
    return torch.cat((first, targets[:, :-1]), dim=1), targets


def right_flat_roll(targets, start):
    """Rolls the flattened tensor; what wraps lands in column 0, where the start goes."""
    inputs = targets.roll(1)
    inputs[:, 0] = start
    return inputs, targets.clone()


def right_padded(targets, start):
    """F.pad, one more on the left and one less on the right; a list."""
    return [F.pad(targets, (1, -1), value=start), targets]


def right_gathered(targets, start):
    """Looks up t - 1, with the start where there is none."""
    t = torch.arange(targets.shape[1], device=targets.device)
    before = targets[:, (t - 1).clamp(min=0)]
    return torch.where(t == 0, start, before), targets


def forbidden_loop_over_steps(targets, start):
    """A loop over the positions."""
    inputs = torch.full_like(targets, start)
    for t in range(1, targets.shape[1]):
        inputs[:, t] = targets[:, t - 1]
    return inputs, targets


def forbidden_comprehension(targets, start):
    """A list comprehension over the rows."""
    rows = [[start] + row[:-1] for row in targets.tolist()]
    return torch.tensor(rows, dtype=torch.int64, device=targets.device), targets


def open_map(targets, start):
    """Open: is map over the rows a loop?"""
    inputs = torch.stack(tuple(map(lambda row: torch.cat((row.new_tensor([start]), row[:-1])), targets)))
    return inputs, targets


def wrong_through_float32(targets, start):
    """Builds the input in a float32 tensor and turns it back: large indices are rounded."""
    inputs = torch.zeros(targets.shape)
    inputs[:, 0] = start
    inputs[:, 1:] = targets[:, :-1]
    return inputs.long(), targets.clone()


def wrong_start_or_default_again(targets, start):
    """Takes a start of 0 for not given and uses 1."""
    first = torch.full_like(targets[:, :1], start or 1)
    return torch.cat((first, targets[:, :-1]), dim=1), targets.clone()
