"""The extensions: created here, bound to an application in create_app."""

from ipaddress import IPv4Address, ip_address, ip_network
from typing import TYPE_CHECKING

from flask import request
from flask_caching import Cache
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

from app.assets import Assets
from app.counters import Counters
from app.database import Base
from app.queue import Queue


def client_address() -> str:
    """The address of the client, as far as the trusted proxies vouch for it."""
    return request.remote_addr or "unknown"


def throttled_address() -> str:
    """What a throttle counts by."""
    return network_of(client_address())


def network_of(address: str) -> str:
    """Of IPv6 the /64, since one customer has all of it (RFC 6177); else the address itself.

    A socket for both kinds writes IPv4 as IPv6, all of it in one /64: those are many customers.
    """
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, IPv4Address):
        return address
    return str(known.ipv4_mapped or ip_network((known, 64), strict=False))


db = SQLAlchemy(model_class=Base)
cache = Cache()
csrf = CSRFProtect()
login = LoginManager()
counters = Counters()
queue = Queue()
assets = Assets()
# Throttles sign-in. What a tier allows is counted by app.counters, on the clock.
limiter = Limiter(
    key_func=throttled_address, strategy="fixed-window", in_memory_fallback_enabled=True
)

if TYPE_CHECKING:

    class Model(Base):
        __abstract__ = True
else:
    Model = db.Model
