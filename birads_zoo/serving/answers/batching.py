"""Predicts the samples of several requests at once: those that came while the networks were busy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from birads_zoo.artifact.model import Model
from birads_zoo.artifact.samples import Prediction, Ready

T = TypeVar("T")

Prepared = Ready | Prediction
"""A prepared sample; a prediction with an `error` is one that could not be read."""


class Batcher:
    """Uses a model in one thread, for requests in many threads.

    What waits when the networks are free is the next batch, of at most `most` samples. So a sample that comes when they
    are idle is predicted at once and alone, and nothing ever waits for a batch to fill. Since all work is done in the
    same thread, no two requests use a network at the same time, which an explainer's hooks would not bear, and a CPU's
    threads are not made anew for each request.
    """

    def __init__(self, model: Model, most: int) -> None:
        self._model = model
        self._most = most
        self._waiting: deque[tuple[Prepared, Future[Prediction]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="networks")

    def predict(self, prepared: Prepared) -> Prediction:
        """Return the prediction of a prepared sample. In a batch it may differ by rounding from the one made alone."""
        place: Future[Prediction] = Future()
        self._waiting.append((prepared, place))
        self._thread.submit(self._predict_waiting)
        return place.result()

    def alone(self, work: Callable[[], T]) -> T:
        """Return what `work` does with the model while nothing else uses it."""
        return self._thread.submit(work).result()

    def _predict_waiting(self) -> None:
        """Predict what waits: nothing if it was part of an earlier batch."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
        if batch:
            self._predict(batch)

    def _predict(self, batch: Sequence[tuple[Prepared, Future[Prediction]]]) -> None:
        try:
            predictions = tuple(self._model.predict_prepared([prepared for prepared, _ in batch]))
        except Exception as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            for entry in batch:  # an error is only for the request that causes it
                self._predict([entry])
        else:
            for (_, place), prediction in zip(batch, predictions, strict=True):
                place.set_result(prediction)
