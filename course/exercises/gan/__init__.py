"""Exercises of chapter 5, GAN losses; one module holds all of one exercise."""

from course.exercises.gan.average_weights import average_weights
from course.exercises.gan.broken_game import broken_game
from course.exercises.gan.broken_penalty import broken_penalty
from course.exercises.gan.broken_step import broken_step
from course.exercises.gan.gradient_penalty import gradient_penalty

CHAPTER = "05_gan"
