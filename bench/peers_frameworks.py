"""The frameworks that `bench/peers.py` compares: each trains MobileNetV2 and yields the seconds of its epochs."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from birads_zoo.data.cache_folder import cache_root
from birads_zoo.data.prepare import prepare
from birads_zoo.data.splits.split import Fold
from birads_zoo.devices import choose_compute
from birads_zoo.files import make_folder
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipes.compose import compose
from birads_zoo.recipes.registry import packaged_registry
from birads_zoo.training.fold import fit_fold

SIZE, BATCH, CLASSES, SHRUNK = 224, 32, 4, 400
Epochs = Iterator[float]
"""Yields the seconds of each epoch; the first includes all that is done once."""


def pictures(data: Path) -> list[tuple[Path, int]]:
    """Return pictures that decode, each with the number of its class: as many as fill batches."""
    usable = []
    for path in sorted(data.rglob("*.jpg")):
        try:
            with Image.open(path) as image:
                image.draft("L", (64, 64))
                image.load()
        except OSError:
            continue
        usable.append((path, len(usable) % CLASSES))  # what is learnt does not matter here
    if len(usable) < BATCH:
        raise SystemExit(f"{len(usable)} pictures do not fill a batch of {BATCH}: take more --patients")
    return usable[: len(usable) // BATCH * BATCH]


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """Decodes and resizes pictures, as the loaders of PyTorch's frameworks do."""

    def __init__(self, usable: Sequence[tuple[Path, int]]) -> None:
        self._usable = usable

    def __len__(self) -> int:
        return len(self._usable)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        """Return a picture 3×224×224 in [0, 1], and its class."""
        path, label = self._usable[number]
        with Image.open(path) as image:
            small = image.convert("L").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(small)).div(255).expand(3, -1, -1), label


def network() -> nn.Module:
    """Return the network that every framework of PyTorch trains."""
    from torchvision.models import mobilenet_v2

    return mobilenet_v2(num_classes=CLASSES)


def _steps(net: nn.Module, loader: Any, epochs: int) -> Epochs:
    optimiser = torch.optim.AdamW(net.parameters(), 3e-4)
    for _ in range(epochs):
        started = time.perf_counter()
        for images, labels in loader:
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(images), labels).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        yield time.perf_counter() - started


def own_trainer(data: Path, epochs: int, threads: int) -> Epochs:
    """Train one fold that holds nothing out, with the trainer of a run."""
    changes = {
        "dataset.root": str(data),
        "model.backbone": "mobilenet_v2",
        "model.pretrained": False,
        "augmentation": "none",
        "image.height": SIZE,
        "image.width": SIZE,
        "training.epochs": epochs,
        "split.folds": 2,
        "split.validation": 0.0,
    }
    host = load_host()
    recipe = compose("default", changes | {"dataset.name": "kaumds"}, (), packaged_registry(), host)
    compute = choose_compute("cpu", "auto")
    started = time.perf_counter()
    prepared = prepare(recipe, host, cache_root(), Screen(quiet=True))
    every = np.arange(len(pictures(data)))
    whole = Fold(number=0, train=every, validation=every[:0], test=every[:1])
    once = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        make_folder(Path(folder) / "fold-0")
        fitted, _ = fit_fold(
            recipe, host, prepared, whole, compute, Path(folder), Screen(quiet=True), lambda epoch: None
        )
    for number, epoch in enumerate(fitted.history):
        yield epoch.seconds + (once if number == 0 else 0.0)


def plain(data: Path, epochs: int, threads: int) -> Epochs:
    """Train with a loop of PyTorch and no other process, as tutorials begin."""
    return _steps(network(), DataLoader(Pictures(pictures(data)), BATCH, shuffle=True), epochs)


def timm_loop(data: Path, epochs: int, threads: int) -> Epochs:
    """Train with timm's loader, with a process for each thread."""
    from timm.data import create_dataset, create_loader

    links = _by_class(data)
    dataset = create_dataset("", root=str(links))
    loader = create_loader(
        dataset, (3, SIZE, SIZE), BATCH, is_training=True, no_aug=True, num_workers=threads, use_prefetcher=False
    )
    return _steps(network().to(memory_format=torch.channels_last), loader, epochs)  # type: ignore[call-overload]


