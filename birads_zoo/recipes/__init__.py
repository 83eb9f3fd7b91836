"""Recipes by name: registry.toml, changes made to a recipe, and ablations."""
