"""Plugins: their hooks, where they come from, how they are loaded, and their options."""
