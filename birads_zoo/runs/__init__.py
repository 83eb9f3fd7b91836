"""A run: its folder, its predictions, what is measured of them, and a finished one opened again."""
