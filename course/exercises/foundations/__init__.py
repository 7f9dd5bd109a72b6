"""Exercises of chapter 0, foundations; one module holds all of one exercise."""

from course.exercises.foundations.adam import adam
from course.exercises.foundations.backward import backward
from course.exercises.foundations.broken_adamw import broken_adamw
from course.exercises.foundations.broken_selection import broken_selection
from course.exercises.foundations.cross_entropy_slope import cross_entropy_slope
from course.exercises.foundations.early_stopping import early_stopping
from course.exercises.foundations.huber import huber
from course.exercises.foundations.largest_rate import largest_rate
from course.exercises.foundations.line import line
from course.exercises.foundations.precision_recall import precision_recall
from course.exercises.foundations.roc_auc import roc_auc
from course.exercises.foundations.soft_threshold import soft_threshold
from course.exercises.foundations.weight_std import weight_std

CHAPTER = "00_foundations"
