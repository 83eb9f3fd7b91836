"""From probabilities to metrics."""
