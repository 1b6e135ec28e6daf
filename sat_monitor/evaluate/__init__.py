"""Accuracy with intervals: what was found, what was missed, what was wrong, and how soon (METHOD 22 and 23)."""
