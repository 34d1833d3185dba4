"""What a job leaves behind, as people are shown it."""

from typing import TYPE_CHECKING, Any


class Outcome:
    """Reads the columns of a job that say how it ended."""

    if TYPE_CHECKING:
        result: Any
        file_name: Any
        status: Any

    @property
    def shown_result(self) -> dict[str, Any]:
        """The result by name, as the page lists it."""
        shown = {} if self.result is None else {"result": self.result}
        known = self.result if isinstance(self.result, dict) else shown
        return {name: value for name, value in known.items() if name != "report"}

    @property
    def report(self) -> dict[str, Any] | None:
        """What a task said is wrong, as app.tasks.Report: columns, the first rows, the total."""
        known = self.result.get("report") if isinstance(self.result, dict) else None
        return known if self.status == "failed" else None

    @property
    def has_file(self) -> bool:
        """Whether its file is whole: half of one is not given out, but a report is."""
        return bool(self.file_name) and (self.status == "succeeded" or self.report is not None)
