"""What axe-core finds on a page."""

from pathlib import Path

from playwright.sync_api import Page

SOURCE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# What can differ between light and dark; everything else is found in light already.
COLOURS = ["color-contrast", "link-in-text-block"]
RUN = """async ([type, values, without]) => (await axe.run(document, {
  runOnly: { type, values }, resultTypes: ["violations"],
  rules: Object.fromEntries(without.map((rule) => [rule, { enabled: false }])),
})).violations.flatMap((rule) => rule.nodes.map(
  (node) => `${rule.id}: ${node.target} ${node.failureSummary}`))"""


def problems(page: Page, colours: bool = True, form: bool = True) -> list[str]:
    """Every violation of WCAG 2.2 AA on the page as it stands, one line for each element: in its
    colours, and in all else."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(SOURCE.read_text(encoding="utf-8"))
    what = ["tag", TAGS, [] if colours else COLOURS] if form else ["rule", COLOURS, []]
    found: list[str] = page.evaluate(RUN, what)
    return found
