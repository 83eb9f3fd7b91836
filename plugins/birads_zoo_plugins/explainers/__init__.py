"""The bundled explainers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from birads_zoo.interfaces import Explainer, ExplainerSpec, hookimpl

if TYPE_CHECKING:
    from birads_zoo.model.classifier import Classifier


def _build_grad_cam(classifier: Classifier) -> Explainer:
    from birads_zoo_plugins.explainers._grad_cam import GradCAM

    return GradCAM(classifier)


@hookimpl
def birads_zoo_explainers() -> list[ExplainerSpec]:
    """Return Grad-CAM."""
    return [
        ExplainerSpec(
            name="grad-cam",
            summary="Grad-CAM (Selvaraju et al. 2017) at the line before the head",
            build=_build_grad_cam,
        )
    ]
