"""Exercises of chapter 5, GAN losses; one module holds all of one exercise."""

from course.exercises.gan.average_weights import average_weights
from course.exercises.gan.broken_game import broken_game
from course.exercises.gan.broken_penalty import broken_penalty
from course.exercises.gan.broken_step import broken_step
from course.exercises.gan.discriminator_loss import discriminator_loss
from course.exercises.gan.gradient_penalty import gradient_penalty
from course.exercises.gan.jensen_shannon import jensen_shannon
from course.exercises.gan.least_squares_losses import least_squares_losses
from course.exercises.gan.non_saturating_loss import non_saturating_loss
from course.exercises.gan.one_sided_smoothing import one_sided_smoothing
from course.exercises.gan.optimal_logit import optimal_logit
from course.exercises.gan.pack import pack
from course.exercises.gan.relativistic_loss import relativistic_loss
from course.exercises.gan.wasserstein_1d import wasserstein_1d

CHAPTER = "05_gan"

# In the order of the chapter, under its headings.
TITLES = {
    "jensen_shannon": "The Jensen-Shannon divergence",
    "optimal_logit": "The best discriminator's logit",
    "discriminator_loss": "The discriminator's loss",
    "non_saturating_loss": "The generator's non-saturating loss",
    "least_squares_losses": "The least-squares losses",
    "relativistic_loss": "The relativistic losses",
    "wasserstein_1d": "The Wasserstein distance on a line",
    "gradient_penalty": "The gradient penalty",
    "broken_penalty": "Find three bugs in a gradient penalty",
    "average_weights": "Average the generator's weights",
    "broken_step": "Find two bugs in a step of training",
    "broken_game": "Find three bugs in a GAN's losses",
    "one_sided_smoothing": "One-sided label smoothing",
    "pack": "Show the discriminator several samples at once",
}
