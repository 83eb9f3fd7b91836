"""Scores of toy explainers: a perfect map beats its baselines, and random maps are not called faithful."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage

from birads_zoo.devices import choose_compute
from birads_zoo.explanation.baselines import brightness_maps, centre_maps, moved_maps
from birads_zoo.explanation.curves import Views, measure_removal, prepare_removal
from birads_zoo.explanation.faithfulness import DECISIVE_SCORES, evaluate_explainer
from birads_zoo.explanation.scoring import Cases, Subject, score_cases

COMPUTE = choose_compute("cpu", "float32")


def explainer_of(maps):
    """Return an explainer with prepared maps, chosen by the number in each picture's last pixel."""
    return lambda images, targets, present: maps[_numbers(images)][:, None]


def samples_of(images):
    """Return samples of one picture each, with class 1 to explain."""
    count = len(images)
    return Views(
        images=images,
        present=torch.ones(count, 1, dtype=torch.bool),
        targets=torch.ones(count, dtype=torch.int64),
        samples=torch.arange(count),
        views=torch.zeros(count, dtype=torch.int64),
    )


def _numbers(images):
    return (images[:, 0, 0, -1, -1] * 1000).round().long().numpy()


@pytest.fixture
def cases(breasts, spots):
    """Forty pictures of twenty patients with a bright spot each, and the masks of the spots."""
    masks, lesions = breasts(40), spots(40)
    pictures = 0.3 * masks + 0.6 * lesions
    pictures[:, -1, -1] = np.arange(40) / 1000
    return Cases(
        explained=samples_of(torch.from_numpy(pictures.astype(np.float32))[:, None, None]),
        rows=np.arange(40),
        breasts=masks,
        lesions=lesions,
    )


def subject_of(classifier, explainers, placed=None):
    placed = np.ones((48, 40), bool) if placed is None else placed
    return Subject(classifier=classifier, placed=placed, explainers=explainers, compute=COMPUTE, seed=0)


def evaluated(results, name):
    maps, scores = next((maps, scores) for explainer, maps, scores in results if explainer == name)
    table = pd.DataFrame(scores).assign(patient_id=np.repeat(np.arange(20), 2).astype(str))
    return maps, table, evaluate_explainer(table)


def test_the_lesion_itself_is_the_best_map(reader, cases):
    """Next to it is a brighter area that the network ignores, so brightness is not an explanation."""
    region = torch.ones(48, 40)
    region[:, 25:] = 0
    images = cases.explained.images.clone()
    images[..., 6:42, 25:33] = 1
    cases = replace(cases, explained=samples_of(images))
    generator = np.random.default_rng(0)
    noise, other = generator.random((2, 40, 48, 40)).astype(np.float32)
    perfect = np.clip(cases.lesions * 0.8 + 0.2 * other, 0, 1).astype(np.float32)
    classifier = reader(region, gain=400.0)
    explainers = {
        "perfect": (explainer_of(perfect), [explainer_of(noise)]),
        "blind": (explainer_of(perfect), [explainer_of(perfect)]),
        "flat": (explainer_of(np.zeros_like(noise)), [explainer_of(noise)]),
    }
    subject = subject_of(classifier, explainers)
    results = list(score_cases(subject, cases))
    maps, table, verdict = evaluated(results, "perfect")
    np.testing.assert_array_equal(maps, perfect)
    assert verdict.faithful is True
    assert verdict.scores["pointing"].value == 1
    assert (table["pointing_chance"] < 0.1).all()
    assert table["energy_in_lesion"].mean() > 3 * table["random_energy_in_lesion"].mean()
    _, _, blind = evaluated(results, "blind")
    assert (blind.faithful, blind.depends_on_weights) == (False, False)
    _, flat_table, flat = evaluated(results, "flat")
    assert (flat.faithful, flat.depends_on_weights) == (False, None)
    for name in DECISIVE_SCORES:  # a flat map that is moved is the same flat map
        np.testing.assert_allclose(flat_table[name], flat_table[f"random_{name}"], atol=1e-6)


def test_scores_do_not_depend_on_what_else_is_in_the_batch(reader, cases):
    maps = np.random.default_rng(0).random((40, 48, 40)).astype(np.float32)
    classifier = reader(torch.ones(48, 40), gain=400.0)

    def scored(rows):
        chosen = Cases(
            explained=samples_of(cases.explained.images[rows]),
            rows=cases.rows[rows],
            breasts=cases.breasts[rows],
            lesions=cases.lesions[rows],
        )
        explainers = {"random": (explainer_of(maps), [explainer_of(maps)])}
        subject = subject_of(classifier, explainers)
        return next(scores for _, _, scores in score_cases(subject, chosen))

    together, alone = scored(slice(0, 6)), scored(slice(3, 4))
    for name, values in alone.items():
        np.testing.assert_allclose(values[0], together[name][3], atol=1e-5, err_msg=name)


