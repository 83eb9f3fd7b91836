"""Opens exported models. A model predicts pictures and draws heat maps, without the run that it came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from birads_zoo.artifact.ensemble import predict_prepared
from birads_zoo.artifact.manifest import NAME, NOTICE, REFERENCE, Manifest, read_manifest
from birads_zoo.artifact.networks.exported import Network
from birads_zoo.artifact.networks.opening import Blueprint, check_precision, device_for, open_network
from birads_zoo.artifact.reading import Images, in_order, read, samples_of
from birads_zoo.artifact.reference import Reference
from birads_zoo.artifact.samples import Prediction, Ready, Sample
from birads_zoo.artifact.training_range import NAMES
from birads_zoo.data.batches import as_images
from birads_zoo.data.index.views import labelled_views, side_by_side
from birads_zoo.data.picture import GreyArray
from birads_zoo.devices import Compute, choose_compute
from birads_zoo.errors import UserError
from birads_zoo.explanation.heat_maps import explain_sample
from birads_zoo.interfaces import ExplainerContext
from birads_zoo.model.classifier import Classifier

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """The picture H×W as the network gets it, and the heat map H×W in [0, 1] of the evidence for class `label`.

    All O pictures of a breast or an exam are side by side, so both arrays are H×(O·W); an absent picture is black.
    """

    picture: GreyArray
    heat: NDArray[np.float32]
    label: str


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Model:
    """An exported model. The prediction is the mean of the folds' networks. Made by `birads_zoo.load`.

    `networks` predict. `classifiers` are the trained torch modules, which `explain` needs, if the format is
    "safetensors", else (). They are modules of their own where a network's batch norms are folded.
    """

    manifest: Manifest
    networks: tuple[Network, ...]
    classifiers: tuple[Classifier, ...]
    references: tuple[Reference, ...]
    compute: Compute
    host: Host

    def __repr__(self) -> str:
        networks = f"{len(self.networks)} networks as {self.manifest.kind}"
        return f"<Model {self.manifest.recipe.run_id}, {networks}, classes {', '.join(self.classes)}>"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in order."""
        return self.manifest.classes

    @property
    def notice(self) -> str:
        """The notice that must be shown with every prediction."""
        return NOTICE

    def predict(self, images: Images, *, batch_size: int = 32) -> tuple[Prediction, ...]:
        """Predict pictures, in their order; see `stream`."""
        return tuple(self.stream(images, batch_size=batch_size))

    def stream(self, images: Images, *, batch_size: int = 32) -> Iterator[Prediction]:
        """Yield each picture's prediction as soon as it is made, while threads read the next ones.

        Args:
            images: one or several paths of files, or H×W arrays of uint8 or uint16. Any model also takes a table
                (pandas); a model of several views needs one. It has the columns image_path, patient_id, laterality and
                view, and exam_id or study_date if a patient has several exams. Cells are read as the data set `csv`
                reads them (`birads_zoo.cells.identity`). If labels are of breasts or patients, each breast or exam gets
                one prediction; a picture that fits in none gets one with an `error`.
            batch_size: number of samples that the networks get at once.

        Raises:
            UserError: for images of another type. A picture that cannot be read gives a prediction with an `error`.

        """
        return self.predict_prepared(self.read(self.samples(images)), batch_size)

    def samples(self, images: Images) -> Iterator[Sample]:
        """Return the samples in `images`, each of which gets one prediction; see `stream`."""
        return samples_of(images, self.manifest.recipe.dataset.views, self.manifest.level)

    def read(self, samples: Iterable[Sample]) -> Iterator[Ready | Prediction]:
        """Read and prepare samples in threads, in their order; one that cannot be read becomes an error."""
        return in_order(samples, lambda sample: read(sample, self.manifest.preprocessing))

    def predict_prepared(self, prepared: Iterable[Ready | Prediction], batch_size: int = 32) -> Iterator[Prediction]:
        """Yield the predictions of prepared samples, in their order."""
        return predict_prepared(self.manifest, self.networks, self.references, self.compute, prepared, batch_size)

    def explain(self, sample: Sample, label: str) -> Explanation:
        """Return the heat map of class `label` for a sample's own pictures: the mean of the folds' heat maps.

        Raises:
            UserError: if the model was not exported as safetensors, the explainer is not registered, or the picture
                cannot be read.

        """
        if not self.classifiers:
            raise UserError(
                f"heat maps need gradients, which {self.manifest.kind} does not have; export the run as safetensors"
            )
        ready = read(sample, self.manifest.preprocessing)
        if isinstance(ready, Prediction):
            raise UserError(f"cannot read {ready.source or 'the picture'}: {ready.error}")
        section = self.manifest.recipe.explainer
        spec, options = self.host.explainer(section.name), self.host.options("explainer", section.name, section.options)
        images = as_images(ready.pixels[None], self.compute.device)
        present = torch.from_numpy(ready.present[None])
        target = torch.tensor([self.classes.index(label)], device=self.compute.device)
        seed = self.manifest.recipe.seed
        with self.host.building("explainer", spec.name):
            explainers = [
                spec.build(ExplainerContext(classifier=classifier, options=options)) for classifier in self.classifiers
            ]
            maps = [
                explain_sample(classifier, explainer, images, target, 1, present=present, seed=seed)[0]
                for classifier, explainer in zip(self.classifiers, explainers, strict=True)
            ]
        own = len(ready.statistics)
        pictures = ready.pixels * ready.present[:, None, None]
        return Explanation(
            picture=side_by_side(pictures[:own]), heat=side_by_side(np.mean(maps, axis=0)[:own]), label=label
        )


