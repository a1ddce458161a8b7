"""Images that ship, photographs inside packages, and patches of them."""

from pathlib import Path

import numpy as np
import pytest

from analysis import patches
from analysis.datasets import Dataset, load_dataset
from analysis.errors import ExperimentError
from analysis.patches import PHOTOGRAPHS, Photograph, contrast_norm, halve, natural_patches

DATA = Path(__file__).parents[2] / "sample_models" / "data"


def test_mnist_is_standardised_and_has_ten_classes():
    digits = load_dataset({"name": "mnist"}, data_dir=DATA)
    assert digits.inputs.shape == (10_000, 1, 28, 28)
    assert digits.inputs.dtype == np.float32
    assert digits.labels.dtype == np.int64
    assert abs(digits.inputs.mean(dtype=np.float64)) < 1e-5
    assert digits.inputs.std(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    assert digits.n_classes == 10
    # In mixed order: each digit is among the thousand that trainings hold out.
    assert np.bincount(digits.labels[-1000:], minlength=10).min() > 50


def test_crops_are_pieces_of_the_photograph_they_are_labelled_with():
    crops = load_dataset(
        {"name": "photo_crops", "size": 8, "per_photo": 20, "seed": 3}, data_dir=DATA
    )
    assert crops.inputs.shape == (240, 1, 8, 8)
    assert np.bincount(crops.labels).tolist() == [20] * 12
    assert crops.inputs.std(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    # Standardising is affine, so a crop and its place in the photograph correlate fully.
    crop = crops.inputs[0, 0].ravel().astype(np.float64)
    photograph = patches.load_photograph(PHOTOGRAPHS[crops.labels[0]])
    windows = np.lib.stride_tricks.sliding_window_view(photograph, (8, 8)).reshape(-1, 64)
    centred = windows - windows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1) + 1e-12
    crop = (crop - crop.mean()) / np.linalg.norm(crop - crop.mean())
    assert (centred @ crop / lengths).max() > 0.99999


def test_crops_follow_their_seed():
    def images(seed):
        settings = {"name": "photo_crops", "size": 8, "per_photo": 3, "seed": seed}
        return load_dataset(settings, data_dir=DATA).inputs

    assert np.array_equal(images(1), images(1))
    assert not np.array_equal(images(1), images(2))


def test_halved_photographs_give_other_crops():
    settings = {"name": "photo_crops", "size": 8, "per_photo": 3}
    halved = load_dataset({**settings, "halve": True}, data_dir=DATA)
    assert halved.inputs.shape == (36, 1, 8, 8)
    assert not np.array_equal(halved.inputs, load_dataset(settings, data_dir=DATA).inputs)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "name must be one of mnist, photo_crops, disks, got None"),
        ({"name": "cifar10"}, "got 'cifar10'"),
        ({"name": ["mnist"]}, "name must be one of"),
        ({"name": "mnist", "size": 28}, r"unknown keys size"),
        ({"name": "photo_crops", "size": 3}, "size must be an integer of at least 4"),
        ({"name": "photo_crops", "size": 5000}, "larger than a photograph"),
        ({"name": "photo_crops", "per_photo": 0}, "per_photo must be"),
        ({"name": "photo_crops", "seed": -1}, "seed must be"),
        ({"name": "photo_crops", "seed": True}, "seed must be"),
        ({"name": "photo_crops", "halve": "yes"}, "halve must be"),
    ],
)
def test_wrong_settings_are_named(settings, words):
    with pytest.raises(ExperimentError, match=words):
        load_dataset(settings, data_dir=DATA)


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(ExperimentError, match=r"mnist10k\.npz"):
        load_dataset({"name": "mnist"}, data_dir=tmp_path)
    for content in (b"", b"PK\x03\x04 cut off", (DATA / "mnist10k.npz").read_bytes()[:50_000]):
        (tmp_path / "mnist10k.npz").write_bytes(content)
        with pytest.raises(ExperimentError, match=r"mnist10k\.npz"):
            load_dataset({"name": "mnist"}, data_dir=tmp_path)


def test_a_photograph_that_is_not_installed_is_named():
    for package in ("no_such_package", "numpy"):
        absent = Photograph("moon", package, "moon.png", "")
        with pytest.raises(ExperimentError, match=f"photograph moon is part of {package}"):
            patches.load_photograph(absent)


def test_a_dataset_refuses_labels_that_do_not_fit():
    images = np.zeros((2, 1, 4, 4), np.float32)
    for labels in (np.array([0, 2]), np.array([-1, 0]), np.array([0])):
        with pytest.raises(ExperimentError):
            Dataset(images, labels, name="d", class_names=("a", "b"), source="", licence="")


def test_contrast_norm_is_the_sum_over_neighbouring_pixels():
    rng = np.random.default_rng(0)
    patch = rng.normal(size=(1, 9))
    grid = patch.reshape(3, 3)
    expected = (np.diff(grid, axis=0) ** 2).sum() + (np.diff(grid, axis=1) ** 2).sum()
    assert contrast_norm(patch)[0] == pytest.approx(np.sqrt(expected))
    assert contrast_norm(patch + 7)[0] == pytest.approx(np.sqrt(expected))


def test_halving_averages_boxes_and_drops_the_odd_end():
    image = np.arange(15.0).reshape(3, 5)
    assert halve(image).tolist() == [[3.0, 5.0]]


def test_patches_are_centred_units_of_the_strongest_places():
    rng = np.random.default_rng(0)
    flat = np.full((20, 20), 0.5)
    flat[8:12, 8:12] = rng.uniform(size=(4, 4))
    points = natural_patches([flat, flat], per_image=324, top_share=0.05, rng=rng)
    assert points.shape == (32, 9)  # round(.05 · 324) of each image
    assert np.abs(points.mean(axis=1)).max() < 1e-12
    assert np.linalg.norm(points, axis=1) == pytest.approx(1)
    # Every place was drawn, so both halves hold the same strongest patches.
    assert np.allclose(points[:16], points[16:])


def test_patches_refuse_what_cannot_be_drawn():
    rng = np.random.default_rng(0)
    with pytest.raises(ExperimentError, match="lower per_image"):
        natural_patches([np.ones((5, 5))], per_image=10, top_share=0.2, rng=rng)
    for share in (0, 1.5):
        with pytest.raises(ExperimentError, match="top_share"):
            natural_patches([np.ones((5, 5))], per_image=5, top_share=share, rng=rng)
