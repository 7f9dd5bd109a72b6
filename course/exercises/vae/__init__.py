"""Exercises of chapter 4, the VAE; one module holds all of one exercise."""

CHAPTER = "04_vae"
