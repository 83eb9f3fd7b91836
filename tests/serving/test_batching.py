"""Requests that come together are predicted together, and each gets its own answer."""

import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from birads_zoo.artifact.samples import Prediction
from birads_zoo.errors import UserError
from birads_zoo.serving.answers.answering import answer
from birads_zoo.serving.answers.batching import Batcher
from birads_zoo.serving.answers.uploads import Upload
from birads_zoo.serving.line import PLACES
from birads_zoo.serving.refusals import RefusedError


@pytest.fixture
def batches():
    """The sizes of the batches that a model got."""
    return []


@pytest.fixture
def batcher(batches):
    """A batcher of at most 3 samples, which are names here; the model predicts a name as itself, except for "bad"."""

    def predict_prepared(names):
        batches.append(len(names))
        if "bad" in names:
            raise UserError("it is bad")
        return (Prediction(source=name) for name in names)

    return Batcher(SimpleNamespace(predict_prepared=predict_prepared), most=3)


def together(batcher, busy, names):
    """Predict all names while the networks are busy; return the sources of the predictions, or the errors."""

    def predict(name):
        try:
            return batcher.predict(name).source
        except UserError as error:
            return str(error)

    with ThreadPoolExecutor(len(names)) as pool:
        with busy(SimpleNamespace(batcher=batcher)):
            results = []
            for count, name in enumerate(names, start=1):
                results.append(pool.submit(predict, name))
                while len(batcher._waiting) < count:
                    time.sleep(0.001)
        return [result.result() for result in results]


def test_a_sample_is_predicted_alone_when_the_networks_are_idle(batcher, batches):
    assert [batcher.predict(name).source for name in "ab"] == ["a", "b"]
    assert batches == [1, 1]


def test_what_waits_is_the_next_batch_up_to_its_size(batcher, batches, busy):
    assert together(batcher, busy, "abcde") == [*"abcde"]
    assert batches == [3, 2]


def test_an_error_is_only_for_the_request_that_causes_it(batcher, batches, busy):
    assert together(batcher, busy, ["a", "bad", "b", "c"]) == ["a", "it is bad", "b", "c"]
    assert batches == [3, 1, 1, 1, 1]
    assert batcher.predict("d").source == "d"


def test_an_error_of_work_alone_is_raised_and_does_no_harm(batcher):
    with pytest.raises(ZeroDivisionError):
        batcher.alone(lambda: 1 / 0)
    assert batcher.predict("a").source == "a"


@pytest.mark.parametrize("draw", [False, True])
def test_answers_of_a_batch_are_those_of_single_requests(queue, busy, phantom_root, draw):
    contents = [path.read_bytes() for path in sorted((phantom_root / "mammograms" / "BIRAD 5").glob("*.jpg"))[:5]]
    single = [answer(queue, [Upload(content=content)], draw=draw) for content in contents]
    sizes = []

    def counted(images, present, network=queue.model.networks[0]):
        sizes.append(len(images))
        return network(images, present)

    queue = replace(queue, model=replace(queue.model, networks=(counted, *queue.model.networks[1:])))
    with ThreadPoolExecutor(len(contents)) as pool:
        with busy(queue):
            results = [pool.submit(answer, queue, [Upload(content=content)], draw=draw) for content in contents]
            while len(queue.batcher._waiting) < len(contents):
                time.sleep(0.001)
        batched = [result.result() for result in results]
    assert sizes == [len(contents)]
    for one, other in zip(single, batched, strict=True):
        assert other.probabilities == pytest.approx(one.probabilities, abs=1e-4)
        assert other.distance == pytest.approx(one.distance, rel=1e-3)
        assert other.conformal_set == one.conformal_set
        assert (other.picture, other.heat_map) == (one.picture, one.heat_map)
        assert (other.picture is not None) == draw


def test_a_file_that_is_no_picture_leaves_the_others_alone(queue, mammogram):
    uploads = [mammogram, b"no picture", np.zeros(9).tobytes(), mammogram]

    def ask(content):
        try:
            return answer(queue, [Upload(content=content)], draw=False).predicted
        except RefusedError as refusal:
            return refusal.status

    with ThreadPoolExecutor(len(uploads)) as pool:
        first, *refused, last = pool.map(ask, uploads)
    assert first == last
    assert refused == [422, 422]


def test_more_requests_than_places_are_all_answered(running, queue, mammogram):
    def ask(number):
        request = urllib.request.Request(f"{address}predict", data=mammogram, headers={"content-type": "image/jpeg"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status

    with running(queue) as address, ThreadPoolExecutor(5 * PLACES) as pool:
        assert {*pool.map(ask, range(5 * PLACES))} == {200}
