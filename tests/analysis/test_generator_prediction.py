"""Cross-validated support vectors against scikit-learn's own; chance, recovery and bad input."""

import numpy as np
import pytest
from sklearn.svm import SVC

from analysis.errors import AnalysisError
from analysis.generator_prediction import KERNELS, folds, predict, recover
from analysis.generator_similarity import gram


def planted(n=120, noise=1.0, seed=0):
    """Four classes around means of their own."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 4)
    means = rng.normal(size=(4, 20))
    return means[labels] + noise * rng.normal(size=(n, 20)), labels


# --- folds ---------------------------------------------------------------------------------------


def test_every_row_is_tested_once_and_classes_are_spread():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    split = folds(labels, 10, seed=3)
    assert np.array_equal(np.sort(np.concatenate([test for _, test in split])), np.arange(100))
    for train, test in split:
        assert np.bincount(labels[test]).tolist() == [5, 3, 2]
        assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(100))
    again, other = folds(labels, 10, seed=3), folds(labels, 10, seed=4)
    assert np.array_equal(split[0][1], again[0][1])
    assert not np.array_equal(split[0][1], other[0][1])


def test_no_image_is_on_both_sides():
    rng = np.random.default_rng(0)
    images = rng.integers(1000, 1060, size=300)
    labels = images % 3
    for train, test in folds(labels, 5, images=images):
        assert not set(images[train]) & set(images[test])
        assert len(train) + len(test) == 300
    with pytest.raises(AnalysisError, match="labels of rows of the same image differ"):
        folds(np.arange(300) % 2, 5, images=images)


@pytest.mark.parametrize(
    ("labels", "count", "words"),
    [
        ([7, 7, 7, 7], 2, "at least two classes, got all 4 inputs are of class 7"),
        ([], 2, "at least two classes, got no inputs"),
        ([0, 0, 0, 1, 1], 3, "from 2 to the 2 inputs of class 1, the rarest, got 3"),
        ([0, 0, 1, 1], 1, "folds must be from 2 to the 2 inputs"),
        ([0, 1, 1], 2, "from 2 to the 1 inputs of class 0"),
    ],
)
def test_too_few_classes_or_inputs_are_named(labels, count, words):
    with pytest.raises(AnalysisError, match=words):
        folds(np.array(labels, dtype=np.int64), count)


# --- prediction ----------------------------------------------------------------------------------


def test_the_linear_kernel_is_that_of_scikit_learn():
    rows, labels = planted()
    split = folds(labels, 5)
    found = predict(gram(rows), labels, split, "linear")
    scores = []
    for train, test in split:
        model = SVC(kernel="linear", C=1).fit(rows[train], labels[train])
        scores.append(model.score(rows[test], labels[test]))
        assert np.array_equal(model.predict(rows[test]), found.predicted[test])
    assert found.accuracy == pytest.approx(np.mean(scores))
    assert found.std == pytest.approx(np.std(scores, ddof=1))
    assert (found.kernel, found.n, found.folds) == ("linear", 120, 5)


def test_one_class_against_the_rest_is_a_classifier_for_each():
    rows, labels = planted()
    split = folds(labels, 5)
    found = predict(gram(rows), labels, split, "linear", scheme="ovr")
    for train, test in split:
        scores = [
            SVC(kernel="linear", C=1)
            .fit(rows[train], labels[train] == kind)
            .decision_function(rows[test])
            for kind in range(4)
        ]
        assert np.array_equal(np.argmax(scores, axis=0), found.predicted[test])


def test_the_cosine_kernel_is_a_linear_one_of_unit_vectors():
    rows, labels = planted()
    split = folds(labels, 5)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    scaled = rows * np.random.default_rng(0).uniform(0.1, 9, size=(len(rows), 1))
    expected = predict(gram(unit), labels, split, "linear").predicted
    assert np.array_equal(predict(gram(scaled), labels, split, "cosine").predicted, expected)


def test_the_rbf_kernel_is_that_of_scikit_learn_with_the_width_that_is_said():
    rows, labels = planted()
    split = folds(labels, 5)
    found = predict(gram(rows), labels, split, "rbf")
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    for train, test in split:
        spread = ((unit[train] - unit[train].mean(axis=0)) ** 2).sum(axis=1).mean()
        model = SVC(kernel="rbf", gamma=1 / spread, C=1).fit(unit[train], labels[train])
        assert np.array_equal(model.predict(unit[test]), found.predicted[test])


@pytest.mark.parametrize("kernel", KERNELS)
def test_planted_classes_are_found_and_shuffled_labels_are_not(kernel):
    rows, labels = planted(n=400)
    split = folds(labels, 10)
    assert predict(gram(rows), labels, split, kernel).accuracy > 0.9
    mixed = np.random.default_rng(1).permutation(labels)
    chance = predict(gram(rows), mixed, folds(mixed, 10), kernel).accuracy
    assert abs(chance - 0.25) < 0.08  # 3.7 standard deviations of 400 guesses


def test_empty_vectors_are_predicted_somehow():
    rows, labels = planted()
    rows[:40] = 0
    found = predict(gram(rows), labels, folds(labels, 5), "cosine")
    assert set(found.predicted) <= set(range(4))
    assert np.mean(found.predicted[40:] == labels[40:]) > 0.8


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p, y, how: predict(p, y, how, "poly"), "kernel must be one of linear, cosine, rbf"),
        (lambda p, y, how: predict(p, y, how, scheme="all"), "scheme must be one of ovo, ovr"),
        (lambda p, y, how: predict(p[:5, :5], y, how), r"shape \(5, 5\), expected \(120, 120\)"),
        (lambda p, y, how: recover(p, y, y, how), r"expected \(240, 240\)"),
    ],
)
def test_wrong_arguments_are_named(make, words):
    rows, labels = planted()
    with pytest.raises(AnalysisError, match=words):
        make(gram(rows), labels, folds(labels, 5))


# --- recovery ------------------------------------------------------------------------------------


def attacked(moved):
    """Clean rows and rows of which the first ones are moved all the way to the next class."""
    rows, labels = planted(noise=0.2)
    means = np.stack([rows[labels == kind].mean(axis=0) for kind in range(4)])
    after, there = labels.copy(), rows.copy()
    after[:moved] = (labels[:moved] + 1) % 4
    there[:moved] += means[after[:moved]] - means[labels[:moved]]
    return gram(np.concatenate([rows, there])), labels, after


def test_inputs_that_were_moved_to_another_class_are_given_that_class():
    products, labels, after = attacked(40)
    found = recover(products, labels, after, folds(labels, 5))
    assert found.n == 40
    assert found.original == 0
    assert found.adversary == 1
    assert found.clean == 1
    assert found.network == 0
    assert 1 <= found.folds <= 5
    every = recover(products, labels, after, folds(labels, 5), among=np.ones(120, dtype=bool))
    assert every.n == 120
    assert every.original == pytest.approx(80 / 120)
    assert every.network == pytest.approx(80 / 120)
    assert every.adversary == 1  # of the others, it is the true class
    assert every.std > 0


def test_a_network_that_is_fooled_where_the_features_did_not_move():
    rows, labels = planted(noise=0.2)
    after = (labels + 1) % 4
    found = recover(gram(np.concatenate([rows, rows])), labels, after, folds(labels, 5))
    assert (found.original, found.adversary, found.clean, found.network) == (1, 0, 1, 0)
    assert found.n == 120


def test_classifiers_never_saw_the_image_that_is_attacked():
    # Every image is of a direction of its own: only a classifier that saw it could tell its class.
    rows, labels = np.eye(40), np.arange(40) % 2
    found = recover(gram(np.concatenate([rows, rows])), labels, 1 - labels, folds(labels, 10))
    assert found.original < 0.9
    seen = SVC(kernel="linear").fit(rows, labels).score(rows, labels)
    assert seen == 1


def test_an_attack_that_fools_nobody_has_no_shares():
    rows, labels = planted()
    found = recover(gram(np.concatenate([rows, rows])), labels, labels, folds(labels, 5))
    assert found.n == found.folds == 0
    assert np.isnan([found.original, found.adversary, found.clean, found.network, found.std]).all()
