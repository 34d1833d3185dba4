"""The clock of tests/tiers stands still here too."""

from tests.tiers.conftest import clock

__all__ = ["clock"]
