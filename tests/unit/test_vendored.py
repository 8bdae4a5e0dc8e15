"""What lies under static/vendor is what it says it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

READER = Path(__file__).resolve().parents[2] / "static" / "vendor" / "barcode-detector"


def test_the_reader_of_codes_is_the_one_its_scripts_and_its_page_name() -> None:
    digest = hashlib.sha256((READER / "zxing_reader.wasm").read_bytes()).hexdigest()
    assert digest in (READER / "zxing-exported.js").read_text(encoding="utf-8")
    assert digest in (READER / "README.md").read_text(encoding="utf-8")
    assert all((READER / name).exists() for name in ("barcode-detector-LICENSE.txt", "zxing-cpp-LICENSE.txt"))
