"""The classifier: a backbone, which computes feature maps, and a head, which turns them into logits."""
