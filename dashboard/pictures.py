"""Pictures of inputs, served once for all points that hovering shows; see assets/hover.js."""

import functools
import json
import re

from dash import Dash
from flask import Response

from analysis.activation_cloud import ActivationCloud
from analysis.networks import NetworkSource
from dashboard import input_images
from dashboard.context import Context
from dashboard.figures.inputs import SPRITE

KEY = re.compile(r"[0-9a-f]{32}")


def register(app: Dash, context: Context) -> None:
    """Serve ``/inputs/<experiment>/<key>.png``: the inputs of a stored cloud, row by row."""

    @functools.lru_cache(maxsize=16)
    def drawn(experiment: str, key: str) -> bytes:
        found = context.experiments.get(experiment)
        stored = context.results.by_key(key, ActivationCloud) if KEY.fullmatch(key) else None
        if found is None or stored is None:
            raise LookupError(key)
        folder = found.path if found.path.is_dir() else found.path.parent
        table = json.loads(json.dumps(found.settings.get("dataset", {}), default=str))
        if table != stored.provenance["inputs"][0].get("dataset"):  # of another experiment
            raise LookupError(key)
        source = NetworkSource("", (), dataset=json.dumps(table), base=str(folder))
        pictures = input_images.of_source(source, stored.result.rows)
        if pictures is None:
            raise LookupError(key)
        return input_images.sprite(input_images.reduced(pictures), SPRITE)

    def inputs(experiment: str, key: str) -> Response:
        try:
            png = drawn(experiment, key)
        except LookupError:  # and not remembered: it may be there the next time
            return Response("no such inputs", status=404, mimetype="text/plain")
        answer = Response(png, mimetype="image/png")
        answer.headers["Cache-Control"] = "private, max-age=86400, immutable"
        return answer

    app.server.add_url_rule("/inputs/<experiment>/<key>.png", view_func=inputs)
