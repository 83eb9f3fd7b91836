"""Writes the leaderboard and the other results of a study."""
