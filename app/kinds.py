"""JSON has other kinds of values than forms have: these ask for one before a rule looks at it."""


def text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("Send a text")
    return value


def number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int_of(value):
        raise ValueError("Send a whole number")
    return int_of(value)


def int_of(value: int | float) -> int:
    try:
        return int(value)
    except (OverflowError, ValueError):  # infinite, or not a number
        raise ValueError("Send a whole number") from None


def truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Send true or false")
    return value


def switch(value: object) -> bool:
    """The same in an address, where all is text."""
    return truth({"true": True, "false": False}.get(str(value), value))
