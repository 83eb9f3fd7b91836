"""Measures how often 95 % intervals contain the truth, on simulated patients, for several constructions.

    python bench/interval_coverage.py rates gains readings metrics --samples 1000 --seed 20
    python bench/interval_coverage.py choices --samples 1000 --seed 5

A sample is drawn by `draw`, its patients in five folds. The truth is the metric of 60 000 patients drawn in the same
way, in one fold. No network is used; docs/intervals.md reports the results. `choices` compares the constructions that
were tried for κ and for the gain; the other parts measure the chosen ones, with other seeds.
"""

import argparse
from collections import defaultdict

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from birads_zoo.evaluation.decisions import read_cost
from birads_zoo.evaluation.positive import read_positive
from birads_zoo.evaluation.rows import OutOfFold, PredictedRows
from birads_zoo.evaluation.statistics.comparison import gain_over_best
from birads_zoo.evaluation.statistics.intervals import FEW, intervals, rate
from birads_zoo.evaluation.statistics.resampling import clusters, resample
from birads_zoo.evaluation.statistics.shares import contributions, student
from birads_zoo.evaluation.statistics.weighted import weighted_scores

EVEN3, EVEN4 = (1 / 3,) * 3, (0.25,) * 4
SKEWED3, SKEWED4, RARE = (0.7, 0.2, 0.1), (0.6, 0.25, 0.1, 0.05), (0.08, 0.3, 0.32, 0.3)
SETTINGS = {
    # patients, images a patient, class shares, skill
    "25, three equal classes": (25, (2, 4), EVEN3, 1.5),
    "25, three equal classes, κ 0.88": (25, (2, 4), EVEN3, 3.5),
    "25, classes of 70, 20, 10 %": (25, (2, 4), SKEWED3, 1.5),
    "60, four equal classes": (60, (2, 4), EVEN4, 1.5),
    "60, four equal classes, κ 0.94": (60, (2, 4), EVEN4, 4.0),
    "60, classes of 60, 25, 10, 5 %": (60, (2, 4), SKEWED4, 1.5),
    "60, the same, κ 0.92": (60, (2, 4), SKEWED4, 4.0),
    "60, two classes of 85, 15 %": (60, (2, 4), (0.85, 0.15), 1.5),
    "100, three classes, κ 0.13": (100, (2, 4), (0.5, 0.3, 0.2), 0.4),
    "200, classes of 60, 25, 10, 5 %": (200, (2, 4), SKEWED4, 1.5),
    "200, four equal classes": (200, (2, 4), EVEN4, 1.5),
    "60, 1–8 images, a class of 8 %": (60, (1, 8), RARE, 1.5),
    "130, 1–8 images, a class of 4 %": (130, (1, 8), (0.04, 0.32, 0.32, 0.32), 1.5),
    "161, two classes of 70, 30 %": (161, (2, 2), (0.7, 0.3), 1.0),
}
GAINS = {
    # patients, images, shares, the model's skill, the shortcuts'
    "25, classes of 70, 20, 10 %": (25, (2, 4), SKEWED3, 1.5, (0.4, 0.0)),
    "60, equal classes": (60, (2, 4), EVEN4, 1.5, (0.6, 0.0)),
    "60, equal classes, two equally good shortcuts": (60, (2, 4), EVEN4, 1.5, (0.5, 0.5)),
    "60, equal classes, three equally good shortcuts": (60, (2, 4), EVEN4, 1.5, (0.5, 0.5, 0.5)),
    "60, equal classes, no gain": (60, (2, 4), EVEN4, 0.5, (0.5, 0.2)),
    "60, classes of 60, 25, 10, 5 %": (60, (2, 4), SKEWED4, 1.5, (0.4, 0.3)),
    "60, 1–8 images, a class of 8 %": (60, (1, 8), RARE, 1.5, (0.5, 0.2)),
    "161, two classes of 70, 30 %": (161, (2, 2), (0.7, 0.3), 1.0, (0.3, 0.1)),
}


