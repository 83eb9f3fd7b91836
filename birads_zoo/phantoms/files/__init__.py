"""How a phantom is written: images, sheet and folders."""
