"""First programs for the API: the files of templates/reference/examples, for this site."""

from flask import render_template

from app.mail.sending import this_site

# How each language is called on the page, and how its files end.
LANGUAGES = {"curl": ("curl", "sh"), "python": ("Python", "py"), "javascript": ("JavaScript", "js")}
DEEDS = ("sign_in", "me", "task", "create", "list")


def examples(language: str) -> dict[str, str]:
    """What each deed is in a language, by its name; secrets come from the environment."""
    ending = LANGUAGES[language][1]
    site = this_site().rstrip("/")
    return {deed: drawn(f"{deed}.{ending}", site) for deed in DEEDS}


def drawn(name: str, site: str) -> str:
    return render_template(f"reference/examples/{name}", site=site).strip()
