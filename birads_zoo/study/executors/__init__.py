"""Executes the runs of a study: one after another, or several at once in processes of their own."""
