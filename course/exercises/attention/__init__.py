"""Exercises of chapter 3, attention; one module holds all of one exercise.

In such a module the function `my_...` is the stub that the chapter hands out, `solve_...` the worked
solution, and the wrong versions are wrong on purpose.
"""

from course.exercises.attention.cross import cross_attention
from course.exercises.attention.decoder_input import shift_right
from course.exercises.attention.dot_product import scaled_dot_product
from course.exercises.attention.grouped_query import grouped_query
from course.exercises.attention.heads import split_heads
from course.exercises.attention.layer_norm import layer_norm
from course.exercises.attention.masks import combined_mask
from course.exercises.attention.merge_bug import merged_heads
from course.exercises.attention.positions import sinusoids
from course.exercises.attention.rotary import rotary
from course.exercises.attention.scores_bug import leaky_attention

__all__ = [
    "CHAPTER",
    "combined_mask",
    "cross_attention",
    "grouped_query",
    "layer_norm",
    "leaky_attention",
    "merged_heads",
    "rotary",
    "scaled_dot_product",
    "shift_right",
    "sinusoids",
    "split_heads",
]

CHAPTER = "03_attention"
