"""Takes the pictures of the documents from those that the browser tests kept.

    ./launch test --all tests/browser/test_sight.py tests/browser/test_locations.py
    python tests/browser/pictures.py

Raises: SystemExit for a picture that is missing, or larger than a document should carry.
"""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT, DOCUMENTS = ROOT / "build" / "pictures", ROOT / "docs" / "pictures"
BYTES_MAX = 300_000
PICTURES = {
    "overview.png": "overview-1440-light.png",
    "overview-dark.png": "overview-1440-dark.png",
    "overview-phone.png": "overview-390-light.png",
    "target.png": "target-1440-light.png",
    "locations.png": "locations-1440-light.png",
    "incident.png": "incident-1440-light.png",
    "public.png": "public-1440-light.png",
}


def main() -> None:
    DOCUMENTS.mkdir(exist_ok=True)
    for name, kept in PICTURES.items():
        if not (KEPT / kept).is_file():
            raise SystemExit(f"build/pictures/{kept} is missing: run the browser tests first")
        size = (KEPT / kept).stat().st_size
        if size > BYTES_MAX:
            raise SystemExit(
                f"build/pictures/{kept} has {size:,} bytes, and a document carries {BYTES_MAX:,}"
            )
        shutil.copyfile(KEPT / kept, DOCUMENTS / name)


if __name__ == "__main__":
    main()
