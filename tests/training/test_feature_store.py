"""Stored features are used again, but only if they are what would be computed."""

import json
import os
import warnings

import numpy as np
import pytest
import safetensors
import torch

from birads_zoo.devices import choose_compute
from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.training import feature_store
from birads_zoo.training.feature_store import FeatureStore, frozen_features
from birads_zoo.version import __version__


@pytest.fixture
def fit(make_fit):
    return make_fit()


@pytest.fixture
def store(tmp_path):
    return FeatureStore(cache=tmp_path, digest="pixels", pictures=np.arange(24))


@pytest.fixture
def computed(fit, store, monkeypatch):
    """Features by `frozen_features`, and how many pictures the backbone saw for them."""

    def compute(pooled=False, store=store):
        seen = []
        features = type(fit.classifier).features

        def counted(classifier, images):
            seen.append(len(images))
            return features(classifier, images)

        with monkeypatch.context() as patch:
            patch.setattr(type(fit.classifier), "features", counted)
            result = frozen_features(fit.classifier, fit.batches, choose_compute("cpu", "float32"), pooled, store)
        return result, sum(seen)

    return compute


@pytest.mark.parametrize("pooled", [False, True])
def test_the_second_time_costs_one_batch_and_gives_the_same_bits(computed, pooled):
    first, seen = computed(pooled)
    again, seen_again = computed(pooled)
    assert (seen, seen_again) == (24, 4)
    assert torch.equal(first, again)
    assert first.shape == ((24, 4) if pooled else (24, 7, 7, 4))


def test_other_weights_pixels_or_pictures_are_other_features(computed, fit, store, tmp_path):
    computed()
    fit.classifier.head.rest[-1].weight.data += 1.0
    assert computed()[1] == 4, "features do not depend on the head"
    for other in ({"digest": "others"}, {"pictures": np.arange(1, 25)}):
        known = {"cache": tmp_path, "digest": store.digest, "pictures": store.pictures}
        assert computed(store=FeatureStore(**(known | other)))[1] == 24, other
    fit.classifier.backbone[0].bias.data += 1.0
    assert computed()[1] == 24


def test_code_that_changed_under_the_same_weights_is_noticed(computed, fit):
    before, _ = computed()
    fit.classifier.backbone[2].forward = lambda features: features.abs()
    after, seen = computed()
    assert seen == 24
    assert not torch.equal(before, after)
    assert torch.equal(computed()[0], after)


def test_a_damaged_file_is_reported_and_computed_again(computed, tmp_path):
    whole, _ = computed()
    (file,) = (tmp_path / "features").iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.warns(BiradsZooWarning, match=rf"{file} is damaged .*; they are computed again when needed"):
        again, seen = computed()
    assert seen == 24
    assert torch.equal(whole, again)
    assert computed()[1] == 4


def test_a_flipped_bit_anywhere_is_noticed(computed, tmp_path):
    whole, _ = computed(pooled=True)
    (file,) = (tmp_path / "features").iterdir()
    content = file.read_bytes()
    for place in range(8, len(content), 13):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        file.write_bytes(damaged)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            again, seen = computed(pooled=True)
        assert torch.equal(whole, again), place
        assert seen == 24 or _header(damaged) != _header(content), f"byte {place} is of a tensor"
        assert len(caught) == (seen == 24), place


def _header(content):
    return content[: 8 + int.from_bytes(content[:8], "little")]


def test_features_that_everybody_can_write_are_not_trusted(computed, tmp_path):
    computed()
    (file,) = (tmp_path / "features").iterdir()
    file.chmod(0o666)
    with pytest.raises(UserError, match="can be written by every user, so it is not trusted; set BIRADS_ZOO_CACHE to"):
        computed()


def test_features_of_another_format_are_computed_again(computed, tmp_path, monkeypatch):
    computed()
    (file,) = (tmp_path / "features").iterdir()
    with safetensors.safe_open(file, framework="pt") as written:
        header = json.loads(written.metadata()["birads_zoo"])
    assert (header["format"], header["birads_zoo"]) == (feature_store._Header.FORMAT, __version__)
    monkeypatch.setattr(feature_store._Header, "FORMAT", 99)
    assert computed()[1] == 24
    assert computed()[1] == 4


def test_the_least_recently_used_features_are_deleted(computed, store, tmp_path, monkeypatch):
    stores = [FeatureStore(cache=tmp_path, digest=name, pictures=store.pictures) for name in ("a", "b", "c")]

    def use(n):
        """Compute with a store ten seconds after the last time: file systems do not tell milliseconds apart."""
        for file in (tmp_path / "features").glob("*"):
            earlier = file.stat().st_mtime_ns - 10 * 10**9
            os.utime(file, ns=(earlier, earlier))
        return computed(store=stores[n])[1]

    use(0)
    (file,) = (tmp_path / "features").iterdir()
    monkeypatch.setattr(feature_store, "ROOM", int(2.5 * file.stat().st_size))
    for n in (1, 0, 2):  # the first is used again before the third is stored
        use(n)
    assert [use(n) for n in (0, 2, 1)] == [4, 4, 24]


def test_files_of_others_in_the_folder_stay_and_what_a_killed_process_left_goes(
    computed, tmp_path, monkeypatch, left_behind
):
    folder = tmp_path / "features"
    folder.mkdir()
    left, kept = left_behind(folder / "a.safetensors"), folder / "notes.safetensors"
    left.write_bytes(b"half")
    kept.write_bytes(b"mine" * 1000)
    monkeypatch.setattr(feature_store, "ROOM", 0)
    computed()
    assert kept.exists()
    assert not left.exists()


def test_a_cache_that_cannot_be_written_is_no_error(computed, tmp_path):
    (tmp_path / "features").write_text("a file where the folder should be")
    assert computed()[1] == 24
