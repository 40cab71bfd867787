"""Where an answer sends a client on to, and what may go along (RFC 9110 15.4). Pure: nothing is sent here."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from wirespeak.errors import AddressError, RemoteProtocolError
from wirespeak.http.fields import Fields
from wirespeak.http.urls import Url

__all__ = ["MOST_REDIRECTS", "REDIRECTS", "followed_by", "location_of", "next_fields", "next_method"]

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""The statuses that are followed. 300 asks a person to choose; 304 is no redirect; 305 and 306 are history (15.4.6, 15.4.7)."""

MOST_REDIRECTS: Final = 20
"""As many as browsers follow: a longer chain is a circle (RFC 9110 15.4)."""

SECRETS: Final = ("authorization", "cookie", "proxy-authorization")
"""What is meant for one origin alone."""

OF_ONE_RESOURCE: Final = ("host", "referer", "origin")
"""What speaks of the resource that was asked for, and is wrong about another. Conditions are the caller's own, and stay."""

OF_CONTENT: Final = (
    *("content-encoding", "content-language", "content-location", "content-type", "content-length", "content-range", "digest"),
    *("content-digest", "repr-digest", "last-modified", "expect", "trailer"),
)
"""What speaks of a body that is no longer sent."""


def location_of(fields: Fields) -> str:
    """The Location among ``fields``, which have one. Raises `RemoteProtocolError` for two that differ: programs would go different ways."""
    location, *others = set(fields.get_all("location"))
    if others:
        raise RemoteProtocolError("a redirect with two Locations", clause="RFC 9110 10.2.2")
    return location


def followed_by(url: Url, location: str) -> Url:
    """The URL that a redirect from ``url`` with this Location leads to (RFC 9110 10.2.2).

    Raises `RemoteProtocolError` where that is no URL of HTTP, or one with user information, by which a server would
    choose who we say we are (RFC 9110 4.2.4).
    """
    try:
        # A Location is read as the UTF-8 that servers mean by bytes beyond ASCII (fields are read as one byte a character).
        following = url.join(location.encode("latin-1").decode("utf-8", "replace"))
    except AddressError as error:
        raise RemoteProtocolError(f"a redirect that can't be followed: {error}", clause="RFC 9110 10.2.2") from None
    if following.user is not None:
        raise RemoteProtocolError("a redirect to a URL with a user name in it", clause="RFC 9110 4.2.4")
    return following if following.fragment is not None else replace(following, fragment=url.fragment)


def next_method(status: int, method: str) -> str:
    """The method to go on with: 303 asks for another resource (15.4.4); 301 and 302 make GET of POST, by old custom (15.4.2, 15.4.3)."""
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        return "GET"
    return method


def next_fields(fields: Fields, url: Url, following: Url, *, keeps_body: bool) -> Fields:
    """The caller's fields that may go along.

    To another origin, be it only another port, or http where it was https, goes nothing that identifies the user.
    """
    dropped = () if url.origin == following.origin else SECRETS
    return fields.without(*OF_ONE_RESOURCE, *dropped, *(() if keeps_body else OF_CONTENT))
