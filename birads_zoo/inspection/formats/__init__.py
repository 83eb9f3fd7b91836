"""Whether the file format tells the class, and whether it can still be seen in the stored images."""
