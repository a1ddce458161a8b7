import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from analysis.datasets import Dataset, load_dataset
from analysis.networks import NetworkSource, data_dir
from analysis.sources import LayerSource
from dashboard import input_images

ROWS = np.array([0, 3, 17])


def source(dataset: str, base: Path | str = ".", **more: Any) -> NetworkSource:
    return NetworkSource("", (), dataset=dataset, base=str(base), **more)


def write(folder: Path, inputs: np.ndarray) -> NetworkSource:
    """Write inputs as a data set of two classes; the source that names it."""
    np.savez(folder / "own.npz", images=inputs, labels=np.arange(len(inputs)) % 2)
    found = source('{"path": "own.npz", "order": "stored"}', folder)
    assert len(loaded(found)) == len(inputs)
    return found


def loaded(one: NetworkSource) -> Dataset:
    return load_dataset(one.settings, data_dir=data_dir(), base=Path(one.base))


def test_digits_are_grey_and_those_that_were_asked_for() -> None:
    found = input_images.of_source(source('{"name": "mnist"}'), ROWS)
    assert found is not None
    assert (found.shape, found.dtype) == ((3, 28, 28), np.uint8)
    assert found.min() == 0
    assert found.max() == 255
    with np.load(data_dir() / "mnist10k.npz") as file:
        digits = file["images"][ROWS].astype(float)
    for one, digit in zip(found.astype(float), digits, strict=True):
        assert np.corrcoef(one.ravel(), digit.ravel())[0, 1] > 0.999


def test_colour_images_keep_their_channels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 5, 4), np.uint8)
    pixels[3] = np.array([255, 0, 128], np.uint8)[:, None, None]
    found = input_images.of_source(write(tmp_path, pixels), np.array([3]))
    assert found is not None
    assert found.shape == (1, 5, 4, 3)
    assert np.abs(found[0].astype(int) - [255, 0, 128]).max() <= 2


def test_points_of_a_plane_are_bright_dots_among_all_of_them() -> None:
    settings = source('{"name": "disks", "step": 0.1}')
    rows = np.arange(60)
    found = input_images.of_source(settings, rows)
    assert found is not None
    assert found.shape == (60, 28, 28)
    points = loaded(settings).inputs
    assert ((found == 255).sum(axis=(1, 2)) == 9).all()
    down, right = (
        np.array([np.argwhere(one == 255).mean(axis=0)[axis] for one in found]) for axis in (0, 1)
    )
    assert np.corrcoef(right, points[rows, 0])[0, 1] > 0.99
    assert np.corrcoef(down, -points[rows, 1])[0, 1] > 0.99  # up is up
    other = input_images.of_source(settings, rows[:1])
    assert other is not None
    np.testing.assert_array_equal(other[0], found[0])


def test_what_is_no_picture_is_none(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(20, 7)).astype(np.float32)
    assert input_images.of_source(write(tmp_path, values), ROWS) is None


@pytest.mark.parametrize(
    "one",
    [
        LayerSource(()),
        source('{"name": "disks"}', stored=True),
        source("{}"),
        source('{"name": "nothing"}'),
        source('{"path": "gone.npz"}'),
    ],
)
def test_inputs_that_cannot_be_had_are_none(one: Any) -> None:
    assert input_images.of_source(one, ROWS) is None


def test_a_number_beyond_the_data_is_none() -> None:
    mnist = source('{"name": "mnist"}')
    assert input_images.of_source(mnist, np.array([9_999])) is not None
    assert input_images.of_source(mnist, np.array([10_000])) is None


@pytest.mark.parametrize(
    ("side", "other", "least"), [(28, 28, 28), (64, 10, 64), (65, 65, 33), (224, 100, 56)]
)
def test_large_images_are_reduced_and_small_ones_as_they_are(
    side: int, other: int, least: int
) -> None:
    found = input_images.reduced(np.zeros((2, side, other, 3), np.uint8))
    assert max(found.shape[1:3]) == least <= input_images.LARGEST
    assert found.shape[1] / found.shape[2] == pytest.approx(side / other, rel=0.05)


@pytest.mark.parametrize("shape", [(6, 28, 28), (6, 28, 28, 3), (6, 30, 21)])
def test_small_pictures_are_means_of_blocks(shape: tuple[int, ...]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    found = input_images.small(pictures)
    assert max(found.shape[1:]) <= 14
    grey = pictures.astype(float) if len(shape) == 3 else pictures.astype(float).mean(axis=-1)
    by = -(-max(shape[1:3]) // 14)
    np.testing.assert_allclose(found[:, 0, 0], grey[:, :by, :by].mean(axis=(1, 2)))
    np.testing.assert_allclose(found[2, 1, 2], grey[2, by : 2 * by, 2 * by : 3 * by].mean())


@pytest.mark.parametrize("shape", [(7, 5, 4), (7, 5, 4, 3), (6, 5, 4), (1, 2, 2)])
@pytest.mark.parametrize("columns", [3, 1, 40])
def test_a_sprite_holds_the_pixels_of_each_picture_in_its_cell(
    shape: tuple[int, ...], columns: int
) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    image = Image.open(io.BytesIO(input_images.sprite(pictures, columns)))
    image.load()
    height, width = shape[1:3]
    rows = -(-shape[0] // columns)
    assert image.size == (columns * width, rows * height)
    pixels = np.asarray(image.convert("RGBA"))
    for i in range(rows * columns):
        y, x = (i // columns) * height, (i % columns) * width
        cell = pixels[y : y + height, x : x + width]
        if i < shape[0]:
            wanted = pictures[i] if len(shape) == 4 else np.repeat(pictures[i][..., None], 3, -1)
            np.testing.assert_array_equal(cell[..., :3], wanted)
            assert (cell[..., 3] == 255).all()
        else:
            assert (cell[..., 3] == 0).all(), "nothing stands where the last row ends"