def open_model(folder: Path, host: Host, device: str = "auto") -> Model:
    """Check the files in `folder`, which `birads-zoo export` made, and open it; nothing is unpickled or executed.

    Raises:
        UserError: if the folder is not an exported model, is damaged, needs a plugin or package that is not installed,
            or has a format that cannot be opened safely.

    """
    manifest = read_manifest(folder)
    if set(manifest.training_range.statistics) != set(NAMES):
        raise UserError(
            f"{folder / NAME} is damaged (its training range must have {', '.join(NAMES)}); export the run again"
        )
    compute = choose_compute(device_for(manifest.kind, device), manifest.precision)
    check_precision(manifest.kind, compute)
    blueprint = Blueprint(
        recipe=manifest.recipe,
        classes=len(manifest.classes),
        outputs=manifest.outputs,
        own=labelled_views(manifest.level, len(manifest.view_names)),
    )
    opened = [
        open_network(manifest.kind, folder / fold.weights, blueprint, host, compute, folded=fold.folded)
        for fold in manifest.folds
    ]
    return Model(
        manifest=manifest,
        networks=tuple(each.network for each in opened),
        classifiers=tuple(each.classifier for each in opened if each.classifier is not None),
        references=_references(folder, len(manifest.folds), len(manifest.classes)),
        compute=compute,
        host=host,
    )


def _references(folder: Path, folds: int, classes: int) -> tuple[Reference, ...]:
    try:
        tensors = safetensors.numpy.load_file(folder / REFERENCE)
        return tuple(_reference(tensors, fold, classes) for fold in range(folds))
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise UserError(f"{folder / REFERENCE} is damaged ({error}); export the run again") from None


def _reference(tensors: Mapping[str, NDArray[Any]], fold: int, classes: int) -> Reference:
    """Take a fold's reference from the file's tensors; raise ValueError if they do not fit together."""
    features, labels = tensors[f"features-{fold}"].astype(np.float32), tensors[f"labels-{fold}"].astype(np.int64)
    mean, spread = tensors[f"mean-{fold}"], tensors[f"spread-{fold}"]
    if mean.ndim != 1 or spread.shape != mean.shape or features.shape != (*labels.shape, *mean.shape):
        shapes = ", ".join(str(array.shape) for array in (features, labels, mean, spread))
        raise ValueError(f"the shapes of fold {fold}'s features, labels, mean and spread do not fit: {shapes}")
    if not all(np.isfinite(array).all() for array in (features, mean, spread)) or not (spread > 0).all():
        raise ValueError(f"fold {fold} has features that are not finite, or a spread that is not above 0")
    if not ((labels >= 0) & (labels < classes)).all():
        raise ValueError(f"fold {fold} has labels outside its {classes} classes")
    return Reference(features=features, labels=labels, mean=mean, spread=spread)
