"""The camera in a real browser that is shown a picture: a code is read where the browser can; else it is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import segno
from playwright.sync_api import Browser, Page, expect

from tests.browser import small_batch
from tests.browser.conftest import CHROMIUM, QUIETLY
from tests.browser.test_nothing_is_lost import opened, unfold

pytestmark = pytest.mark.django_db(transaction=True)
WIDTH, HEIGHT, MODULE = 640, 480, 10
GRAY, WHITE, BLACK = 128, 255, 0
READS = "'BarcodeDetector' in window && BarcodeDetector.getSupportedFormats().then(formats => formats.length > 0)"


def picture_of(code: str) -> bytes:
    """A video of one still frame, white around a QR code, as the browser takes it for a camera (YUV4MPEG2, 4:2:0)."""
    rows = list(segno.make(code, error="m", micro=False).matrix)
    left, top = (WIDTH - len(rows) * MODULE) // 2, (HEIGHT - len(rows) * MODULE) // 2
    luma = bytearray([WHITE]) * (WIDTH * HEIGHT)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            for line in range(MODULE) if dark else ():
                at = (top + y * MODULE + line) * WIDTH + left + x * MODULE
                luma[at : at + MODULE] = bytes([BLACK]) * MODULE
    chroma = bytes([GRAY]) * (WIDTH * HEIGHT // 4)
    frame = b"FRAME\n" + bytes(luma) + chroma + chroma
    return f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode() + frame * 10


@pytest.fixture
def browser(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """A browser of this test's own, which sees the code KIT-1 and asks nobody whether it may look."""
    seen = tmp_path / "camera.y4m"
    seen.write_bytes(picture_of("KIT-1"))
    flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    running = browser.browser_type.launch(
        executable_path=CHROMIUM, args=[*QUIETLY, *flags, f"--use-file-for-fake-video-capture={seen}"]
    )
    yield running
    running.close()


def test_a_code_before_the_camera_is_read_or_it_is_said_that_it_cannot_be(
    person: Callable[..., Page], transactional_db: None
) -> None:
    batch = small_batch.in_progress(small_batch.laboratory())
    page = opened(person("operator"), batch.number)
    unfold(page)
    page.get_by_role("button", name="Camera").click()
    if page.evaluate(READS):
        expect(page.locator("#scan-says")).to_contain_text("KIT-1")
    else:
        expect(page.locator("#scan-says")).to_contain_text("This browser cannot read codes with a camera.")
