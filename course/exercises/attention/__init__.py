"""Exercises of chapter 3, attention; one module holds all of one exercise."""

from course.exercises.attention.combined_mask import combined_mask
from course.exercises.attention.cross_attention import cross_attention
from course.exercises.attention.grouped_query import grouped_query
from course.exercises.attention.layer_norm import layer_norm
from course.exercises.attention.leaky_attention import leaky_attention
from course.exercises.attention.merged_heads import merged_heads
from course.exercises.attention.rotary import rotary
from course.exercises.attention.scaled_dot_product import scaled_dot_product
from course.exercises.attention.shift_right import shift_right
from course.exercises.attention.sinusoids import sinusoids
from course.exercises.attention.split_heads import split_heads

CHAPTER = "03_attention"
