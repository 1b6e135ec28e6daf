"""What the satellites say of a place over its life."""
