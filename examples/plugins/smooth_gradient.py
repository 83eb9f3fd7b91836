"""An explainer: the gradient of the class score with respect to the pixels, over noisy copies of the picture.

Source: Smilkov et al., "SmoothGrad: removing noise by adding noise", arXiv:1706.03825, 2017.
"""

from typing import Annotated

from msgspec import Meta

from birads_zoo import ExplainerSpec, Options, hookimpl

PLUGIN_API = 1


class SmoothGradientOptions(Options, frozen=True, kw_only=True):
    copies: Annotated[int, Meta(ge=1, description="noisy copies of each picture")] = 8
    noise: Annotated[float, Meta(ge=0, description="standard deviation of the noise, for pixels in [0, 1]")] = 0.1


def build(context):
    import torch

    classifier, options = context.classifier, context.options

    def explain(images, targets, present):  # N×V×1×H×W, N and N×V → N×V×H×W in [0, 1]
        total = torch.zeros_like(images)
        for _ in range(options.copies):
            noise = torch.randn(images.shape[1:]).to(images.device)  # the same for every image, drawn on the CPU
            noisy = (images + options.noise * noise).detach().requires_grad_()
            with torch.enable_grad():
                scores = classifier.class_scores(classifier.features(noisy), present)
                total += torch.autograd.grad(scores.gather(1, targets[:, None]).sum(), noisy)[0]
        maps = total[:, :, 0].abs()
        return maps / maps.amax((-2, -1), keepdim=True).clamp(min=1e-12)

    return explain


@hookimpl
def birads_zoo_explainers():
    summary = "SmoothGrad (Smilkov et al. 2017)"
    return [ExplainerSpec(name="smooth-gradient", summary=summary, build=build, options=SmoothGradientOptions)]