def test_comparisons_with_random_weights_are_means_over_the_networks_that_have_maps(reader, cases):
    maps, other = np.random.default_rng(0).random((2, 40, 48, 40)).astype(np.float32)
    named_maps = {"maps": maps, "same": maps, "other": other, "flat": np.zeros_like(maps)}
    sets = {
        "one": ["same"],
        "another": ["other"],
        "both": ["same", "other"],
        "some": ["flat", "other"],
        "none": ["flat"],
    }
    explainers = {
        name: (explainer_of(maps), [explainer_of(named_maps[random]) for random in names])
        for name, names in sets.items()
    }
    subject = subject_of(reader(torch.ones(48, 40), gain=400.0), explainers)
    scores = {name: columns for name, _, columns in score_cases(subject, cases)}
    for column in ("rank_correlation", "ssim", "untrained_pointing", "untrained_energy_in_lesion"):
        mean = (scores["one"][column] + scores["another"][column]) / 2
        np.testing.assert_allclose(scores["both"][column], mean, err_msg=column)
    np.testing.assert_allclose(scores["some"]["rank_correlation"], scores["another"]["rank_correlation"])
    assert np.isnan(scores["none"]["rank_correlation"]).all()


@pytest.mark.parametrize("scale", [pytest.param(0, marks=pytest.mark.slow), 4])
def test_random_maps_are_not_called_faithful(breasts, spots, scale):
    """Thirty studies of thirty images each, whose maps are noise, per pixel or smooth."""
    studies, images = 30, 30
    masks, lesions = breasts(studies * images)[:, ::2, ::2], spots(studies * images)[:, ::2, ::2]
    generator = np.random.default_rng(5)
    maps = ndimage.gaussian_filter(generator.random(masks.shape), (0, scale, scale)).astype(np.float32)
    maps = (maps - maps.min()) / np.ptp(maps) * (masks if scale else 1)
    pictures = torch.from_numpy((0.3 * masks + 0.6 * lesions).astype(np.float32))

    def probability(versions):  # of a network that sees the brightest places
        return torch.sigmoid(0.5 * (versions - 0.5).clamp(min=0).sum((-2, -1)) - 2)

    of_each = [np.random.default_rng(number) for number in range(len(masks))]
    noise = [torch.Generator().manual_seed(number) for number in range(len(masks))]
    at = prepare_removal(pictures, torch.from_numpy(masks), probability, noise)
    table = {"patient_id": np.tile(np.arange(images).astype(str), studies)}
    for prefix, baseline in (
        ("", maps),
        ("random_", moved_maps(maps, masks, of_each)),
        ("centre_", centre_maps(masks)),
        ("brightness_", brightness_maps(pictures.numpy(), masks)),
    ):
        scores = measure_removal(torch.from_numpy(baseline.astype(np.float32)), at, probability)
        table |= {f"{prefix}{name}": values.numpy() for name, values in scores.items()}
    others = ("pointing", "energy_in_lesion")
    table |= {f"{prefix}{name}": np.nan for prefix in ("", "centre_", "brightness_", "untrained_") for name in others}
    table |= {"pointing_chance": np.nan, "random_energy_in_lesion": np.nan, "energy_in_breast": 0.6}
    frame = pd.DataFrame(table | {"breast_share": 0.6, "rank_correlation": generator.normal(0, 0.1, len(masks))})
    frame["ssim"] = 0.1
    verdicts = [evaluate_explainer(frame.iloc[start : start + images]) for start in range(0, len(frame), images)]
    assert sum(verdict.faithful for verdict in verdicts) <= 0.05 * studies
    shown = np.mean([verdict.gain["random"][name].low > 0 for verdict in verdicts for name in DECISIVE_SCORES])
    assert shown <= 0.07


def test_maps_are_compared_only_where_the_feature_map_is(reader, cases):
    maps, other = np.random.default_rng(0).random((2, 40, 48, 40)).astype(np.float32)
    placed = np.zeros((48, 40), bool)
    placed[:, :20] = True
    explainers = {"cut": (explainer_of(maps * placed), [explainer_of(other * placed)])}
    classifier = reader(torch.ones(48, 40), gain=400.0)
    (_, _, whole), (_, _, within) = (
        next(iter(score_cases(subject_of(classifier, explainers, where), cases))) for where in (None, placed)
    )
    assert whole["rank_correlation"].mean() > 0.3, "both maps are empty outside of the feature map"
    assert within["rank_correlation"].mean() < 0.1
    assert whole["ssim"].mean() > within["ssim"].mean()
