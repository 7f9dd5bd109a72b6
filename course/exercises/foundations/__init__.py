"""Exercises of chapter 0, foundations; one module holds all of one exercise."""

CHAPTER = "00_foundations"
