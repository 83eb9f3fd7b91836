"""How figures, pictures and charts are drawn, whatever they are of."""
