"""Exported models: a folder with weights, preprocessing, calibration and model card, and how it predicts."""
