"""Pictures that were looked at and kept, each with the script that makes it."""
