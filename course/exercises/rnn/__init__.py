"""Exercises of chapter 2, the recurrent network; one module holds all of one exercise."""

CHAPTER = "02_rnn"
