"""Making a tier like another one: a new name, and all the same limits."""

from flask import url_for
from flask.typing import ResponseReturnValue

from app.access import operators_only
from app.htmx import Toast, redirect_with, render
from app.tiers.forms import TierForm
from app.tiers.models import Tier
from app.tiers.pages import added, named, tiers
from app.tiers.routes import limited_routes


@tiers.get("/tiers/<name>/copy")
@operators_only
def copy(name: str) -> ResponseReturnValue:
    return drawn(named(name), TierForm(formdata=None))


@tiers.post("/tiers/<name>/copy")
@operators_only
def create_copy(name: str) -> ResponseReturnValue:
    original = named(name)
    form = TierForm()
    if not form.validate():
        return drawn(original, form, 422)
    twin = Tier(name=form.name.data, limits=[limit.twin() for limit in original.limits])
    if not added(twin, form):
        return drawn(named(name), form, 422)
    words = f"{twin.label} tier added, with the limits of {original.label}"
    return redirect_with(url_for(".show", name=twin.name), Toast(words))


def drawn(original: Tier, form: TierForm, status: int = 200) -> ResponseReturnValue:
    context = {"tier": original, "form": form, "routes": limited_routes()}
    return render("tiers/copy.html", "tiers/_copy.html", **context), status