def lightning(data: Path, epochs: int, threads: int) -> Epochs:
    """Train with Lightning's Trainer, and a process for each thread that decodes."""
    return _lightning(pictures(data), epochs, threads)


def lightning_shrunk(data: Path, epochs: int, threads: int) -> Epochs:
    """Train with Lightning's Trainer on pictures that were shrunk to 400 pixels once."""
    started = time.perf_counter()
    small = make_folder(data.parent / f"shrunk-{os.getpid()}")
    usable = []
    for path, label in pictures(data):
        with Image.open(path) as image:
            image.thumbnail((SHRUNK, SHRUNK))
            image.save(small / f"{len(usable)}.jpg", quality=90)
        usable.append((small / f"{len(usable)}.jpg", label))
    once = time.perf_counter() - started
    for number, seconds in enumerate(_lightning(usable, epochs, threads)):
        yield seconds + (once if number == 0 else 0.0)


def _lightning(usable: Sequence[tuple[Path, int]], epochs: int, threads: int) -> Epochs:
    import lightning as pl

    class Module(pl.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net, self.seconds = network().to(memory_format=torch.channels_last), []  # type: ignore[call-overload]

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), 3e-4)

        def on_train_epoch_start(self) -> None:
            self.started = time.perf_counter()

        def on_train_epoch_end(self) -> None:
            self.seconds.append(time.perf_counter() - self.started)

    module = Module()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    workers = {"num_workers": threads, "persistent_workers": True}
    trainer.fit(module, DataLoader(Pictures(usable), BATCH, shuffle=True, **workers))
    yield from module.seconds


def fastai(data: Path, epochs: int, threads: int) -> Epochs:
    """Train with fastai's Learner and its loader."""
    from fastai.vision.all import Callback, CrossEntropyLossFlat, ImageDataLoaders, Learner, Resize

    class Clock(Callback):  # type: ignore[misc]
        def before_train(self) -> None:
            self.started = time.perf_counter()

        def after_train(self) -> None:
            seconds.append(time.perf_counter() - self.started)

    seconds: list[float] = []
    usable = pictures(data)
    loaders = ImageDataLoaders.from_lists(
        data,
        [path for path, _ in usable],
        [str(label) for _, label in usable],
        valid_pct=0.0,
        item_tfms=Resize(SIZE, method="squish"),
        bs=BATCH,
        num_workers=threads,
    )
    loaders.train.drop_last = False
    learner = Learner(loaders, network(), loss_func=CrossEntropyLossFlat(), train_bn=True)
    with learner.no_bar(), learner.no_logging():
        learner.fit(epochs, 3e-4, cbs=Clock())
    yield from seconds


def keras(data: Path, epochs: int, threads: int) -> Epochs:
    """Train with Keras on TensorFlow, from `image_dataset_from_directory` with prefetching."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras as k
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    pixels = k.utils.image_dataset_from_directory(
        _by_class(data), image_size=(SIZE, SIZE), batch_size=BATCH, verbose=False
    ).prefetch(tf.data.AUTOTUNE)
    model = k.applications.MobileNetV2(weights=None, classes=CLASSES)
    model.compile(k.optimizers.AdamW(3e-4), "sparse_categorical_crossentropy")
    for _ in range(epochs):
        started = time.perf_counter()
        model.fit(pixels, epochs=1, verbose=0)
        yield time.perf_counter() - started


def _by_class(data: Path) -> Path:
    """Return a folder with a folder of links to the pictures of each class."""
    root = data.parent / f"classes-{os.getpid()}"
    for number, (path, label) in enumerate(pictures(data)):
        link = make_folder(root / str(label)) / f"{number}.jpg"
        link.symlink_to(path.resolve())
    return root


PEERS: dict[str, Callable[[Path, int, int], Epochs]] = {
    "birads-zoo": own_trainer,
    "plain loop": plain,
    "timm": timm_loop,
    "lightning": lightning,
    "lightning 400": lightning_shrunk,
    "fastai": fastai,
    "keras": keras,
}
