"""The bundled augmentations."""
