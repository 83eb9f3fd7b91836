"""Checks that a plugin's parts keep their contract, for `birads-zoo register`, plugin authors and our own tests.

Each check takes one spec, or a plugin's module, and returns its findings, or an empty list when nothing is wrong. It
runs on the CPU, downloads nothing and leaves torch's global random state as it was:

    assert not conformance.check_backbone(my_spec)
"""

from birads_zoo.conformance.checks import (
    Finding,
    check,
    check_ablation,
    check_augmentation,
    check_backbone,
    check_dataset,
    check_explainer,
    check_loss,
    check_plugin_api,
    check_spec,
    check_tracker,
    errors_of,
)

__all__ = [
    "Finding",
    "check",
    "check_ablation",
    "check_augmentation",
    "check_backbone",
    "check_dataset",
    "check_explainer",
    "check_loss",
    "check_plugin_api",
    "check_spec",
    "check_tracker",
    "errors_of",
]
