"""Exercises of chapter 4, the VAE; one module holds all of one exercise."""

from course.exercises.vae.active_units import active_units
from course.exercises.vae.bernoulli_log_likelihood import bernoulli_log_likelihood
from course.exercises.vae.broken_bound import broken_bound
from course.exercises.vae.broken_loss import broken_loss
from course.exercises.vae.detached_sample import detached_sample
from course.exercises.vae.effective_beta import effective_beta
from course.exercises.vae.free_bits import free_bits
from course.exercises.vae.gaussian_kl import gaussian_kl
from course.exercises.vae.gaussian_nll import gaussian_nll
from course.exercises.vae.iw_bound import iw_bound
from course.exercises.vae.laplace_kl import laplace_kl
from course.exercises.vae.reparameterise import reparameterise

CHAPTER = "04_vae"

# In the order of the chapter, under its headings.
TITLES = {
    "gaussian_kl": "The KL divergence of a Gaussian from the prior",
    "bernoulli_log_likelihood": "The log-likelihood of binary pixels",
    "reparameterise": "A sample that gradients pass through",
    "iw_bound": "The importance-weighted bound",
    "broken_bound": "Find two bugs in a sampled bound",
    "detached_sample": "Find the bug that empties the code",
    "active_units": "Which latent units are active",
    "effective_beta": "Which β is it really?",
    "free_bits": "Give each latent dimension its free nats",
    "broken_loss": "Find three bugs in a VAE's loss",
    "laplace_kl": "The KL between two Laplace distributions",
    "gaussian_nll": "A Gaussian decoder with a learnt σ",
}
