"""Layers that others keep: zones, registers, hazards, roads; imported as versions, asked around a site."""
