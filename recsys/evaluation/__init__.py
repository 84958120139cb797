"""How good the ranking is: labels, tasks made without labels, metrics with their uncertainty."""
