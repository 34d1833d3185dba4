"""Take the pictures of the README from the running application, with people made up for it.

python scripts/pictures.py starts a throw-away site and writes docs/pictures/*.png. It needs the
packages of requirements-dev.txt and Chromium on PATH.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.database import now  # noqa: E402
from tests.browser.conftest import ARGUMENTS, BROWSERS  # noqa: E402
from tests.browser.site import Person, Site  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1280, "height": 800}
PEOPLE = "Amara Okafor, Wei Zhang, Kofi Mensah, Tomás Herrera, Leila Farahani, Mateo Rossi"
STARTED = (
    "Contact import",
    "Avatar clean-up",
    "Weekly figures",
    "Invoices",
    "Monthly usage report",
)
USED = 8  # of the 10 starts an hour that pro allows


def main() -> int:
    """Write both pictures; 1 when there is no browser to take them with."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("No Chromium is on PATH: install it, then run this again.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        try:
            site.start()
            take(site, browser)
        finally:
            site.stop()
    return 0


def take(site: Site, browser: str) -> None:
    """Draw the overview of a person near a limit, and a tier whose limit is being edited."""
    operator = site.newcomer("Hannah Lindqvist", operator=True)
    for number, name in enumerate(PEOPLE.split(", ") * 7):
        site.newcomer(name, tier=("pro", "pro", "free")[number % 3])
    priya = site.newcomer("Priya Raman")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=list(ARGUMENTS))
        page = signed_in(chromium, site, priya)
        use(site, page, priya)
        shoot(page, "/", "overview")
        page = signed_in(chromium, site, operator)
        page.goto("/tiers/pro")
        page.get_by_role("link", name="Edit limit for Background tasks").click()
        page.get_by_label("Requests").fill("30")
        page.get_by_text("30 requests per hour").wait_for()
        shoot(page, None, "tier")
        chromium.close()


def signed_in(chromium: Any, site: Site, who: Person) -> Page:
    context = chromium.new_context(base_url=site.address, viewport=SIZE, color_scheme="light")
    context.add_cookies([site.cookie_of(who)])
    page: Page = context.new_page()
    return page


def use(site: Site, page: Page, who: Person) -> None:
    """Start tasks without a worker, then let them stand as they would after a morning."""
    site.stop_worker()
    page.goto("/tasks")
    token = page.locator("meta[name=csrf-token]").get_attribute("content") or ""
    for number in range(USED):
        form: dict[str, str | float | bool] = {
            "csrf_token": token,
            "task": "demonstration",
            "message": STARTED[number % 5],
        }
        page.request.post("/tasks", form=form, headers={"Referer": page.url})
    for number, name in enumerate(STARTED):
        site.job(who, name, **as_it_stands(number))


def as_it_stands(number: int) -> dict[str, Any]:
    """The newest runs, one before it failed, the others are done."""
    begun = now() - timedelta(minutes=7 * (len(STARTED) - number))
    values = {"created_at": now() + timedelta(seconds=number), "started_at": begun, "attempt": 1}
    if number == len(STARTED) - 1:
        return {**values, "status": "running", "progress": 62}
    values["finished_at"] = begun + timedelta(seconds=41 + 37 * number)
    if number == 1:
        return {**values, "status": "failed", "error": "The storage did not answer."}
    return {**values, "status": "succeeded", "progress": 100}


def shoot(page: Page, path: str | None, name: str) -> None:
    if path:
        page.goto(path)
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"docs/pictures/{name}.png")


if __name__ == "__main__":
    sys.exit(main())
