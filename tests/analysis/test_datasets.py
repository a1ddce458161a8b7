"""Images that ship, photographs inside packages, and patches of them."""

from pathlib import Path

import numpy as np
import pytest

from analysis import patches
from analysis.datasets import Dataset, dataset_files, load_dataset
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


def disks(**settings):
    return load_dataset({"name": "disks", **settings}, data_dir=DATA)


def test_disks_are_the_lattice_points_of_nine_disks_in_one():
    found = disks()
    assert found.inputs.shape == (14_249, 2)
    assert found.inputs.dtype == np.float32
    assert found.class_names == ("background", "disk")
    # As many as the areas say: π / step² and nine times .2².
    assert len(found) == pytest.approx(np.pi / 0.01485**2, rel=2e-3)
    assert np.bincount(found.labels)[1] == pytest.approx(9 * np.pi * 0.04 / 0.01485**2, rel=0.02)
    points = found.inputs.astype(np.float64) / 3
    places = np.round(points / 0.01485)
    assert np.abs(points - places * 0.01485).max() < 1e-6
    assert len(np.unique(places, axis=0)) == len(found)
    assert np.hypot(*points.T).max() <= 1
    centres = np.array([(x, y) for x in (-0.5, 0, 0.5) for y in (-0.5, 0, 0.5)])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2)
    assert np.array_equal(found.labels, nearest.min(axis=1) <= 0.2)
    # Each disk has its points, and the order is mixed.
    assert np.bincount(nearest.argmin(axis=1)[found.labels == 1], minlength=9).min() > 500
    assert abs(found.labels[:2000].mean() - found.labels.mean()) < 0.05


def test_a_multiple_of_the_step_gives_a_sublattice():
    coarse, fine = disks(step=3 * 0.01485), disks()
    places = {tuple(place) for place in np.round(fine.inputs / 3 / 0.01485).astype(int).tolist()}
    found = np.round(coarse.inputs / 3 / 0.01485).astype(int).tolist()
    assert {tuple(place) for place in found} == {
        place for place in places if place[0] % 3 == place[1] % 3 == 0
    }


def test_disks_follow_their_settings():
    assert np.array_equal(disks(scale=6.0).inputs, 2 * disks().inputs)
    first, other = disks(), disks(seed=1)
    assert not np.array_equal(first.inputs, other.inputs)
    assert np.array_equal(np.sort(first.inputs, axis=0), np.sort(other.inputs, axis=0))
    assert disks(radius=0.1).labels.sum() == pytest.approx(first.labels.sum() / 4, rel=0.03)
    assert len(disks(step=0.2, radius=0.2)) == 81  # points on the rim count


def test_files_are_listed_without_being_read(tmp_path):
    assert dataset_files({"name": "mnist"}, data_dir=tmp_path) == [tmp_path / "mnist10k.npz"]
    for name in ("disks", "photo_crops"):
        assert dataset_files({"name": name}, data_dir=tmp_path) == []


def test_what_was_loaded_is_remembered():
    first = disks(step=0.1)
    assert disks(step=0.1) is first
    assert disks(step=0.1, seed=0) is not first  # other words; the same points
    assert np.array_equal(disks(step=0.1, seed=0).inputs, first.inputs)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "disks", "radius": 0.3}, "radius must be a number from 0.01 to 0.25"),
        ({"name": "disks", "step": 1e-4}, "step must be a number from 0.002"),
        ({"name": "disks", "scale": 0}, "scale must be"),
        ({"name": "disks", "scale": float("nan")}, "scale must be"),
        ({"name": "disks", "seed": 1.0}, "seed must be"),
        ({"name": "disks", "halve": True}, "unknown keys halve"),
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
