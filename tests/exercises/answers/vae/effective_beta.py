"""Answers to `vae.effective_beta`, written from its statement alone."""

import math
from fractions import Fraction

import numpy as np
import torch


def wrong_inverted(recon, kl, n_pixels, n_latents):
    """1 / beta: the weight of the reconstruction."""
    beta = 1.0
    if recon == "mean":
        beta /= n_pixels
    if kl == "mean":
        beta *= n_latents
    return beta


def wrong_product(recon, kl, n_pixels, n_latents):
    """Each mean multiplies beta by its size."""
    beta = 1.0
    if recon == "mean":
        beta *= n_pixels
    if kl == "mean":
        beta *= n_latents
    return beta


def wrong_means_cancel(recon, kl, n_pixels, n_latents):
    """Two means are taken for beta = 1."""
    if recon == kl:
        return 1.0
    return float(n_pixels) if recon == "mean" else 1.0 / n_latents


def wrong_elif(recon, kl, n_pixels, n_latents):
    """With both averaged, only the pixels count."""
    if recon == "mean":
        return float(n_pixels)
    elif kl == "mean":
        return 1 / n_latents
    return 1.0


def wrong_terms_swapped(recon, kl, n_pixels, n_latents):
    """The reductions of the two terms are mixed up."""
    return (n_pixels if kl == "mean" else 1) / (n_latents if recon == "mean" else 1)


def wrong_sizes_swapped(recon, kl, n_pixels, n_latents):
    """The two sizes are mixed up."""
    return (n_latents if recon == "mean" else 1) / (n_pixels if kl == "mean" else 1)


def wrong_ratio_of_sizes(recon, kl, n_pixels, n_latents):
    """The normalised beta of the paper, beta Z / D, in place of the ratio of the weights."""
    beta = (n_pixels if recon == "mean" else 1) / (n_latents if kl == "mean" else 1)
    return beta * n_latents / n_pixels


def wrong_whole_division(recon, kl, n_pixels, n_latents):
    """The quotient is rounded down."""
    return (n_pixels if recon == "mean" else 1) // (n_latents if kl == "mean" else 1)


def wrong_rounded(recon, kl, n_pixels, n_latents):
    """Rounded to four decimals."""
    beta = (n_pixels if recon == "mean" else 1) / (n_latents if kl == "mean" else 1)
    return round(beta, 4)


def wrong_784(recon, kl, n_pixels, n_latents):
    """The size of MNIST's images is built in."""
    return (784 if recon == "mean" else 1) / (n_latents if kl == "mean" else 1)


def wrong_fraction(recon, kl, n_pixels, n_latents):
    """A Fraction, not a float."""
    return Fraction(n_pixels if recon == "mean" else 1, n_latents if kl == "mean" else 1)


def wrong_two_swapped_and_rounded_down(recon, kl, n_pixels, n_latents):
    """Sizes mixed up, and a quotient of whole numbers only."""
    return (n_latents if recon == "mean" else 1) // (n_pixels if kl == "mean" else 1)


def right_quotient(recon, kl, n_pixels, n_latents):
    """The weight of a KL over the weight of a pixel."""
    weight_pixel = 1 / n_pixels if recon == "mean" else 1.0
    weight_latent = 1 / n_latents if kl == "mean" else 1.0
    return weight_latent / weight_pixel


def right_table(recon, kl, n_pixels, n_latents):
    """A table of the four cases."""
    return {
        ("sum", "sum"): 1.0,
        ("mean", "sum"): float(n_pixels),
        ("sum", "mean"): 1 / n_latents,
        ("mean", "mean"): n_pixels / n_latents,
    }[recon, kl]


def right_int_where_whole(recon, kl, n_pixels, n_latents):
    """An int where beta is whole."""
    beta = Fraction(n_pixels ** (recon == "mean"), n_latents ** (kl == "mean"))
    return beta.numerator if beta.denominator == 1 else float(beta)


def right_logarithms(recon, kl, n_pixels, n_latents):
    """By logarithms."""
    return math.exp((recon == "mean") * math.log(n_pixels) - (kl == "mean") * math.log(n_latents))


def open_numpy_scalar(recon, kl, n_pixels, n_latents):
    """numpy's scalar float64, which is a float and no array."""
    beta = np.float64(n_pixels if recon == "mean" else 1)
    return beta / (n_latents if kl == "mean" else 1)


def forbidden_tensor(recon, kl, n_pixels, n_latents):
    """Calculated with tensors."""
    top = torch.tensor(n_pixels if recon == "mean" else 1, dtype=torch.float64)
    bottom = torch.tensor(n_latents if kl == "mean" else 1, dtype=torch.float64)
    return (top / bottom).item()


def forbidden_array(recon, kl, n_pixels, n_latents):
    """Calculated with an array."""
    sizes = np.array([n_pixels, 1 / n_latents])
    used = np.array([recon == "mean", kl == "mean"])
    return float(np.where(used, sizes, 1.0).prod())
