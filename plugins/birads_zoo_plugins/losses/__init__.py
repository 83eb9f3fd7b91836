"""The bundled losses."""
