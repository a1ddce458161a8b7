import base64
import io

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from dashboard import theme
from dashboard.figures.inputs import CELL, inputs_figure
from dashboard.figures.sizes import sizes_figure
from dashboard.input_images import sprite

PICTURES = np.random.default_rng(0).integers(0, 256, (7, 4, 4), np.uint8)
NAMES = [str(i) for i in (3, 14, 15, 92, 65, 35, 89)]
WORDS = [f"input {name}" for name in NAMES]


def drawn(n: int = 7, columns: int = 3, **more: str) -> go.Figure:
    png = sprite(PICTURES[:n], columns)
    return inputs_figure(png, NAMES[:n], WORDS[:n], columns=columns, **more)  # type: ignore[arg-type]


def rings(figure: go.Figure, scheme: str = "light") -> list[tuple[float, float]]:
    """Columns and rows of the pictures that are ringed in ink."""
    ink = theme.palette(scheme).ink
    return [
        ((s.x0 + s.x1) / 2, (s.y0 + s.y1) / 2) for s in figure.layout.shapes if s.line.color == ink
    ]


def test_every_picture_lies_under_the_point_that_selects_it() -> None:
    figure = drawn()
    (image,) = figure.layout.images
    head, _, text = image.source.partition(",")
    assert head == "data:image/png;base64"
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("L"))
    points = figure.data[0]
    assert [each["primary"] for each in points.customdata] == NAMES
    for i, (x, y) in enumerate(zip(points.x, points.y, strict=True)):
        # from units of the axes to pixels, as the browser stretches the picture
        left = round((x - 0.5 - image.x) / image.sizex * pixels.shape[1])
        top = round((y - 0.5 - image.y) / image.sizey * pixels.shape[0])
        np.testing.assert_array_equal(pixels[top : top + 4, left : left + 4], PICTURES[i])


@pytest.mark.parametrize(("n", "columns", "rows"), [(7, 3, 3), (6, 3, 2), (1, 9, 1), (0, 9, 1)])
def test_the_height_follows_the_number_of_pictures(n: int, columns: int, rows: int) -> None:
    figure = drawn(n, columns) if n else inputs_figure(b"", [], [], columns=columns)
    assert rows * CELL <= figure.layout.height < (rows + 1) * CELL
    assert figure.layout.yaxis.range == (rows - 0.5, -0.5), "downwards"
    assert len(figure.layout.images) == len(figure.data) == (n > 0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_clicked_one_is_ringed_and_no_other(scheme: str) -> None:
    assert rings(drawn(primary="92", scheme=scheme), scheme) == [(0, 1)]
    assert rings(drawn(scheme=scheme), scheme) == []
    assert rings(drawn(primary="999999999", scheme=scheme), scheme) == []


def test_words_cannot_carry_markup() -> None:
    evil = "<img src=x onerror=alert(1)>"
    figure = inputs_figure(sprite(PICTURES[:1], 1), ["1"], [evil], columns=1)
    assert "<img" not in figure.to_json()
    assert "img src=x" in figure.to_json()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="2 names, 1 words, columns=3"):
        inputs_figure(b"", ["1", "2"], ["one"], columns=3)
    with pytest.raises(ValueError, match="columns=0"):
        inputs_figure(b"", [], [], columns=0)


SIZES = np.array([16, 32, 64])
VALUES = np.array([[1.0, 3.0], [np.nan, 4.0], [5.0, 5.0]])


def test_every_draw_is_a_point_and_the_line_their_means() -> None:
    line, points = sizes_figure(SIZES, VALUES, title="norm").data
    assert list(zip(line.x, line.y, strict=True)) == [(16, 2.0), (32, 4.0), (64, 5.0)]
    assert sorted(zip(points.x, points.y, strict=True)) == [
        (16, 1.0), (16, 3.0), (32, 4.0), (64, 5.0), (64, 5.0),
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_axes_say_what_they_are_and_the_numbers_start_at_nothing(scheme: str) -> None:
    figure = sizes_figure(SIZES, VALUES, title="landscape norm", scheme=scheme)
    assert figure.layout.xaxis.title.text == "inputs in the sample"
    assert figure.layout.yaxis.title.text == "landscape norm"
    assert figure.layout.yaxis.rangemode == "tozero"
    assert list(figure.layout.xaxis.tickvals) == [16, 32, 64]
    assert figure.data[0].line.color == theme.palette(scheme).bar


def test_a_size_without_a_draw_is_no_zero() -> None:
    values = np.array([[np.nan, np.nan], [4.0, 4.0]])
    line, points = sizes_figure(np.array([16, 32]), values, title="norm").data
    assert list(points.x) == [32, 32]
    known = [y for y in line.y if y is not None and np.isfinite(y)]
    assert known == [4.0]
