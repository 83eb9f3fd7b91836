"""A trained model as a thing: a folder with weights, preprocessing, calibration and card, and what it predicts."""
