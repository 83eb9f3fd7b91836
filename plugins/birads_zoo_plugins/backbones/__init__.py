"""The bundled backbones."""
