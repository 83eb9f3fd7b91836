"""The leaderboard and the pages of a study."""
