"""Shortcuts: predictors that never see the lesion, to compare a network with."""
