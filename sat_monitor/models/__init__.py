"""Neural networks: the Siamese change detector, its training chips, weights and inference. Nouns are in core/domain.py."""
