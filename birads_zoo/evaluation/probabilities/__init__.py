"""Calibration, recalibration and conformal sets."""
