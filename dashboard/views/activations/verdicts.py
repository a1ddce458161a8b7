"""The permutation tests of the view *Activations*, as a picture and in words."""

import numpy as np

from analysis.landscape_tests import LandscapeTests, why_no_test
from analysis.permutation import holm
from dashboard import words
from dashboard.activation_words import what
from dashboard.figures.pvalues import PairTests, pvalues_figure
from dashboard.view import Panel, Row, empty
from dashboard.views.activations.scene import ActivationScene

SIGNIFICANT = 0.05


def tests_panel(scene: ActivationScene, scheme: str) -> Panel:
    """Draw the p-values of all pairs."""
    tests = scene.tests
    if tests is None or not tests.first:
        return empty(_why_none(scene))
    names = list(dict.fromkeys([*tests.first, *tests.second]))
    n = len(names)
    tables = {name: np.full((n, n), np.nan) for name in ("statistic", "p", "adjusted", "smallest")}
    permutations = np.zeros((n, n), np.int64)
    for i, pair in enumerate(zip(tests.first, tests.second, strict=True)):
        a, b = (names.index(each) for each in pair)
        values = (*tests.shapes[i, -1], tests.smallest[i])
        for table, value in zip(tables.values(), values, strict=True):
            table[a, b] = table[b, a] = value
        permutations[a, b] = permutations[b, a] = tests.counts[i, 2]
    figure = pvalues_figure(
        PairTests([words.milestone(name) for name in names], **tables, permutations=permutations),
        scheme=scheme,
    )
    exact = "all" if tests.counts[:, 3].all() else "drawn"
    text = (
        f"distance of mean landscapes, all layers together; {_adjusted(len(tests.first))} · "
        f"{int(tests.counts[:, 2].max()):,} permutations ({exact}) · {what(scene)}"
    )
    return Panel(figure, "", text)


def _why_none(scene: ActivationScene) -> str:
    """Say why there are no tests: still computing, failed, or nothing to compare."""
    if scene.study is None or scene.tests is None:
        return scene.why("study" if scene.study is None else "tests")
    words_ = why_no_test(scene.study, scene.found.units["tests"].params)
    return f"{words_[0].upper()}{words_[1:]}."


def words_panel(scene: ActivationScene, _scheme: str) -> Panel:
    """Say each test in words."""
    if scene.tests is None or not scene.tests.first:
        return empty(_why_none(scene))
    text = (
        "A small p says that these trainings differ by more than exchanging the labels would give, "
        "for these inputs. It does not say how much, why, nor that other data or networks would. "
        "Holm’s correction is over pairs, not over layers: of twenty layers one is below .05 by "
        "chance."
    )
    return Panel(empty("").figure, "", text, rows=verdicts(scene))


def verdicts(scene: ActivationScene) -> list[Row]:
    """One row per pair: what its test says, in words, with its numbers."""
    tests = scene.tests
    if tests is None or not tests.first:
        return []
    reachable = holm(tests.smallest)
    return [_verdict(tests, i, float(reachable[i])) for i in range(len(tests.first))]


def _verdict(tests: LandscapeTests, i: int, reachable: float) -> Row:
    distance, p, adjusted = (float(each) for each in tests.shapes[i, -1])
    change, _, norm_adjusted = (float(each) for each in tests.norms[i, -1])
    n_first, n_second, permutations, _ = (int(each) for each in tests.counts[i])
    own = zip(tests.layers, tests.shapes[i, :-1], strict=True)
    layers = [name for name, row in own if row[2] <= SIGNIFICANT]
    if adjusted <= SIGNIFICANT:
        said = "The shapes differ by more than chance"
    elif reachable > SIGNIFICANT:
        said = "Too few runs to tell, whatever the difference"
    else:
        said = "No difference is shown"
    return {
        "first": words.milestone(tests.first[i]),
        "second": words.milestone(tests.second[i]),
        "what it says": said,
        "p (Holm)": adjusted,
        "p": p,
        "distance": distance,
        "change of norm": change,
        "its p (Holm)": norm_adjusted,
        "runs": n_first if n_first == n_second else f"{n_first} and {n_second}",
        "layers that differ": ", ".join(layers) or "none by itself",
        "permutations": permutations,
    }


def _adjusted(pairs: int) -> str:
    return f"p after Holm over all {pairs} pairs" if pairs > 1 else "p of the only pair"
