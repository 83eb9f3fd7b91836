"""Two ablations: one changes the recipe, one the network. Their flags are --no-warm-up and --no-activations."""

from birads_zoo import AblationSpec, hookimpl

PLUGIN_API = 1


def without_warm_up(recipe):
    return recipe.replace({"training.warmup_epochs": 0.0})


def without_activations(classifier):
    from torch import nn

    for part in list(classifier.modules()):
        for name, child in part.named_children():
            if isinstance(child, nn.ReLU | nn.ReLU6 | nn.GELU | nn.SiLU | nn.Hardswish):
                setattr(part, name, nn.Identity())
    return classifier


@hookimpl
def birads_zoo_ablations():
    return [
        AblationSpec(name="no-warm-up", summary="The full learning rate from the first step", recipe=without_warm_up),
        AblationSpec(name="no-activations", summary="A network without non-linearities", model=without_activations),
    ]
