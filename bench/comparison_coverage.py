"""Measures how often the interval of two models' difference contains the truth, and how often equal models differ.

    python bench/comparison_coverage.py --samples 1000 --seed 22

Samples are drawn by `interval_coverage.draw`, in five folds, with a skill that also varies from seed to seed. "held" is
the share of samples whose interval contains the truth: the mean difference of many seeds on many patients. "equal" is
the share of samples in which two recipes of the same skill are called different: by a p-value below 0.05 or, with one
seed and so no p-value, by an interval that excludes 0. docs/intervals.md reports both for
`birads_zoo.evaluation.statistics.comparison.compare_pair`.
"""

import argparse

import numpy as np
from interval_coverage import EVEN4, RARE, SKEWED3, SKEWED4, draw, five_folds, holds, one_fold, table

from birads_zoo.evaluation.rows import OutOfFold
from birads_zoo.evaluation.statistics.comparison import compare_pair
from birads_zoo.evaluation.statistics.weighted import weighted_scores

SETTINGS = {
    # patients, images a patient, class shares, the first model's skill, the second's, their deviation over seeds
    "25, classes of 70, 20, 10 %": (25, (2, 4), SKEWED3, 1.5, 1.0, 0.1),
    "60, four equal classes": (60, (2, 4), EVEN4, 1.5, 1.2, 0.1),
    "60, classes of 60, 25, 10, 5 %": (60, (2, 4), SKEWED4, 1.5, 1.2, 0.1),
    "60, the same, seeds that differ more": (60, (2, 4), SKEWED4, 1.5, 1.2, 0.4),
    "60, 1–8 images, a class of 8 %": (60, (1, 8), RARE, 1.5, 1.2, 0.1),
    "161, two classes of 70, 30 %": (161, (2, 2), (0.7, 0.3), 1.0, 0.8, 0.1),
}
COMPARED = ("macro_f1", "macro_auroc")


def compared(generator, setting, seeds, metric, *, equal=False):
    """Draw a sample with `seeds` seeds of both models, and compare them."""
    patients, images, shares, first, second, spread = setting
    skills = [*generator.normal(first, spread, seeds), *generator.normal(first if equal else second, spread, seeds)]
    labels, probabilities, ids = draw(generator, patients, images, shares, skills)
    folds = np.tile(five_folds(ids), (seeds, 1))
    halves = (probabilities[:seeds], probabilities[seeds:])
    one_model, other_model = (OutOfFold(probabilities=np.stack(half), folds=folds) for half in halves)
    return compare_pair(labels, one_model, other_model, ids, metric, ordinal=True)


def truth(setting, seed, metric, times=40):
    """Return the mean difference over `times` seeds, each on 3000 patients."""
    _, images, shares, first, second, spread = setting
    generator, gaps = np.random.default_rng([seed, 0]), []
    for _ in range(times):
        skills = [generator.normal(first, spread), generator.normal(second, spread)]
        labels, predicted, _ = draw(generator, 3000, images, shares, skills)
        weights = np.ones((1, len(labels)))
        folds = one_fold(labels)
        scores = [weighted_scores(labels, rows, folds, weights, True, (metric,))[metric][0] for rows in predicted]
        gaps.append(scores[0] - scores[1])
    return float(np.mean(gaps))


def rows(seed, times, seeds):
    """Yield each setting's name and, by metric, whether each sample holds the truth or calls equal models different."""
    for name, setting in SETTINGS.items():
        hits = {}
        for metric in COMPARED:
            true, generator = truth(setting, seed, metric), np.random.default_rng([seed, seeds])
            hits[f"{metric} held"], hits[f"{metric} equal"] = [], []
            for _ in range(times):
                interval = compared(generator, setting, seeds, metric)
                hits[f"{metric} held"].append(holds((interval.low, interval.high), true))
                interval = compared(generator, setting, seeds, metric, equal=True)
                excludes_0 = not holds((interval.low, interval.high), 0)
                hits[f"{metric} equal"].append(excludes_0 if interval.p_value is None else interval.p_value < 0.05)
        yield name, hits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    for number in (1, 3):
        table(f"{number} seed{'s' * (number > 1)}", rows(arguments.seed, arguments.samples, number))
