"""Exercises of chapter 0, foundations; one module holds all of one exercise."""

from course.exercises.foundations.adam import adam
from course.exercises.foundations.backward import backward
from course.exercises.foundations.broken_adamw import broken_adamw
from course.exercises.foundations.cross_entropy_slope import cross_entropy_slope

CHAPTER = "00_foundations"
