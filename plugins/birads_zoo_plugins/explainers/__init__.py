"""The bundled explainers."""
