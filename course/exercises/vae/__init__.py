"""Exercises of chapter 4, the VAE; one module holds all of one exercise.

In such a module the function `my_...` is the stub that the chapter hands out, `solve_...` the worked
solution, and the wrong versions are wrong on purpose.
"""

from course.exercises.vae.active import active_units
from course.exercises.vae.bernoulli import bernoulli_log_likelihood
from course.exercises.vae.bound_bug import broken_bound
from course.exercises.vae.broken_loss import broken_loss
from course.exercises.vae.detached_bug import detached_sample
from course.exercises.vae.free_bits import free_bits
from course.exercises.vae.gaussian import gaussian_kl
from course.exercises.vae.gaussian_likelihood import gaussian_nll
from course.exercises.vae.importance import iw_bound
from course.exercises.vae.laplace import laplace_kl
from course.exercises.vae.reductions import effective_beta
from course.exercises.vae.reparameterise import reparameterise

__all__ = [
    "CHAPTER",
    "active_units",
    "bernoulli_log_likelihood",
    "broken_bound",
    "broken_loss",
    "detached_sample",
    "effective_beta",
    "free_bits",
    "gaussian_kl",
    "gaussian_nll",
    "iw_bound",
    "laplace_kl",
    "reparameterise",
]

CHAPTER = "04_vae"
