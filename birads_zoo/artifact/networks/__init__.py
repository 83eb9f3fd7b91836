"""The folds' networks: how they are exported, written, and opened again."""
