"""Every page and every state that people are shown, each opened as they would come to it."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from app.database import now
from tests.auth.coming_in import let_pass
from tests.browser.site import Person, Site
from tests.factors.held import give_app, give_passkey

SINCE = (now() - timedelta(minutes=3)).timestamp()
DONE = {"state": "done", "seconds": 2.1, "since": SINCE}
STEPS = [
    {"name": "Gather the numbers", **DONE},
    {"name": "Add them up", "state": "now", "since": SINCE},
    {"name": "Write the answer", "state": "todo"},
]
FAILED = "The task stopped unexpectedly. Nothing it had not finished was kept."
TRACE = 'Traceback (most recent call last):\n  File "tasks.py", line 1, in run\nValueError: no'

ComeIn = Callable[..., Page]
State = Callable[["Guide"], Page]
STATES: dict[str, State] = {}


class Guide:
    """Opens a state; makes the people and things it needs."""

    def __init__(self, site: Site, come_in: ComeIn) -> None:
        self.site = site
        self._come_in = come_in

    def stranger(self, path: str) -> Page:
        return self._open(None, path)

    def operator(self, path: str) -> Page:
        return self._open(self.site.newcomer("Hannah Lindqvist", operator=True), path)

    def holder(self, path: str, tier: str = "pro", **options: Any) -> Page:
        return self._open(self.site.newcomer("Priya Raman", tier=tier), path, **options)

    def person(self, who: Person, path: str) -> Page:
        return self._open(who, path)

    def job(self, **values: Any) -> Page:
        owner = self.site.newcomer("Priya Raman")
        base = {"attempt": 1, "started_at": now() - timedelta(minutes=3), "steps": STEPS}
        return self._open(owner, f"/tasks/{self.site.job(owner, **{**base, **values})}")

    def _open(self, who: Person | None, path: str, **options: Any) -> Page:
        page = self._come_in(who, **options)
        page.goto(path)
        return page


def state(name: str) -> Callable[[State], State]:
    def keep(function: State) -> State:
        STATES[name] = function
        return function

    return keep


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def plain_submit(page: Page, form: str) -> None:
    """Send a form as a browser without script would."""
    with page.expect_navigation():
        page.evaluate(
            "form => HTMLFormElement.prototype.submit.call(document.querySelector(form))", form
        )


def use_up(page: Page, times: int) -> None:
    for _ in range(times):
        page.goto("/tasks")
        press(page, "Start task")
        page.wait_for_url("**/tasks/*")


@state("sign-in")
def _(guide: Guide) -> Page:
    return guide.stranger("/sign-in")


@state("sign-in refused")
def _(guide: Guide) -> Page:
    page = guide.stranger("/sign-in")
    press(page, "Sign in")
    page.locator("#error-summary").wait_for()
    return page


@state("welcome")
def _(guide: Guide) -> Page:
    return guide.stranger(guide.site.invitation("Grace Newcomer")[1])


@state("welcome refused")
def _(guide: Guide) -> Page:
    page = guide.stranger(guide.site.invitation("Grace Newcomer")[1])
    press(page, "Set password")
    page.locator("#error-summary").wait_for()
    return page


@state("not found, as a stranger")
def _(guide: Guide) -> Page:
    return guide.stranger("/nothing/here")


@state("not found, with close matches")
def _(guide: Guide) -> Page:
    return guide.operator("/users/allice")


@state("not allowed")
def _(guide: Guide) -> Page:
    return guide.holder("/users")


@state("failed")
def _(guide: Guide) -> Page:
    return guide.holder("/fails", expecting=("500 from",))


@state("overview, with nothing on it")
def _(guide: Guide) -> Page:
    return guide.holder("/")


@state("overview, with a limit nearly reached")
def _(guide: Guide) -> Page:
    page = guide.holder("/", tier=guide.site.tier(starts=5))
    use_up(page, 4)
    page.goto("/")
    return page


@state("overview, with the limit reached")
def _(guide: Guide) -> Page:
    page = guide.holder("/", tier=guide.site.tier(starts=1))
    use_up(page, 1)
    page.goto("/")
    press(page, "Start task")
    page.locator("#notice [data-retry-at]").wait_for()
    return page


@state("limit reached, as a page")
def _(guide: Guide) -> Page:
    page = guide.holder("/", tier=guide.site.tier(starts=1))
    use_up(page, 1)
    page.goto("/tasks")
    plain_submit(page, "#start")
    return page


@state("tasks, none")
def _(guide: Guide) -> Page:
    return guide.holder("/tasks")


@state("tasks, of every kind")
def _(guide: Guide) -> Page:
    page = guide.job(status="failed", error=FAILED, finished_at=now())
    page.goto("/tasks")
    return page


@state("task queued")
def _(guide: Guide) -> Page:
    return guide.job(attempt=0, started_at=None)


@state("task running")
def _(guide: Guide) -> Page:
    return guide.job(status="running", progress=62, message="Added 12 of 20 numbers")


@state("task running without a known end")
def _(guide: Guide) -> Page:
    return guide.job(status="running", message="Counting")


@state("task stopping")
def _(guide: Guide) -> Page:
    return guide.job(status="running", progress=62, stop_asked=True)


@state("task succeeded")
def _(guide: Guide) -> Page:
    steps = [{**step, **DONE} for step in STEPS]
    ended = {"finished_at": now(), "file_name": "numbers.csv", "result": {"sum": 210}}
    return guide.job(status="succeeded", progress=100, steps=steps, **ended)


@state("task failed")
def _(guide: Guide) -> Page:
    owner = guide.site.newcomer("Priya Raman")
    ended = {"finished_at": now(), "error": FAILED, "details": TRACE, "started_at": now()}
    job = guide.site.job(owner, status="failed", attempt=3, steps=STEPS, **ended)
    page = guide.operator(f"/tasks/{job}")
    page.get_by_text("Technical details").click()
    return page


@state("task cancelled")
def _(guide: Guide) -> Page:
    return guide.job(status="cancelled", progress=62, finished_at=now())


@state("tasks ended elsewhere, and one goes on")
def _(guide: Guide) -> Page:
    owner = guide.site.newcomer("Priya Raman")
    page = guide.person(owner, "/profile")
    guide.site.job(owner, status="running", attempt=1, progress=10, started_at=now())
    guide.site.job(owner, "Users export", status="succeeded", finished_at=now())
    guide.site.job(owner, status="dead", finished_at=now(), error=FAILED)
    page.emulate_media(reduced_motion="reduce")
    page.goto("/profile")
    page.locator("#toasts").get_by_text("Users export is done").hover()
    return page


@state("users")
def _(guide: Guide) -> Page:
    return guide.operator("/users")


@state("users, none that match")
def _(guide: Guide) -> Page:
    return guide.operator("/users?q=zzyzx")


@state("users, some selected")
def _(guide: Guide) -> Page:
    page = guide.operator("/users?q=example.com&sort=name")
    for tick in page.locator("tbody .tick").all()[:2]:
        tick.check()
    page.get_by_text("2 selected").wait_for()
    return page


@state("moving users")
def _(guide: Guide) -> Page:
    page = STATES["users, some selected"](guide)
    press(page, "Move to tier…")
    page.wait_for_url("**/users/move-users?**")
    return page


@state("moving users refused")
def _(guide: Guide) -> Page:
    page = STATES["moving users"](guide)
    press(page, "Move 2 users")
    page.locator("#error-summary").wait_for()
    return page


@state("importing users")
def _(guide: Guide) -> Page:
    return guide.operator("/users/import-csv")


@state("importing users refused")
def _(guide: Guide) -> Page:
    page = guide.operator("/users/import-csv")
    send_file(page, "name,username,mail\nA,b,c\n")
    page.locator("#error-summary").wait_for()
    return page


@state("importing users, with a report")
def _(guide: Guide) -> Page:
    page = guide.operator("/users/import-csv")
    rows = "Bob Baker,bob,bob@example.com,pr0\nA,Ann,no address,\n"
    send_file(page, f"name,username,email,tier\n{rows}")
    page.get_by_role("heading", name="What is wrong").wait_for()
    return page


def send_file(page: Page, text: str) -> None:
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label("CSV file").set_input_files(file)
    press(page, "Import users")


@state("users, deleted")
def _(guide: Guide) -> Page:
    guide.site.change(guide.site.newcomer("Kofi Mensah").username, deleted_at=now())
    return guide.operator("/users?state=deleted")


@state("user edited in the row, refused")
def _(guide: Guide) -> Page:
    page = guide.operator("/users?q=bob")
    page.get_by_role("link", name="Edit Bob").click()
    page.get_by_label("Name", exact=True).fill("")
    page.get_by_label("Email").fill("nowhere")
    press(page, "Save changes")
    page.locator("tr.editor .field-error").first.wait_for()
    return page


@state("user saved, with Undo")
def _(guide: Guide) -> Page:
    who = guide.site.newcomer("Noor Haddad")
    page = guide.operator(f"/users?q={who.username}")
    page.get_by_role("link", name="Edit Noor Haddad").click()
    press(page, "Save changes")
    page.locator("#toasts").get_by_text("Noor Haddad saved").wait_for()
    return page


@state("user")
def _(guide: Guide) -> Page:
    who = guide.site.newcomer("Noor Haddad")
    guide.site.cookie_of(who)
    page = guide.operator(f"/users/{who.username}")
    page.get_by_role("button", name="End session").wait_for()
    return page


@state("user invited")
def _(guide: Guide) -> Page:
    return guide.operator(f"/users/{guide.site.invitation('Grace Newcomer')[0]}")


@state("sessions of a user, on a page")
def _(guide: Guide) -> Page:
    who = guide.site.newcomer("Noor Haddad")
    guide.site.cookie_of(who)
    return guide.operator(f"/users/{who.username}/sessions")


@state("user who must reset, an operator")
def _(guide: Guide) -> Page:
    who = guide.site.newcomer("Noor Haddad", operator=True)
    guide.site.change(who.username, must_reset=True)
    page = guide.operator(f"/users/{who.username}")
    page.get_by_role("button", name="Mail the link again").wait_for()
    return page


@state("password asked again, refused")
def _(guide: Guide) -> Page:
    hannah = guide.site.newcomer("Hannah Lindqvist", operator=True)
    page = guide.person(hannah, f"/users/{guide.site.newcomer('Noor Haddad').username}")
    let_pass(guide.site.app, 11, hannah.username)
    press(page, "Make operator")
    press(page, "Confirm")
    page.locator("#error-summary").wait_for()
    return page


@state("security")
def _(guide: Guide) -> Page:
    who = guide.site.newcomer("Priya Raman")
    guide.site.cookie_of(who)
    give_passkey(guide.site.app, who.username)
    give_app(guide.site.app, who.username)
    return guide.person(who, "/security")


def at_second_step(guide: Guide) -> Page:
    """Opened by its name, so that passkeys are offered."""
    who = guide.site.newcomer("Priya Raman")
    give_passkey(guide.site.app, who.username)
    give_app(guide.site.app, who.username)
    page = guide.stranger(guide.site.named("/sign-in"))
    page.get_by_label("Username or email").fill(who.username)
    page.get_by_label("Password", exact=True).fill(who.password)
    press(page, "Sign in")
    page.get_by_role("button", name="Use your passkey").wait_for()
    return page


@state("second step, refused")
def _(guide: Guide) -> Page:
    page = at_second_step(guide)
    press(page, "Sign in")
    page.locator("#error-summary").wait_for()
    return page


@state("sign-in with a passkey")
def _(guide: Guide) -> Page:
    page = guide.stranger(guide.site.named("/sign-in"))
    press(page, "Use a passkey")
    page.get_by_role("link", name="Use your password").wait_for()
    return page


@state("authenticator app, to be scanned")
def _(guide: Guide) -> Page:
    page = guide.holder("/security")
    press(page, "Add an app")
    page.locator("svg.qr").wait_for()
    return page


@state("recovery codes")
def _(guide: Guide) -> Page:
    who = guide.site.newcomer("Priya Raman")
    give_app(guide.site.app, who.username)
    page = guide.person(who, "/security")
    press(page, "Make new codes")
    page.locator("#new-codes").wait_for()
    return page


@state("passkey to be added")
def _(guide: Guide) -> Page:
    page = guide.stranger("about:blank")
    who = guide.site.newcomer("Priya Raman")
    page.goto(guide.site.named("/sign-in"))
    page.get_by_label("Username or email").fill(who.username)
    page.get_by_label("Password", exact=True).fill(who.password)
    press(page, "Sign in")
    page.get_by_role("heading", name="Overview").wait_for()
    page.goto(guide.site.named("/security"))
    press(page, "Add a passkey")
    page.get_by_role("button", name="Create passkey").wait_for()
    return page


@state("authenticator app to be removed")
def _(guide: Guide) -> Page:
    who = guide.site.newcomer("Priya Raman")
    give_app(guide.site.app, who.username)
    return guide.person(who, "/security/app/remove")


@state("passkey")
def _(guide: Guide) -> Page:
    who = guide.site.newcomer("Priya Raman")
    return guide.person(who, f"/security/passkeys/{give_passkey(guide.site.app, who.username)}")


@state("security, refused")
def _(guide: Guide) -> Page:
    page = guide.holder("/security")
    press(page, "Change password")
    page.locator("#error-summary").wait_for()
    return page


@state("profile")
def _(guide: Guide) -> Page:
    return guide.holder("/profile")


@state("profile, refused")
def _(guide: Guide) -> Page:
    page = guide.holder("/profile")
    page.get_by_label("Username").fill("No!")
    press(page, "Save profile")
    page.locator("#error-summary").wait_for()
    press(page, "Change address")
    page.locator("#email-summary").wait_for()
    return page


@state("data of one's own")
def _(guide: Guide) -> Page:
    return guide.holder("/profile/data")


@state("account to be deleted")
def _(guide: Guide) -> Page:
    return guide.holder("/profile/delete")


@state("address confirmed by a link")
def _(guide: Guide) -> Page:
    who = guide.site.newcomer("Priya Raman")
    page = guide.person(who, "/profile")
    press(page, "Send the confirmation link")
    page.goto(guide.site.link_mailed_to(f"{who.username}@example.com"))
    return page


@state("user deleted")
def _(guide: Guide) -> Page:
    who = guide.site.newcomer("Kofi Mensah")
    guide.site.change(who.username, deleted_at=now())
    return guide.operator(f"/users/{who.username}")


@state("user edited on a page")
def _(guide: Guide) -> Page:
    return guide.operator("/users/bob/edit")


@state("new user refused")
def _(guide: Guide) -> Page:
    page = guide.operator("/users/new-user")
    press(page, "Add user")
    page.locator("#error-summary").wait_for()
    return page


@state("form open too long")
def _(guide: Guide) -> Page:
    page = guide.operator("/users/new-user")
    page.get_by_label("Name", exact=True).fill("Somebody New")
    page.evaluate("document.querySelector('main [name=csrf_token]').value = 'from last week'")
    plain_submit(page, "main form")
    return page


@state("tiers")
def _(guide: Guide) -> Page:
    return guide.operator("/tiers")


@state("tier without limits")
def _(guide: Guide) -> Page:
    return guide.operator(f"/tiers/{guide.site.tier()}")


@state("limit edited in the row, refused")
def _(guide: Guide) -> Page:
    page = guide.operator(f"/tiers/{guide.site.tier(starts=3)}")
    page.get_by_role("link", name="Edit limit for Background tasks").click()
    page.get_by_label("Requests").fill("none")
    press(page, "Save limit")
    page.locator("tr.editor .field-error").wait_for()
    return page


@state("limit observed, another foreseen")
def _(guide: Guide) -> Page:
    tier = guide.site.tier(starts=1)
    page = guide.operator(f"/tiers/{tier}")
    page.get_by_role("link", name="Edit limit for Background tasks").click()
    page.get_by_label("Observe only").first.check()
    press(page, "Save limit")
    page.locator("#limits").get_by_text("Observed only").wait_for()
    use_up(guide.holder("/", tier=tier), 3)
    page.goto(f"/tiers/{tier}")
    page.get_by_role("link", name="Edit limit for Background tasks").click()
    page.get_by_label("Requests").first.fill("2")
    page.get_by_text("would have followed").wait_for()
    return page


@state("tier renamed")
def _(guide: Guide) -> Page:
    return guide.operator(f"/tiers/{guide.site.tier(starts=3)}?rename=1")


@state("tier deleted")
def _(guide: Guide) -> Page:
    return guide.operator(f"/tiers/{guide.site.tier()}/delete")


@state("tier to be copied, refused")
def _(guide: Guide) -> Page:
    page = guide.operator(f"/tiers/{guide.site.tier(starts=3)}/copy")
    page.get_by_label("Name").fill("pro")
    press(page, "Copy tier")
    page.locator("#copy .field-error").wait_for()
    return page


@state("tiers compared")
def _(guide: Guide) -> Page:
    name = guide.site.tier(starts=3)
    guide.site.tier()
    guide.site.observe(name)
    return guide.operator("/compare")


@state("tiers compared, as an account holder")
def _(guide: Guide) -> Page:
    return guide.holder("/compare")


def with_a_trail(page: Page, times: int = 1) -> Page:
    """Let whoever is signed in do things that the trail keeps."""
    for _ in range(times):
        for tier in ("pro", "free"):
            page.goto("/users/bob")
            page.get_by_label("Assigned tier").select_option(tier)
            press(page, "Change tier")
            page.locator("#toasts").get_by_text("Bob Baker moved to").wait_for()
    return page


@state("audit log")
def _(guide: Guide) -> Page:
    page = with_a_trail(guide.operator("/"))
    page.goto("/audit")
    return page


@state("audit log, nothing that matches")
def _(guide: Guide) -> Page:
    return guide.operator("/audit?q=zzyzx")


@state("recent activity")
def _(guide: Guide) -> Page:
    page = with_a_trail(guide.operator("/"))
    page.goto("/activity")
    return page


@state("recent activity, none")
def _(guide: Guide) -> Page:
    return guide.holder("/activity")


@state("API tokens, none")
def _(guide: Guide) -> Page:
    return guide.holder("/tokens")


@state("new API token refused")
def _(guide: Guide) -> Page:
    page = guide.holder("/tokens/new")
    press(page, "Create token")
    page.locator("#error-summary").wait_for()
    return page


@state("API token created")
def _(guide: Guide) -> Page:
    page = guide.holder("/tokens/new")
    page.get_by_label("Name").fill("Nightly backup")
    press(page, "Create token")
    page.get_by_text("Copy it now").wait_for()
    return page


@state("API token to revoke")
def _(guide: Guide) -> Page:
    page = STATES["API token created"](guide)
    page.get_by_role("link", name="Revoke").click()
    page.get_by_role("heading", name="Revoke Nightly backup?").wait_for()
    return page


@state("system")
def _(guide: Guide) -> Page:
    return guide.operator("/system")


@state("menu open")
def _(guide: Guide) -> Page:
    page = guide.operator("/")
    page.set_viewport_size({"width": 390, "height": 844})
    press(page, "Menu")
    return page


@state("sign-up refused")
def _(guide: Guide) -> Page:
    page = guide.stranger("/sign-up")
    page.get_by_label("Username").fill("bob")
    press(page, "Sign up")
    page.locator("#error-summary").wait_for()
    return page


@state("sign-up, a username that is taken")
def _(guide: Guide) -> Page:
    page = guide.stranger("/sign-up")
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Email").focus()
    page.locator("#username-status").get_by_text("is taken").wait_for()
    return page


@state("look at your mail for a new password")
def _(guide: Guide) -> Page:
    return guide.stranger("/forgot/sent")


@state("look at your mail")
def _(guide: Guide) -> Page:
    return guide.stranger("/sign-up/sent")


@state("sign-up finished, refused")
def _(guide: Guide) -> Page:
    page = guide.stranger("/sign-up")
    for label, value in (
        ("Name", "Dora Dale"),
        ("Username", "dora"),
        ("Email", "dora.dale@example.com"),
        ("Password", "seven green bottles"),
    ):
        page.get_by_label(label, exact=True).fill(value)
    press(page, "Sign up")
    page.get_by_role("heading", name="Look at your mail").wait_for()
    page.goto(guide.site.link_mailed_to("dora.dale@example.com"))
    press(page, "Finish sign-up")
    page.locator("#error-summary").wait_for()
    return page


@state("forgot password, refused")
def _(guide: Guide) -> Page:
    page = guide.stranger("/forgot")
    press(page, "Send the link")
    page.locator("#error-summary").wait_for()
    return page


@state("reset, refused")
def _(guide: Guide) -> Page:
    page = guide.stranger(guide.site.reset_link("Priya Raman"))
    press(page, "Set password")
    page.locator("#error-summary").wait_for()
    return page


@state("link that no longer works")
def _(guide: Guide) -> Page:
    return guide.stranger("/reset/nonsense")


@state("mail")
def _(guide: Guide) -> Page:
    return guide.operator("/mail")


def with_jobs(guide: Guide) -> None:
    """Jobs in every state, which no worker touches."""
    who = guide.site.newcomer("Wei Zhang")
    ended = {"started_at": now() - timedelta(minutes=2), "finished_at": now(), "attempt": 3}
    guide.site.job(who, status="failed", error="Mail server refused the connection", **ended)
    guide.site.job(who, name="", status="dead", error=FAILED, **ended)
    guide.site.job(who, status="succeeded", **ended)
    guide.site.job(who, status="running", progress=40, message="2,180 of 5,450 rows", worker="none")


@state("jobs that failed, one ticked")
def _(guide: Guide) -> Page:
    with_jobs(guide)
    page = guide.operator("/jobs?state=failed&refresh=off")
    press(page, "Pause the queue default")
    page.locator("#toasts").get_by_text("The queue default is paused").wait_for()
    press(page, "Undo")
    page.locator("#toasts").get_by_text("The queue default goes on").wait_for()
    page.get_by_role("checkbox", name="Tick Monthly usage report").first.check()
    return page


@state("jobs that run")
def _(guide: Guide) -> Page:
    with_jobs(guide)
    return guide.operator("/jobs?state=running")


@state("jobs, none that match, and no worker")
def _(guide: Guide) -> Page:
    with guide.site.without_worker():
        return guide.operator("/jobs?q=zzyzx&refresh=off")


@state("jobs, all to be discarded")
def _(guide: Guide) -> Page:
    with_jobs(guide)
    return guide.operator("/jobs/all?state=failed&deed=discard")


# Features that wire themselves bring theirs: importing them adds to STATES.
for path in sorted(Path(__file__).parent.parent.glob("*/states.py")):
    import_module(f"tests.{path.parent.name}.states")
