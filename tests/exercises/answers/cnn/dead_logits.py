"""Answers to `cnn.dead_logits`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_leaky_relu(features, weight, bias):
    """A leaky ReLU does not die, but still bends the logits."""
    return F.leaky_relu(F.linear(features, weight, bias), 0.01)


def wrong_relu_on_features(features, weight, bias):
    """The ReLU is moved in front of the layer."""
    return F.linear(F.relu(features), weight, bias)


def wrong_log_softmax(features, weight, bias):
    """log_softmax: the same loss, but not the logits themselves."""
    return F.log_softmax(F.linear(features, weight, bias), dim=1)


def wrong_bias_dropped(features, weight, bias):
    """The ReLU goes, and the bias with it."""
    return F.linear(features, weight)


def wrong_relu_before_bias(features, weight, bias):
    """Only the bias is moved out of the ReLU."""
    return F.relu(features @ weight.T) + bias


def wrong_soft_cap(features, weight, bias):
    """The logits are bounded by a tanh, as some language models do."""
    logits = F.linear(features, weight, bias)
    return 30 * torch.tanh(logits / 30)


def wrong_reshape_for_transpose(features, weight, bias):
    """The weight is brought into the shape (D, K) by a reshape."""
    return features @ weight.reshape(weight.shape[1], weight.shape[0]) + bias


def wrong_two_relus(features, weight, bias):
    """Positive part minus negative part: right values, but the gradient at a logit of 0 is 0."""
    logits = F.linear(features, weight, bias)
    return F.relu(logits) - F.relu(-logits)


def wrong_two_clamps(features, weight, bias):
    """Both halves by clamp: right values, but the gradient at a logit of 0 is doubled."""
    logits = F.linear(features, weight, bias)
    return logits.clamp(min=0) + logits.clamp(max=0)


def wrong_clamped_for_safety(features, weight, bias):
    """The logits are cut at 10000, so that nothing overflows."""
    return F.linear(features, weight, bias).clamp(-1e4, 1e4)


def wrong_float32_inside(features, weight, bias):
    """Computed in float32, cast back."""
    return F.linear(features.float(), weight.float(), bias.float()).to(features.dtype)


def wrong_softplus_without_bias(features, weight, bias):
    """A softplus for the ReLU, and no bias."""
    return F.softplus(features @ weight.T)


def right_linear(features, weight, bias):
    """Without the ReLU."""
    return F.linear(features, weight, bias)


def right_einsum(features, weight, bias):
    """The sum over the features by einsum."""
    return torch.einsum("bd,kd->bk", features, weight) + bias


def right_class_by_class(features, weight, bias):
    """A loop over the classes."""
    columns = [(features * row).sum(dim=1) + b for row, b in zip(weight, bias)]
    return torch.stack(columns, dim=1)


def right_bias_as_feature(features, weight, bias):
    """The bias is the weight of one more feature, which is always 1; in float64."""
    one = features.new_ones(features.shape[0], 1)
    longer = torch.cat([features, one], dim=1).double()
    return (longer @ torch.cat([weight, bias[:, None]], dim=1).double().T).to(features.dtype)


def wrong_difference_of_relus(features, weight, bias):
    """relu(z) - relu(-z): z again, but with gradient 0 where a logit is exactly 0 (zero weights)."""
    z = F.linear(features, weight, bias)
    return F.relu(z) - F.relu(-z)
