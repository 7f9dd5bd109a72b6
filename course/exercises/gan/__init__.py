"""Exercises of chapter 5, GAN losses; one module holds all of one exercise."""

from course.exercises.gan.gradient_penalty import gradient_penalty

CHAPTER = "05_gan"
