"""Exercises of chapter 2, the recurrent network; one module holds all of one exercise."""

from course.exercises.rnn.bits_per_character import bits_per_character
from course.exercises.rnn.clip_global_norm import clip_global_norm
from course.exercises.rnn.direct_path import direct_path
from course.exercises.rnn.forgetful_lstm import forgetful_lstm
from course.exercises.rnn.gru_step import gru_step
from course.exercises.rnn.minimal_gated_unit import minimal_gated_unit
from course.exercises.rnn.packed_gates import packed_gates
from course.exercises.rnn.rnn_outputs import rnn_outputs
from course.exercises.rnn.temperature import temperature
from course.exercises.rnn.truncated_bptt import truncated_bptt

CHAPTER = "02_rnn"

# In the order of the chapter, under its headings.
TITLES = {
    "rnn_outputs": "Run a recurrence over a sequence",
    "direct_path": "The gradient along the cell",
    "gru_step": "One step of a GRU",
    "clip_global_norm": "Clip by the global norm",
    "truncated_bptt": "The gradient of truncated BPTT",
    "bits_per_character": "Bits a character",
    "temperature": "Sample at a temperature",
    "forgetful_lstm": "Find the bug in an LSTM from an article",
    "packed_gates": "Find two bugs in an LSTM with PyTorch's weights",
    "minimal_gated_unit": "A recurrent unit with a single gate",
}
