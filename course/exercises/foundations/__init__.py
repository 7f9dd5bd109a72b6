"""Exercises of chapter 0, foundations; one module holds all of one exercise.

In such a module the function `my_...` is the stub that the chapter hands out, `solve_...` the worked
solution, and the wrong versions are wrong on purpose.
"""

from course.exercises.foundations.adam import adam
from course.exercises.foundations.backward import backward
from course.exercises.foundations.cross_entropy_slope import cross_entropy_slope
from course.exercises.foundations.decay_bug import broken_adamw
from course.exercises.foundations.early_stopping import early_stopping
from course.exercises.foundations.huber import huber
from course.exercises.foundations.largest_rate import largest_rate
from course.exercises.foundations.line import line
from course.exercises.foundations.precision_recall import precision_recall
from course.exercises.foundations.roc_auc import roc_auc
from course.exercises.foundations.selection_bug import broken_selection
from course.exercises.foundations.soft_threshold import soft_threshold
from course.exercises.foundations.weight_std import weight_std

__all__ = [
    "CHAPTER",
    "adam",
    "backward",
    "broken_adamw",
    "broken_selection",
    "cross_entropy_slope",
    "early_stopping",
    "huber",
    "largest_rate",
    "line",
    "precision_recall",
    "roc_auc",
    "soft_threshold",
    "weight_std",
]

CHAPTER = "00_foundations"
