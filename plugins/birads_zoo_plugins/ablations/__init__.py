"""The bundled ablations."""
