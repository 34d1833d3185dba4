"""What axe-core finds on a page."""

from pathlib import Path

from playwright.sync_api import Page

SOURCE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# What can differ between light and dark; everything else is found in light already.
COLOURS = ["color-contrast", "link-in-text-block"]
RUN = """async ([type, values]) => (await axe.run(document, {
  runOnly: { type, values }, resultTypes: ["violations"],
})).violations.flatMap((rule) => rule.nodes.map(
  (node) => `${rule.id}: ${node.target} ${node.failureSummary}`))"""


def problems(page: Page, colours_only: bool = False) -> list[str]:
    """Every violation of WCAG 2.2 AA on the page as it stands, one line for each element."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(SOURCE.read_text(encoding="utf-8"))
    what = ["rule", COLOURS] if colours_only else ["tag", TAGS]
    found: list[str] = page.evaluate(RUN, what)
    return found
