"""The bundled explainers: class activation maps at the input of the head, and attributions to pixels."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Annotated

from msgspec import Meta, structs

from birads_zoo import Explainer, ExplainerContext, ExplainerSpec, Options, hookimpl

PLUGIN_API = 1


def _build(module: str, relevance: str, context: ExplainerContext) -> Explainer:
    from birads_zoo_plugins.explainers._score import HeatMaps

    function = getattr(import_module(f"birads_zoo_plugins.explainers.{module}"), relevance)
    return HeatMaps(context.classifier, partial(function, **structs.asdict(context.options)))


class IntegratedGradientsOptions(Options, frozen=True, kw_only=True):
    """Options of integrated gradients."""

    steps: Annotated[int, Meta(ge=1, description="gradients along the line; captum's default is 50")] = 50


class GradientShapOptions(Options, frozen=True, kw_only=True):
    """Options of expected gradients."""

    draws: Annotated[int, Meta(ge=1, description="random points; more give a smoother map")] = 50
    noise: Annotated[
        float,
        Meta(
            ge=0, description="standard deviation, for pixels in [0, 1]; SmoothGrad (Smilkov et al. 2017): 0.1 to 0.2"
        ),
    ] = 0.1


@hookimpl
def birads_zoo_explainers() -> list[ExplainerSpec]:
    """Return seven class activation maps and four attributions to pixels."""
    return [
        ExplainerSpec(
            name="grad-cam",
            summary="Grad-CAM (Selvaraju et al. 2017) at the input of the head",
            build=partial(_build, "_cam", "grad_cam"),
        ),
        ExplainerSpec(
            name="grad-cam-plus-plus",
            summary="Grad-CAM++ (Chattopadhay et al. 2018), made for several findings of one class",
            build=partial(_build, "_cam", "grad_cam_plus_plus"),
        ),
        ExplainerSpec(
            name="hires-cam",
            summary="HiResCAM (Draelos & Carin 2020): only places that the head used",
            build=partial(_build, "_cam", "hires_cam"),
        ),
        ExplainerSpec(
            name="layer-cam",
            summary="LayerCAM (Jiang et al. 2021): positive gradients at each place",
            build=partial(_build, "_cam", "layer_cam"),
        ),
        ExplainerSpec(
            name="eigen-cam",
            summary="Eigen-CAM (Muhammad & Yeasin 2020): the features' first component, the same for every class",
            build=partial(_build, "_cam", "eigen_cam"),
        ),
        ExplainerSpec(
            name="score-cam",
            summary="Score-CAM (Wang et al. 2020), no gradients: slow, one forward pass per channel",
            build=partial(_build, "_cam", "score_cam"),
        ),
        ExplainerSpec(
            name="ablation-cam",
            summary="Ablation-CAM (Desai & Ramaswamy 2020), no gradients: one pass of the head per channel",
            build=partial(_build, "_cam", "ablation_cam"),
        ),
        ExplainerSpec(
            name="integrated-gradients",
            summary="Integrated gradients (Sundararajan et al. 2017) from a black picture",
            build=partial(_build, "_pixels", "integrated_gradients"),
            options=IntegratedGradientsOptions,
        ),
        ExplainerSpec(
            name="gradient-shap",
            summary="Expected gradients (Lundberg & Lee 2017; Erion et al. 2021) from black, noisy draws",
            build=partial(_build, "_pixels", "gradient_shap"),
            options=GradientShapOptions,
        ),
        ExplainerSpec(
            name="occlusion",
            summary="Black squares over every place (Zeiler & Fergus 2014): slow, 225 forward passes or more",
            build=partial(_build, "_pixels", "occlusion"),
        ),
        ExplainerSpec(
            name="guided-grad-cam",
            summary="Guided Grad-CAM (Selvaraju et al. 2017), its rule also for ReLU6 and smooth rectifiers",
            build=partial(_build, "_pixels", "guided_grad_cam"),
        ),
    ]