def draw(generator, patients, images, shares, skills):
    """Return images' labels, each skill's probabilities, and patient ids; a patient's images share label and effect."""
    ids = np.repeat(np.arange(patients), generator.integers(images[0], images[1] + 1, patients))
    count, every = len(shares), np.arange(len(shares))
    labels = generator.choice(count, patients, p=shares)[ids]
    near = np.exp(-1.2 * np.abs(every - labels[:, None])) if count > 2 else (every == labels[:, None]) * 1.0
    shared = generator.normal(0, 0.5, (patients, count))[ids] if len(skills) > 1 else 0.0
    own = 0.7 if len(skills) == 1 else 0.5
    scores = []
    for skill in skills:
        noise = generator.normal(0, own, (patients, count))[ids] + generator.normal(0, 1, (len(ids), count))
        scores.append(np.exp(shared + noise + skill * near + np.log(shares) / 2))
    return labels, [score / score.sum(axis=1, keepdims=True) for score in scores], ids.astype(str)


def one_fold(labels):
    """Return the folds of n rows that one network predicted."""
    return np.zeros(len(labels), dtype=np.int64)


def five_folds(ids):
    """Return the folds of n rows: each fold has a fifth of the patients."""
    return ids.astype(np.int64) % 5


def bca(value, drawn, without):
    """Return Efron's bias-corrected and accelerated interval (JASA 82, 1987) with Student's quantiles."""
    share = float(np.clip(((drawn < value).sum() + 0.5 * (drawn == value).sum()) / len(drawn), 1e-6, 1 - 1e-6))
    spread, lean, count = without.mean() - without, norm.ppf(share), len(without)
    lead = (spread**3).sum() / (6 * max((spread**2).sum(), 1e-18) ** 1.5)
    ends = (count / (count - 1)) ** 0.5 * t.ppf([0.025, 0.975], count - 1)
    return np.quantile(drawn, norm.cdf(lean + (lean + ends) / (1 - lead * (lean + ends))))


def constructions(value, drawn, without):
    """Yield the name and interval of every construction that was tried for κ and the gain.

    The error is from 300 resamples ("boot") or from leaving out patients ("jack"). Student's quantile has P − 1 degrees
    of freedom, or those of `student` ("ν"). Intervals are symmetric ("±"), on Fisher's z, or on log(1 − κ).
    """
    drawn, count = drawn[np.isfinite(drawn)], len(without)
    parts = contributions(value, without)
    errors = {
        "boot": (drawn.std() * (count / (count - 1)) ** 0.5, t.ppf(0.975, count - 1)),
        "boot ν": (drawn.std() * (count / (count - 1)) ** 0.5, student(parts, count, 0.95)),
        "jack": ((parts**2).sum() ** 0.5, t.ppf(0.975, count - 1)),
        "jack ν": ((parts**2).sum() ** 0.5, student(parts, count, 0.95)),
    }
    yield "BCa", bca(value, drawn, without[np.isfinite(without)])
    for name, (error, quantile) in errors.items():
        reach = quantile * error
        yield f"± {name}", (value - reach, value + reach)
        if abs(value) < 1:
            z, far = np.arctanh(value), reach / (1 - value**2)
            yield f"z {name}", (np.tanh(z - far), np.tanh(z + far))
    if value < 1:
        far = errors["boot"][0] * t.ppf(0.975, count - 1) / (1 - value)
        yield "log boot", (1 - (1 - value) * np.exp(far), 1 - (1 - value) * np.exp(-far))


def table(title, rows):
    """Print a table of coverage from each row's name and its lists by column; – for fewer than 100 intervals."""
    columns = None
    for name, held in rows:
        if columns is None:
            columns = list(held)
            print(f"\n| {title} | {' | '.join(columns)} |", "| --- |" + " --- |" * len(columns), sep="\n")
        cells = [f"{np.mean(held[c]):.3f}" if len(held.get(c, ())) >= 100 else "–" for c in columns]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def holds(ends, truth):
    """Return whether the truth is between both ends."""
    return ends[0] - 1e-12 <= truth <= ends[1] + 1e-12


