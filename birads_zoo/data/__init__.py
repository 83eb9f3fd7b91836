"""Turns a folder of pictures into batches on the device: audit, splits, pixels, batches."""
