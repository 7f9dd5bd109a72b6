"""Exercises of chapter 5, GAN losses; one module holds all of one exercise.

In such a module the function `my_...` is the stub that the chapter hands out, `solve_...` the worked
solution, and the wrong versions are wrong on purpose.
"""

from course.exercises.gan.discriminator import discriminator_loss
from course.exercises.gan.divergence import jensen_shannon
from course.exercises.gan.gradient_penalty import gradient_penalty
from course.exercises.gan.label_smoothing import one_sided_smoothing
from course.exercises.gan.least_squares import least_squares_losses
from course.exercises.gan.non_saturating import non_saturating_loss
from course.exercises.gan.optimal import optimal_logit
from course.exercises.gan.packing import pack
from course.exercises.gan.penalty_bug import broken_penalty
from course.exercises.gan.relativistic import relativistic_loss
from course.exercises.gan.sign_bug import broken_game
from course.exercises.gan.step_bug import broken_step
from course.exercises.gan.wasserstein import wasserstein_1d
from course.exercises.gan.weight_average import average_weights

__all__ = [
    "CHAPTER",
    "average_weights",
    "broken_game",
    "broken_penalty",
    "broken_step",
    "discriminator_loss",
    "gradient_penalty",
    "jensen_shannon",
    "least_squares_losses",
    "non_saturating_loss",
    "one_sided_smoothing",
    "optimal_logit",
    "pack",
    "relativistic_loss",
    "wasserstein_1d",
]

CHAPTER = "05_gan"
