"""Exercises of chapter 3, attention; one module holds all of one exercise."""

CHAPTER = "03_attention"
