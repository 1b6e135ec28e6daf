"""What another profile would have found: stored scores replayed, compared, drawn; nothing is ever written to the store."""
