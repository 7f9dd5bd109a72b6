"""Exercises of chapter 1, the convolutional network; one module holds all of one exercise."""

CHAPTER = "01_cnn"
