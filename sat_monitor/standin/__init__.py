"""Stand-ins for outside services on loopback: they serve simulated scenes, and misbehave as told."""
