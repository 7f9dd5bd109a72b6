"""Exercises of chapter 2, the recurrent network; one module holds all of one exercise.

In such a module the function `my_...` is the stub that the chapter hands out, `solve_...` the worked
solution, and the wrong versions are wrong on purpose.
"""

from course.exercises.rnn.bits import bits_per_character
from course.exercises.rnn.cell_path import direct_path
from course.exercises.rnn.clipping import clip_global_norm
from course.exercises.rnn.gru import gru_step
from course.exercises.rnn.lost_cell import forgetful_lstm
from course.exercises.rnn.one_gate import minimal_gated_unit
from course.exercises.rnn.packed_order import packed_gates
from course.exercises.rnn.recurrence import rnn_outputs
from course.exercises.rnn.sampling import temperature
from course.exercises.rnn.truncation import truncated_bptt

__all__ = [
    "CHAPTER",
    "bits_per_character",
    "clip_global_norm",
    "direct_path",
    "forgetful_lstm",
    "gru_step",
    "minimal_gated_unit",
    "packed_gates",
    "rnn_outputs",
    "temperature",
    "truncated_bptt",
]

CHAPTER = "02_rnn"
