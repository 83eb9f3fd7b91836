"""What a run leaves, as types: every JSON file of a run's folder is one of these values (`birads_zoo.documents`)."""
