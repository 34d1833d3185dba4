"""Numbers of rows in addresses."""

from werkzeug.routing import IntegerConverter, ValidationError

NO_ROW = 0


class RowNumber(IntegerConverter):
    """``<int:id>``, with ``max`` for the largest that the column can hold.

    A larger one is the number of no row, so that the door itself says that there is nothing. As
    Werkzeug has it, the address would be unknown by one method and by the others known (405).
    """

    def to_python(self, value: str) -> int:
        try:
            return int(super().to_python(value))
        except ValidationError:
            return NO_ROW
