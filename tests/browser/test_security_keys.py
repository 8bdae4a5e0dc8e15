"""A security key in a real browser, with the virtual authenticator that Chromium brings."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from lims.accounts.models import SecurityKey
from lims.signatures.models import Signature
from tests.browser import small_batch
from tests.browser.test_oversight import findings
from tests.factories import PASSWORD, fresh_code

Person = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)


def plug_in(page: Page) -> None:
    """A key that stands in this browser's port and is touched whenever it is asked."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": False, "hasUserVerification": False}
    always = {"automaticPresenceSimulation": True, "isUserVerified": False}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options | always})


@pytest.mark.requirement("P11-300e")
@pytest.mark.requirement("P11-200b")
@pytest.mark.requirement("A11D-11.6")
def test_a_key_is_added_signs_in_and_signs_a_step(person: Person) -> None:
    batch = small_batch.recorded(small_batch.laboratory())
    page = person("verifier", bypass_csp=True)
    plug_in(page)
    page.goto("/account/keys/")
    assert findings(page) == []
    page.get_by_label("Name").fill("Blue")
    page.get_by_label("Password").fill(PASSWORD.format("verifier"))
    page.get_by_label("One-time code").fill(fresh_code("verifier"))
    page.get_by_role("button", name="Go on to the key").click()
    page.get_by_role("button", name="Add the key").click()
    page.get_by_role("button", name="Confirm the key").click()
    expect(page.locator("main")).to_contain_text("The security key “Blue” counts from now on.")
    assert findings(page) == []
    assert SecurityKey.objects.exclude(confirmed_at=None).count() == 1

    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Username").fill("verifier")
    page.get_by_label("Password").fill(PASSWORD.format("verifier"))
    page.get_by_role("button", name="Use a security key").click()
    page.wait_for_url(lambda url: "sign-in" not in url)

    page.goto(f"/batches/{batch.number}/")
    step = page.locator("#product")
    step.locator("> details > summary").click()
    step.get_by_text("Verify as the second person").click()
    form = step.locator("form.sign:visible")
    form.get_by_label("Username of the signer").fill("verifier")
    form.get_by_label("Password").fill(PASSWORD.format("verifier"))
    form.get_by_role("button", name="Use a security key").click()
    expect(step.get_by_text("Verify as the second person")).to_have_count(0)
    assert Signature.objects.get(signer__username="verifier").factors == "username+password+security_key"


@pytest.mark.requirement("A11D-11.6")
def test_without_a_key_of_this_person_the_page_says_so_and_takes_the_code(person: Person) -> None:
    small_batch.laboratory()
    page = person()
    plug_in(page)
    page.goto("/sign-in/")
    page.get_by_label("Username").fill("verifier")
    page.get_by_label("Password").fill(PASSWORD.format("verifier"))
    page.get_by_role("button", name="Use a security key").click()
    expect(page.locator("[data-key-says]")).to_contain_text("Try again, or type the code")
    page.get_by_label("One-time code").fill(fresh_code("verifier"))
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "sign-in" not in url)


def test_without_scripts_no_key_is_offered(person: Person) -> None:
    page = person("", java_script_enabled=False)
    page.goto("/sign-in/")
    expect(page.get_by_label("One-time code")).to_be_visible()
    expect(page.get_by_role("button", name="Use a security key")).to_be_hidden()