def samples_of(settings, seed, times):
    """Yield each setting's name and shares, a large sample for the truth, and `times` samples."""
    for name, (patients, images, shares, *skills) in settings.items():
        flat = tuple(np.hstack(skills))
        large = draw(np.random.default_rng([seed, 0]), 60_000, images, shares, flat)
        generator = np.random.default_rng([seed, 1])
        yield name, shares, large, (draw(generator, patients, images, shares, flat) for _ in range(times))


def metrics(seed, times):
    """Print the coverage of `intervals` for every metric, and of some by the number of patients of the rarest class."""
    few = {}

    def rows():
        for setting, shares, (labels, (predicted,), _), samples in samples_of(SETTINGS, seed, times):
            rare = int(np.argmin(shares))
            names = ["accuracy", "kappa_quadratic", "macro_f1", "balanced_accuracy", "macro_precision", "macro_auroc"]
            names += [f"{kind}:{rare}" for kind in ("recall", "precision", "f1", "auroc")]
            truth = weighted_scores(labels, predicted, one_fold(labels), np.ones((1, len(labels))), True, names)
            held = {name.replace(f":{rare}", " of the rarest"): [] for name in names}
            few[setting] = {f"macro_f1, {group}": [] for group in ("none", "1–4", f"{FEW} or more")}
            for labels, (predicted,), ids in samples:
                fewest = min(len(np.unique(ids[labels == k])) for k in range(len(shares)))
                group = "none" if fewest == 0 else "1–4" if fewest < FEW else f"{FEW} or more"
                predictions = OutOfFold(probabilities=predicted[None], folds=five_folds(ids)[None])
                for name, estimate in intervals(labels, predictions, ids, ordinal=True, names=names).items():
                    if estimate is not None:
                        hit = holds((estimate.low, estimate.high), truth[name][0])
                        held[name.replace(f":{rare}", " of the rarest")].append(hit)
                        if name == "macro_f1":
                            few[setting][f"macro_f1, {group}"].append(hit)
            yield setting, held

    table("`intervals`", rows())
    table("patients of the rarest class", few.items())


def gains(seed, times):
    """Print the coverage of the gain over the best shortcut, as computed by `gain_over_best`."""
    names = ("macro_f1", "macro_auroc")

    def rows():
        for setting, _, (labels, predicted, _), samples in samples_of(GAINS, seed, times):
            truth = gain(labels, predicted, one_fold(labels), np.ones((1, len(labels))), names)
            held = {name: [] for name in names}
            for labels, predicted, ids in samples:
                shortcuts = {str(k): shortcut for k, shortcut in enumerate(predicted[1:])}
                estimates = gain_over_best(labels, predicted[0], shortcuts, five_folds(ids), ids, names, ordinal=True)
                for name, (_, estimate) in estimates.items():
                    if estimate is not None:
                        held[name].append(holds((estimate.low, estimate.high), truth[name][0]))
            yield setting, held

    table("gain", rows())


def gain(labels, predicted, folds, weights, names):
    """Return the first model's score less the best score of the others, for each weighting."""
    each = [weighted_scores(labels, scores, folds, weights, True, names) for scores in predicted]
    return {name: each[0][name] - np.max([scores[name] for scores in each[1:]], axis=0) for name in names}


def rates(seed, times):
    """Print the coverage of `rate` for correlated rows of patients (beta-binomial)."""

    def rows():
        generator = np.random.default_rng(seed)
        for share in (0.5, 0.9, 0.97):
            for together in (0.0, 0.3, 0.8):
                held = {f"{count} patients": [] for count in (10, 25, 60, 200)}
                for name, hits in held.items():
                    count = int(name.split()[0])
                    for _ in range(times):
                        ids = np.repeat(np.arange(count), generator.integers(1, 9, count))
                        spread = together / (1 - together)
                        own = generator.beta(share / spread, (1 - share) / spread, count)[ids] if together else share
                        estimate = rate(generator.random(len(ids)) < own, ids.astype(str))
                        hits.append(holds((estimate.low, estimate.high), share))
                yield f"{share}, correlation {together}", held

    table("`rate`", rows())


