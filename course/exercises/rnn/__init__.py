"""Exercises of chapter 2, the recurrent network; one module holds all of one exercise."""

from course.exercises.rnn.bits_per_character import bits_per_character
from course.exercises.rnn.clip_global_norm import clip_global_norm
from course.exercises.rnn.direct_path import direct_path
from course.exercises.rnn.gru_step import gru_step

CHAPTER = "02_rnn"
