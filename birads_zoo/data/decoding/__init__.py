"""From an image file to a grey image."""
