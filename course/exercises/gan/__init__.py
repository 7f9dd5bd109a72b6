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