def readings(seed, times):
    """Print the coverage for positive classes (300 resamples) and for costs; a miss costs 10 false alarms."""

    def sample(generator, patients, skill, share):
        ids = np.repeat(np.arange(patients), generator.integers(1, 5, patients))
        labels = (generator.random(patients) < share)[ids].astype(np.int64)
        score = skill * labels + generator.normal(0, 0.7, patients)[ids] + generator.normal(0, 1, len(ids))
        chance = 1 / (1 + np.exp(0.6 * skill - 1.2 * score))
        return PredictedRows(
            labels=labels,
            probabilities=np.column_stack([1 - chance, chance]),
            patients=ids.astype(str),
            folds=np.zeros(len(ids), dtype=np.int64),
            about=pd.DataFrame(),
            classes=("benign", "malignant"),
            ordinal=True,
            positive=(1,),
        )

    def read(rows, generator, resamples=300):
        reading = read_positive(rows, resample(rows.patients, resamples, generator))
        estimates = {"auroc": reading.auroc, "average_precision": reading.average_precision}
        for name in ("sensitivity_at_specificity", "specificity_at_sensitivity"):
            estimates |= {f"{name} {at}": value for at, value in getattr(reading, name).items()}
        costs = read_cost(rows, [[0, 1], [10, 0]])
        return estimates | {f"cost, {k}": getattr(costs, k) for k in ("argmax", "minimising", "saved", "constant")}

    def rows():
        settings = [(80, 1.5, 0.4), (80, 2.5, 0.4), (300, 1.5, 0.4), (80, 1.5, 0.12), (25, 1.5, 0.4)]
        for patients, skill, share in settings:
            large, held = sample(np.random.default_rng([seed, 0]), 20_000, skill, share), defaultdict(list)
            once = PredictedRows(**{**vars(large), "patients": (np.arange(len(large.labels)) % 20).astype(str)})
            generator = np.random.default_rng([seed, 1])
            truth = {name: estimate.value for name, estimate in read(once, generator, resamples=2).items()}
            for _ in range(times):
                drawn = sample(generator, patients, skill, share)
                if drawn.labels.any():
                    for name, estimate in read(drawn, generator).items():
                        held[name].append(holds((estimate.low, estimate.high), truth[name]))
            yield f"{patients} patients, {share:.0%} positive, area {truth['auroc']:.2f}", held

    table("`read_positive`, `read_cost`", rows())


def choices(seed, times):
    """Print the coverage of every construction for κ and for the gain in macro-F1."""

    def kappa(labels, predicted, weights):
        folds = one_fold(labels)
        return weighted_scores(labels, predicted[0], folds, weights, True, ("kappa_quadratic",))["kappa_quadratic"]

    def gained(labels, predicted, weights):
        return gain(labels, predicted, one_fold(labels), weights, ("macro_f1",))["macro_f1"]

    def rows(settings, statistic):
        for setting, _, (labels, predicted, _), samples in samples_of(settings, seed, times):
            truth, held = statistic(labels, predicted, np.ones((1, len(labels))))[0], defaultdict(list)
            generator = np.random.default_rng([seed, 2])
            for labels, predicted, ids in samples:
                patients = clusters(ids)
                left_out = patients[None] != np.arange(patients.max() + 1)[:, None]
                drawn = resample(ids, 300, generator).repeats(np.arange(len(labels)))
                weights = np.vstack([np.ones((1, len(labels))), drawn, left_out])
                values = statistic(labels, predicted, weights)
                if np.isfinite(values[0]):
                    for name, ends in constructions(values[0], values[1:301], values[301:]):
                        held[name].append(holds(ends, truth))
            yield setting, held

    table("κ", rows(SETTINGS, kappa))
    table("gain in macro-F1", rows(GAINS, gained))


if __name__ == "__main__":
    parts = (rates, gains, readings, metrics, choices)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=[part.__name__ for part in parts])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    for part in parts:
        if part.__name__ in arguments.parts:
            part(arguments.seed, arguments.samples)
