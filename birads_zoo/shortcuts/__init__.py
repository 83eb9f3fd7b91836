"""What can be had without looking at the breast."""
