"""Sections `augmentation`, `loss` and `training`, from the recipe to the training of a fold."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from birads_zoo.launch import Launch
from birads_zoo.training import checkpoint, loop
from birads_zoo.training.loop import train
from birads_zoo.training.optimisation import make_optimiser
from birads_zoo.training.ranks import Ranks

UNEVEN = {"dataset.classes": ["BI-RADS 1", "BI-RADS 3"], "split.validation": 0.0}  # five pictures and ten
IGNORE = (lambda images: None, lambda epoch: None)
LOGITS = torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])


@pytest.fixture
def trained(fit_of, monkeypatch):
    """Train the first fold of the recipe with changes; return its history, optimiser and learning rate by step."""

    def run(changes):
        made, steps = [], []

        def watched(model, section):
            made.append(make_optimiser(model, section))
            made[0].register_step_pre_hook(lambda *_: steps.append(made[0].param_groups[0]["lr"]))
            return made[0]

        fit = fit_of(changes)
        with monkeypatch.context() as patch:
            patch.setattr(loop, "make_optimiser", watched)
            history = train(fit, *IGNORE)
        return fit, history, made[0], steps

    return run


@pytest.fixture
def scripted(fit_of, monkeypatch):
    """Train the recipe with changes and these validation values by epoch; return the history and the epoch kept."""

    def run(changes, **values):
        validations = [dict(zip(values, epoch, strict=True)) for epoch in zip(*values.values(), strict=True)]
        usual = {"val_loss": 1.0, "val_accuracy": 0.5, "val_macro_f1": 0.5, "val_auroc": 0.5}
        left, kept = iter(validations), []
        with monkeypatch.context() as patch:
            patch.setattr(loop, "_validate", lambda *_: usual | next(left))
            patch.setattr(checkpoint, "load_best", lambda path, model, origin, epochs: kept.append(epochs))
            history = train(fit_of({"training.epochs": len(validations)} | changes), *IGNORE)
        return history, kept[0]

    return run


@pytest.mark.follows("augmentation.name", "augmentation.options")
def test_the_named_augmentation_has_its_options_and_the_pictures_size(fit_of):
    assert isinstance(fit_of().augment, nn.Identity)
    images = torch.ones(2, 1, 48, 32)
    assert fit_of({"augmentation.name": "shown", "augmentation.options.scale": 0.5}).augment(images).unique() == 0.5
    context = fit_of({"augmentation.name": "shown"}).augment.context
    assert (context.height, context.width) == (48, 32)


@pytest.mark.follows("loss.name", "loss.options")
def test_the_named_loss_has_its_options(fit_of):
    targets = torch.tensor([0, 3])
    plain = fit_of().criterion(LOGITS, targets)
    assert fit_of({"loss.name": "focal"}).criterion(LOGITS, targets) < plain
    assert fit_of({"loss.name": "shown", "loss.options.scale": 3.0}).criterion(LOGITS, targets) == 3 * plain


@pytest.mark.follows("loss.class_weights")
def test_rare_classes_weigh_more_in_the_loss_that_is_trained(fit_of, prepared):
    data = prepared(UNEVEN)
    counts = np.bincount(data.labelled.labels[data.folds[0].train], minlength=len(data.labelled.classes))
    assert counts.max() > counts.min() > 0
    weighted, plain = (fit_of(UNEVEN | {"loss.class_weights": on}).criterion for on in (True, False))
    for k, count in enumerate(counts):
        silent, target = torch.zeros(1, len(counts)), torch.tensor([k])
        ratio = float(weighted(silent, target) / plain(silent, target))
        assert ratio == pytest.approx(counts.sum() / (len(counts) * count), rel=1e-5)


@pytest.mark.follows("training.epochs", "training.batch_size", "training.accumulate")
def test_steps_are_as_many_as_epochs_and_batches_make(trained, fit_of):
    rows = len(fit_of().batches._labels)
    fit, history, _, steps = trained({"training.epochs": 3, "training.batch_size": 5, "training.accumulate": 2})
    batches = [len(batch.targets) for batch in fit.batches.epoch(np.random.default_rng(0))]
    assert sum(batches) == rows
    assert batches[0] == 5
    assert (len(history), len(steps)) == (3, 3 * -(-len(batches) // 2))


@pytest.mark.follows("training.sampler")
def test_balanced_samples_draw_rare_classes_more_often(fit_of):
    def spread(sampler):
        fit = fit_of(UNEVEN | {"training.sampler": sampler})
        drawn = [fit.batches.epoch(np.random.default_rng(seed)) for seed in range(40)]
        counts = torch.cat([batch.targets for epoch in drawn for batch in epoch]).bincount(minlength=2).double()
        return float(counts.std() / counts.mean())

    assert spread("balanced") < 0.1 < spread("sqrt-balanced") < spread("natural")


@pytest.mark.follows("training.optimizer", "training.learning_rate", "training.weight_decay", "training.schedule")
def test_the_optimiser_is_the_one_asked_for_and_its_rate_follows_the_schedule(trained):
    constant = {"training.schedule": "constant", "training.learning_rate": 0.0625, "training.weight_decay": 0.5}
    _, history, optimiser, steps = trained(constant | {"training.optimizer": "adam"})
    assert type(optimiser) is torch.optim.Adam
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.5, 0.0]
    assert set(steps) == {0.0625}
    assert [epoch.learning_rate for epoch in history] == [0.0625] * 2
    _, _, optimiser, steps = trained({"training.optimizer": "adamw", "training.schedule": "cosine"})
    assert type(optimiser) is torch.optim.AdamW
    assert steps == sorted(steps, reverse=True)
    assert steps[0] > 1.5 * steps[-1]


@pytest.mark.follows("training.warmup_epochs")
def test_the_rate_rises_first(trained):
    _, _, _, steps = trained({"training.epochs": 5, "training.warmup_epochs": 1.0, "training.schedule": "constant"})
    epoch = len(steps) // 5
    assert steps[:epoch] == pytest.approx([1e-3 * (step + 1) / epoch for step in range(epoch)])
    assert set(steps[epoch:]) == {1e-3}


@pytest.mark.follows("training.plateau_patience")
@pytest.mark.parametrize(("patience", "rates"), [(1, [1, 1, 0.1, 0.01]), (2, [1, 1, 1, 0.1])])
def test_the_rate_falls_after_as_many_epochs_as_asked_for(scripted, patience, rates):
    plateau = {"training.schedule": "plateau", "training.plateau_patience": patience}
    history, _ = scripted(plateau, val_loss=[1.0, 2.0, 2.0, 2.0])
    assert [epoch.learning_rate for epoch in history] == pytest.approx([1e-3 * rate for rate in rates])


@pytest.mark.follows("training.early_stopping")
@pytest.mark.parametrize(("patience", "epochs"), [(0, 5), (1, 3), (2, 4)])
def test_training_ends_after_as_many_epochs_as_asked_for(scripted, patience, epochs):
    history, kept = scripted({"training.early_stopping": patience}, val_loss=[2.0, 1.0, 1.5, 1.5, 1.5])
    assert (len(history), kept) == (epochs, 2)


@pytest.mark.follows("training.select")
@pytest.mark.parametrize(("select", "kept"), [("loss", 1), ("macro_f1", 2), ("auroc", 3), ("last", 4)])
def test_the_epoch_is_chosen_by_what_was_asked_for(scripted, select, kept):
    low = {"val_loss": [1.0, 2.0, 2.0, 2.0], "val_macro_f1": [0.1, 0.9, 0.1, 0.1], "val_auroc": [0.1, 0.1, 0.9, 0.1]}
    assert scripted({"training.select": select}, **low)[1] == kept


@pytest.mark.follows("training.lesion_weight")
def test_known_lesions_weigh_in_the_loss_as_much_as_asked_for(fit_of, monkeypatch):
    losses = []
    monkeypatch.setattr(loop, "lesion_loss", lambda *_: torch.tensor(10.0))
    for weight in (0.0, 0.25, 1.0):
        seen = {"model.evidence": True, "model.pooling": "max", "training.epochs": 1, "training.lesion_weight": weight}
        fit = fit_of(seen | {"training.batch_size": 999, "model.dropout": 0.0, "training.select": "last"})
        (epoch,) = train(fit, *IGNORE)
        losses.append(epoch.train_loss)
    assert losses[2] - losses[1] == pytest.approx(7.5, rel=1e-3)
    assert losses[0] < 2.5, "without a weight no lesion counts"


@pytest.mark.follows("training.ema", "training.clip_norm")
def test_averaging_and_clipping_happen_when_asked_for(trained, monkeypatch):
    decays, norms = [], []
    update, clip = loop.update_average, nn.utils.clip_grad_norm_
    monkeypatch.setattr(loop, "update_average", lambda *given: decays.append(given[2]) or update(*given))
    monkeypatch.setattr(nn.utils, "clip_grad_norm_", lambda params, norm: norms.append(norm) or clip(params, norm))
    trained({"training.epochs": 1})
    assert (decays, norms) == ([], [])
    _, _, _, steps = trained({"training.epochs": 1, "training.ema": 0.75, "training.clip_norm": 0.5})
    assert (decays, norms) == ([0.75] * len(steps), [0.5] * len(steps))


@pytest.mark.follows("training.precision")
def test_a_run_computes_in_the_precision_asked_for(run_of):
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        with run_of({"training.precision": name}).compute.precision():
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is dtype


@pytest.mark.follows("training.sync_batch_norm")
def test_batch_norms_of_several_processes_become_synchronised(fit_of, monkeypatch):
    together = Ranks(launch=Launch(size=2), fabric=SimpleNamespace(device=torch.device("cuda")))
    monkeypatch.setattr(
        Ranks, "share_norms", lambda _, classifier, share=Ranks.share_norms: share(together, classifier)
    )
    for wanted in (False, True):
        norms = fit_of({"training.sync_batch_norm": wanted, "model.norm": "batch"}).classifier.modules()
        found = {type(norm) for norm in norms if isinstance(norm, nn.modules.batchnorm._BatchNorm)}
        assert (nn.SyncBatchNorm in found) == wanted
        assert len(found) == 1 or not wanted
