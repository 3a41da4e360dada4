"""Write the shipped models in the format of this program: same weights to the bit, same cards.

python scripts/renew_shipped_models.py
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from dovetail.saved.finding import shipped_models
from dovetail.saved.model_folder import files_of_model, load_model, save_model

KEPT = {"README.md", "config.toml"}
"""The card with its measured scores, and the record of the training."""


def main() -> None:
    """Renew each model, unless its weights would change."""
    for name, folder in shipped_models().items():
        saved = load_model(folder)
        with tempfile.TemporaryDirectory() as temporary:
            new = Path(temporary) / "model"
            save_model(new, saved.model, saved.config)
            weights = [path / "weights.safetensors" for path in (folder, new)]
            if weights[0].read_bytes() != weights[1].read_bytes():
                raise SystemExit(f"{name}: the weights would change; nothing was written")
            for file in sorted(set(files_of_model(new)) - KEPT):
                shutil.copyfile(new / file, folder / file)
        print(name, *files_of_model(folder))


if __name__ == "__main__":
    main()
