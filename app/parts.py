"""Doors of features that wire themselves: importing their ``wiring`` module puts them here."""

from flask import Blueprint

PAGES: list[Blueprint] = []
API: list[Blueprint] = []  # bearer tokens only, never a session: no CSRF
