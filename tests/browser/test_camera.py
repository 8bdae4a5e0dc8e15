"""The camera in a real browser that is shown a picture: its code is entered, whatever the browser itself can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import segno
from playwright.sync_api import Browser, Page, expect

from labeling.services.recording import Reading, record_entry
from tests.browser import small_batch
from tests.browser.conftest import CHROMIUM, QUIETLY
from tests.browser.test_nothing_is_lost import opened, unfold

pytestmark = pytest.mark.django_db(transaction=True)
WIDTH, HEIGHT, MODULE = 640, 480, 10
GRAY, WHITE, BLACK = 128, 255, 0
WITHOUT_DETECTOR = "delete window.BarcodeDetector"  # as on an iPad, in Firefox and in desktop Chrome
VENDORED = "/static/vendor/barcode-detector/"


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


@pytest.fixture
def working(person: Callable[..., Page], transactional_db: None) -> Page:
    """A worksheet that waits for the lot KIT-1, in a browser without a detector of its own."""
    who = small_batch.laboratory()
    batch = small_batch.in_progress(who)
    clear = Reading(value="true")
    record_entry(actor=who.operator, number=batch.number, step="clearance", field="clear", reading=clear)
    page = person("operator")
    page.add_init_script(WITHOUT_DETECTOR)
    unfold(opened(page, batch.number))
    return page


def test_the_lot_in_the_picture_is_entered_and_nothing_leaves_the_site(working: Page) -> None:
    asked: list[str] = []
    working.context.on("request", lambda request: asked.append(request.url))
    here = working.url.partition("/batches/")[0]
    assert not any(VENDORED in url for url in asked)
    with working.expect_response(lambda answer: answer.url.endswith("zxing_reader.wasm")) as fetched:
        working.get_by_role("button", name="Camera").click()
    assert (fetched.value.status, fetched.value.headers["content-type"]) == (200, "application/wasm")
    expect(working.locator("#scan-says")).to_contain_text("KIT-1: Kit lot")
    expect(working.locator("dialog.camera")).to_have_count(0)
    expect(working.locator("[id='product.kit_lot'] .slot-value")).to_contain_text("KIT-1")
    assert [url for url in asked if not url.startswith((here, "blob:"))] == []


def test_where_nothing_can_read_a_code_it_is_said(working: Page) -> None:
    working.context.route(f"**{VENDORED}**", lambda route: route.fulfill(status=404))
    working.get_by_role("button", name="Camera").click()
    expect(working.locator("#scan-says")).to_contain_text("This browser cannot read codes with a camera.")
    expect(working.locator("dialog.camera")).to_have_count(0)


def test_a_closed_camera_reads_nothing(working: Page) -> None:
    working.context.route("**/zxing_reader.wasm", lambda route: None)  # an answer that does not come
    working.get_by_role("button", name="Camera").click()
    working.get_by_role("button", name="Close the camera").click()
    expect(working.locator("dialog.camera")).to_have_count(0)
    expect(working.locator("#scan-says")).not_to_contain_text("KIT-1")
