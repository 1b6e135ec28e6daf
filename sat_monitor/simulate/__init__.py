"""A world with known truth, written as scenes in the formats of the archive."""
