"""The model card."""

from birads_zoo.artifact.manifest import Manifest
from birads_zoo.finished import Finished


def model_card(finished: Finished, manifest: Manifest) -> str:
    """Return it."""
    return f"# {manifest.run_id}\n"
