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

# In the order of the chapter, under its headings.
TITLES = {
    "backward": "Reverse mode over a tape",
    "line": "The least-squares line",
    "largest_rate": "The largest learning rate",
    "adam": "Adam",
    "broken_adamw": "Find the bug in AdamW",
    "huber": "The Huber loss",
    "cross_entropy_slope": "The slope of the cross-entropy",
    "weight_std": "How large are the first weights?",
    "early_stopping": "When to stop, and what to keep",
    "soft_threshold": "A gradient step with an L1 penalty",
    "precision_recall": "Precision, recall and F1",
    "roc_auc": "The area under the ROC curve",
    "broken_selection": "Find the bug in a held-out score",
}
