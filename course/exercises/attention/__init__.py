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

# In the order of the chapter, under its headings.
TITLES = {
    "combined_mask": "A causal mask and a padding mask in one",
    "scaled_dot_product": "Scaled dot-product attention with a mask",
    "cross_attention": "Cross-attention",
    "split_heads": "Split the features into heads",
    "merged_heads": "Find the bug where heads are merged",
    "sinusoids": "A table of sinusoidal positions",
    "layer_norm": "Normalise each token",
    "leaky_attention": "Find two bugs in causal self-attention",
    "shift_right": "What a decoder sees and what it must answer",
    "rotary": "Rotary positions",
    "grouped_query": "Query heads that share keys and values",
}
