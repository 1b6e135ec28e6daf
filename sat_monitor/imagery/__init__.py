"""Scenes in: sensors, sources, the archive, registration and stacks."""
