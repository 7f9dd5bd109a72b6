"""The start page: a card for each chapter."""
