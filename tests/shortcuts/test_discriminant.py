"""The discriminant that shortcuts are fitted with says what scikit-learn's says of the same rows."""

import warnings

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from birads_zoo.shortcuts.discriminant import discriminant


@pytest.mark.parametrize(
    ("rows", "features", "counts"),
    [
        pytest.param(40, 256, (9, 13, 18), id="fewer rows than features"),
        pytest.param(300, 20, (40, 200, 60), id="more rows than features"),
        pytest.param(12, 30, (1, 11), id="a class of one row"),
        pytest.param(30, 1, (10, 20), id="one feature"),
        pytest.param(3, 8, (1, 2), id="hardly any rows"),
    ],
)
@pytest.mark.parametrize("constant", [0, 1 / 3])
def test_probabilities_are_scikit_learns(rows, features, counts, constant):
    """Also where a class has the same values in all its rows, and where the covariance cannot be inverted."""
    generator = np.random.default_rng(rows)
    labels = generator.permutation(np.repeat(np.array([1, 3, 4])[: len(counts)], counts))
    train = generator.normal(size=(rows, features)) @ generator.normal(size=(features, features))
    train += labels[:, None] * generator.normal(size=features)
    alike = round(constant * features)
    train[labels == 1, :alike] = generator.normal(size=alike)
    train = (train - train.mean(axis=0)) / train.std(axis=0)
    test = generator.normal(size=(7, features))
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=np.full(len(counts), 1 / len(counts)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Only one sample available")
        theirs.fit(train, labels)
    np.testing.assert_allclose(discriminant(train, labels, test), theirs.predict_proba(test), atol=1e-9)
