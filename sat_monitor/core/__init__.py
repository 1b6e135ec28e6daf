"""Nouns and formulas: no file, no clock, no database."""
