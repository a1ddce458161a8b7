"""How the sample experiments that are not trained here were made.

    python sample_models/recipes.py natural_patches
    python sample_models/recipes.py face_resnet FOLDER     (the model folder of the npm package)

The trained ones have a recipe each: nervescope train sample_models/mnist_cnn/recipe.toml -o DIR
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from analysis.patches import PHOTOGRAPHS, halve, load_photograph, natural_patches

HERE = Path(__file__).parent
FACE_SOURCE = (
    "npm package @vladmandic/face-api 1.7.15 (MIT), model face_recognition_model: the dlib face "
    "recognition residual network, stored there as 8-bit quantised weights; here dequantised, "
    "float16, (out, in, height, width)"
)


def make_natural_patches(out: Path, *, seed: int = 0) -> None:
    """Two sets of high-contrast 3×3 patches, for the primary circle and for the three circles.

    Parameters
    ----------
    out : Path
        The .safetensors file to write.
    seed : int
        Of the places that patches are drawn at.
    """
    rng = np.random.default_rng(seed)
    images = {photograph.name: load_photograph(photograph) for photograph in PHOTOGRAPHS}
    full = list(images.values())
    halved = [halve(image) for name, image in images.items() if name != "grace_hopper"]
    sets = {
        "primary_circle.weight": natural_patches(full, per_image=8_000, top_share=0.2, rng=rng),
        "three_circles.weight": natural_patches(halved, per_image=20_000, top_share=0.2, rng=rng),
    }
    tensors = {name: points.reshape(-1, 1, 3, 3) for name, points in sets.items()}
    _save(out, tensors, {"layers": json.dumps(list(tensors))})


def make_face_resnet(model: Path, out: Path) -> None:
    """Dequantise the convolutions of the face recognition network.

    Parameters
    ----------
    model : Path
        Folder with face_recognition_model.bin and its weights manifest.
    out : Path
        The .safetensors file to write.
    """
    stem = "face_recognition_model"
    manifest = json.loads((model / f"{stem}-weights_manifest.json").read_text(encoding="utf-8"))
    content = (model / f"{stem}.bin").read_bytes()
    tensors, offset = {}, 0
    for entry in (entry for part in manifest for entry in part["weights"]):
        dtype = np.dtype(entry.get("quantization", entry)["dtype"])
        size = int(np.prod(entry["shape"])) * dtype.itemsize
        if entry["name"].endswith("/filters"):
            name = entry["name"].removesuffix("/filters").removesuffix("/conv").replace("/", ".")
            stored = np.frombuffer(content[offset : offset + size], dtype=dtype)
            tensors[f"{name}.weight"] = _dequantised(stored, entry)
        offset += size
    metadata = {
        "source": FACE_SOURCE,
        "task": "face recognition on natural photographs",
        "layers": json.dumps(list(tensors)),
    }
    _save(out, tensors, metadata)


def _dequantised(stored: NDArray[Any], entry: dict[str, Any]) -> NDArray[np.float64]:
    """Undo the 8 bits where there are any; stored as (height, width, in, out)."""
    levels = entry.get("quantization", {"scale": 1.0, "min": 0.0})
    weights = stored.astype(np.float64) * levels["scale"] + levels["min"]
    return weights.reshape(entry["shape"]).transpose(3, 2, 0, 1)


def _save(out: Path, tensors: dict[str, NDArray[np.float64]], metadata: dict[str, str]) -> None:
    halves = {name: np.ascontiguousarray(t, dtype=np.float16) for name, t in tensors.items()}
    save_file(halves, out, metadata)


def main() -> None:
    """Make one of the two."""
    parser = argparse.ArgumentParser(description="Make a sample experiment that is not trained.")
    commands = parser.add_subparsers(dest="what", required=True)
    patches = commands.add_parser("natural_patches")
    patches.add_argument("-o", type=Path, default=HERE / "natural_patches/patches.safetensors")
    patches.add_argument("--seed", type=int, default=0)
    face = commands.add_parser("face_resnet")
    face.add_argument("model", type=Path)
    face.add_argument("-o", type=Path, default=HERE / "face_resnet/face_resnet.safetensors")
    given = parser.parse_args()
    if given.what == "natural_patches":
        make_natural_patches(given.o, seed=given.seed)
    else:
        make_face_resnet(given.model, given.o)


if __name__ == "__main__":
    main()
