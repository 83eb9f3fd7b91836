"""Intervals, paired comparisons and resampling of whole patients."""
