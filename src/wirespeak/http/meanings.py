"""What methods, status codes and fields mean: tables of one line each, in words of our own, with the clause behind it.

For the explanation only: the parser and the sessions read none of it. The registries know far more fields; here stand
those that browsers, common clients, servers and proxies send. `reading` says what a field's value comes to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from wirespeak.http.grammar import CONTENT_LENGTH, HOST, list_members

__all__ = ["FIELDS", "METHODS", "STATUSES", "field_meaning", "method_meaning", "reading", "status_meaning"]

# fmt: off

METHODS: Final[dict[str, tuple[str, str]]] = {
    "GET":      ("fetch what the target names; changes nothing", "RFC 9110 9.3.1"),
    "HEAD":     ("like GET, but answer with the head alone", "RFC 9110 9.3.2"),
    "POST":     ("let the target work on the body sent along", "RFC 9110 9.3.3"),
    "PUT":      ("make the body what the target names from now on", "RFC 9110 9.3.4"),
    "DELETE":   ("remove what the target names", "RFC 9110 9.3.5"),
    "CONNECT":  ("open a tunnel to host and port, and pass bytes both ways", "RFC 9110 9.3.6"),
    "OPTIONS":  ("tell what may be done with the target", "RFC 9110 9.3.7"),
    "TRACE":    ("send this request back as it arrived", "RFC 9110 9.3.8"),
    "PATCH":    ("change what the target names in the way the body says", "RFC 5789 2"),
    "PROPFIND": ("tell the properties of a WebDAV resource", "RFC 4918 9.1"),
    "MKCOL":    ("make a WebDAV collection", "RFC 4918 9.3"),
    "COPY":     ("copy a WebDAV resource", "RFC 4918 9.8"),
    "MOVE":     ("move a WebDAV resource", "RFC 4918 9.9"),
}

CLASSES: Final[dict[int, tuple[str, str]]] = {
    1: ("interim: the final answer is still to come", "RFC 9110 15.2"),
    2: ("success", "RFC 9110 15.3"),
    3: ("redirection: the client has more to do", "RFC 9110 15.4"),
    4: ("the client's fault", "RFC 9110 15.5"),
    5: ("the server's fault", "RFC 9110 15.6"),
}

STATUSES: Final[dict[int, tuple[str, str]]] = {
    100: ("go on, the body is welcome", "RFC 9110 15.2.1"),
    101: ("agreed: behind this head another protocol is spoken", "RFC 9110 15.2.2"),
    102: ("still working on it", "RFC 2518 10.1"),
    103: ("fields that the final answer will likely have; fetch what they link to", "RFC 8297 2"),
    200: ("here is what was asked for", "RFC 9110 15.3.1"),
    201: ("something new was made; Location says where", "RFC 9110 15.3.2"),
    202: ("accepted, but not yet done", "RFC 9110 15.3.3"),
    203: ("here it is, changed by a proxy on the way", "RFC 9110 15.3.4"),
    204: ("done; there is nothing to show", "RFC 9110 15.3.5"),
    205: ("done; clear the form", "RFC 9110 15.3.6"),
    206: ("here is the part that was asked for", "RFC 9110 15.3.7"),
    207: ("the body tells the status of several resources", "RFC 4918 11.1"),
    208: ("told already in this body", "RFC 5842 7.1"),
    226: ("here are the differences to what you have", "RFC 3229 10.4.1"),
    300: ("there are several; choose one", "RFC 9110 15.4.1"),
    301: ("moved for good to Location", "RFC 9110 15.4.2"),
    302: ("for now it is at Location", "RFC 9110 15.4.3"),
    303: ("see Location, by GET, for the outcome", "RFC 9110 15.4.4"),
    304: ("what you hold is still current; use it", "RFC 9110 15.4.5"),
    305: ("use a proxy (deprecated)", "RFC 9110 15.4.6"),
    307: ("for now it is at Location; ask there with the same method", "RFC 9110 15.4.8"),
    308: ("moved for good to Location; ask there with the same method", "RFC 9110 15.4.9"),
    400: ("the request can't be understood", "RFC 9110 15.5.1"),
    401: ("say who you are; WWW-Authenticate tells how", "RFC 9110 15.5.2"),
    402: ("payment required (reserved)", "RFC 9110 15.5.3"),
    403: ("understood, but refused", "RFC 9110 15.5.4"),
    404: ("nothing here bears that name", "RFC 9110 15.5.5"),
    405: ("not with this method; Allow tells with which", "RFC 9110 15.5.6"),
    406: ("not to be had in any form that the Accept fields take", "RFC 9110 15.5.7"),
    407: ("the proxy wants to know who you are", "RFC 9110 15.5.8"),
    408: ("the request took too long to arrive", "RFC 9110 15.5.9"),
    409: ("in conflict with the present state", "RFC 9110 15.5.10"),
    410: ("it was here, and is gone for good", "RFC 9110 15.5.11"),
    411: ("Content-Length is wanted", "RFC 9110 15.5.12"),
    412: ("an If- field of the request does not hold", "RFC 9110 15.5.13"),
    413: ("the body is larger than is taken here", "RFC 9110 15.5.14"),
    414: ("the target is longer than is taken here", "RFC 9110 15.5.15"),
    415: ("a body of that media type or coding is not taken", "RFC 9110 15.5.16"),
    416: ("no such range in it", "RFC 9110 15.5.17"),
    417: ("what Expect asked for can't be done", "RFC 9110 15.5.18"),
    418: ("a teapot (unused; an old joke keeps the number)", "RFC 9110 15.5.19"),
    421: ("this server does not speak for that host", "RFC 9110 15.5.20"),
    422: ("understood, but the body makes no sense here", "RFC 9110 15.5.21"),
    423: ("locked", "RFC 4918 11.3"),
    424: ("what this depended on failed", "RFC 4918 11.4"),
    425: ("too risky to do from data that may be replayed", "RFC 8470 5.2"),
    426: ("ask again over the protocol that Upgrade names", "RFC 9110 15.5.22"),
    428: ("ask again with an If- field", "RFC 6585 3"),
    429: ("too many requests in too short a time", "RFC 6585 4"),
    431: ("the fields are larger than is taken here", "RFC 6585 5"),
    451: ("withheld for legal reasons", "RFC 7725 3"),
    500: ("the server failed, and can't say more", "RFC 9110 15.6.1"),
    501: ("the server does not know how to do that", "RFC 9110 15.6.2"),
    502: ("a server further on gave no valid answer", "RFC 9110 15.6.3"),
    503: ("overloaded or down for now; Retry-After may say how long", "RFC 9110 15.6.4"),
    504: ("a server further on did not answer in time", "RFC 9110 15.6.5"),
    505: ("that version of HTTP is not spoken here", "RFC 9110 15.6.6"),
    506: ("content negotiation goes in a circle", "RFC 2295 8.1"),
    507: ("no room left to store it", "RFC 4918 11.5"),
    508: ("it contains itself", "RFC 5842 7.2"),
    511: ("log in to this network first", "RFC 6585 6"),
}

FIELDS: Final[dict[str, tuple[str, str]]] = {
    # which server, which client
    "host":                ("the host, and port, that is asked", "RFC 9110 7.2"),
    "user-agent":          ("the program that asks", "RFC 9110 10.1.5"),
    "server":              ("the program that answers", "RFC 9110 10.2.4"),
    "from":                ("the mail address of the person behind a robot", "RFC 9110 10.1.2"),
    "referer":             ("the page that led here (misspelt since 1996)", "RFC 9110 10.1.3"),
    "origin":              ("the site whose script or form asks", "RFC 6454 7"),
    "date":                ("when this message was made", "RFC 9110 6.6.1"),
    # the body and its framing
    "content-length":      ("how many bytes the body has", "RFC 9110 8.6"),
    "transfer-encoding":   ("how the body is wrapped for this connection", "RFC 9112 6.1"),
    "trailer":             ("the fields that will follow behind the body", "RFC 9110 6.6.2"),
    "te":                  ("transfer codings taken; `trailers` if trailer fields are", "RFC 9110 10.1.4"),
    "content-type":        ("what kind of data the body is", "RFC 9110 8.3"),
    "content-encoding":    ("how the content was compressed", "RFC 9110 8.4"),
    "content-language":    ("the language of who it is meant for", "RFC 9110 8.5"),
    "content-location":    ("the body's own address", "RFC 9110 8.7"),
    "content-range":       ("which part of the whole the body is", "RFC 9110 14.4"),
    "content-disposition": ("show it, or save it under this name", "RFC 6266 4"),
    "content-digest":      ("a hash over the content as it is sent", "RFC 9530 2"),
    "repr-digest":         ("a hash over the whole that is represented", "RFC 9530 3"),
    "expect":              ("answer before the body is sent", "RFC 9110 10.1.1"),
    # the connection
    "connection":          ("what holds for this connection only", "RFC 9110 7.6.1"),
    "keep-alive":          ("how long an idle connection is kept", "RFC 2068 19.7.1.1"),
    "upgrade":             ("protocols to change to", "RFC 9110 7.8"),
    "proxy-connection":    ("a mistake of old clients; has no effect", "RFC 9112 C.2.2"),
    "http2-settings":      ("settings for a change to HTTP/2 (obsolete)", "RFC 7540 3.2.1"),
    "alt-svc":             ("other places and protocols where the same is served", "RFC 7838 3"),
    "alt-used":            ("which of those places is used", "RFC 7838 5"),
    "early-data":          ("sent before the TLS handshake was done", "RFC 8470 5.1"),
    "priority":            ("how urgent this answer is among others", "RFC 9218 5"),
    # what is wanted
    "accept":              ("the media types taken", "RFC 9110 12.5.1"),
    "accept-charset":      ("the character sets taken (deprecated)", "RFC 9110 12.5.2"),
    "accept-encoding":     ("the compressions understood", "RFC 9110 12.5.3"),
    "accept-language":     ("the languages wanted", "RFC 9110 12.5.4"),
    "vary":                ("request fields that this answer depends on", "RFC 9110 12.5.5"),
    "accept-ranges":       ("whether parts can be asked for", "RFC 9110 14.3"),
    "accept-patch":        ("the media types that PATCH takes", "RFC 5789 3.1"),
    "accept-post":         ("the media types that POST takes", "W3C LDP 7.1"),
    "range":               ("only this part is wanted", "RFC 9110 14.2"),
    "prefer":              ("wishes that the server may ignore", "RFC 7240 2"),
    "preference-applied":  ("the wishes that were met", "RFC 7240 3"),
    "max-forwards":        ("how many proxies TRACE or OPTIONS may still pass", "RFC 9110 7.6.2"),
    "save-data":           ("less data is welcome", "W3C Save Data"),
    # on condition
    "if-match":            ("only if it is still this version", "RFC 9110 13.1.1"),
    "if-none-match":       ("only if it is none of these versions", "RFC 9110 13.1.2"),
    "if-modified-since":   ("only if it changed since", "RFC 9110 13.1.3"),
    "if-unmodified-since": ("only if it has not changed since", "RFC 9110 13.1.4"),
    "if-range":            ("the part if unchanged, else the whole", "RFC 9110 13.1.5"),
    "etag":                ("the name of this very version", "RFC 9110 8.8.3"),
    "last-modified":       ("when it was last changed", "RFC 9110 8.8.2"),
    # caches
    "cache-control":       ("orders to the caches on the way", "RFC 9111 5.2"),
    "age":                 ("seconds that a cache has kept it", "RFC 9111 5.1"),
    "expires":             ("fresh until then", "RFC 9111 5.3"),
    "pragma":              ("Cache-Control's forerunner", "RFC 9111 5.4"),
    "warning":             ("a cache's warning (obsolete)", "RFC 9111 5.5"),
    "cache-status":        ("what each cache on the way did", "RFC 9211 2"),
    "cdn-cache-control":   ("orders to content delivery networks", "RFC 9213 3"),
    # what to do next
    "location":            ("where to go, or what was made", "RFC 9110 10.2.2"),
    "retry-after":         ("when to try again", "RFC 9110 10.2.3"),
    "allow":               ("the methods that the target takes", "RFC 9110 10.2.1"),
    "link":                ("what this is related to, and how", "RFC 8288 3"),
    "refresh":             ("load again, or another page, after a while", "HTML"),
    "deprecation":         ("from when on this is no longer advised", "RFC 9745 2"),
    "sunset":              ("when this will be gone", "RFC 8594 3"),
    # who one is
    "authorization":       ("credentials", "RFC 9110 11.6.2"),
    "www-authenticate":    ("how to say who you are", "RFC 9110 11.6.1"),
    "authentication-info": ("said once credentials were accepted", "RFC 9110 11.6.3"),
    "proxy-authorization": ("credentials for the proxy", "RFC 9110 11.7.2"),
    "proxy-authenticate":  ("how to say who you are to the proxy", "RFC 9110 11.7.1"),
    "cookie":              ("what this server had the browser remember", "RFC 6265 4.2"),
    "set-cookie":          ("remember this, and say it each time", "RFC 6265 4.1"),
    "signature":           ("signatures over parts of this message", "RFC 9421 4.2"),
    "signature-input":     ("which parts are signed, and how", "RFC 9421 4.1"),
    # on the way
    "via":                 ("the proxies passed", "RFC 9110 7.6.3"),
    "forwarded":           ("what a proxy knows of the client", "RFC 7239 4"),
    "x-forwarded-for":     ("the client's address, says a proxy", "by custom; see RFC 7239"),
    "x-forwarded-proto":   ("the client's scheme, says a proxy", "by custom; see RFC 7239"),
    "x-forwarded-host":    ("the host the client asked, says a proxy", "by custom; see RFC 7239"),
    "x-real-ip":           ("the client's address, says a proxy", "by custom; see RFC 7239"),
    "x-request-id":        ("a number to find this request again in logs", "by custom"),
    "traceparent":         ("this request's place in a distributed trace", "W3C Trace Context 3.2"),
    "proxy-status":        ("what proxies say of this answer", "RFC 9209 2"),
    # the browser's guard
    "strict-transport-security":    ("come by https only from now on", "RFC 6797 6.1"),
    "content-security-policy":      ("what this page may load and run", "CSP 3.1"),
    "x-content-type-options":       ("take the media type as it is told", "Fetch"),
    "x-frame-options":              ("which pages may frame this one", "RFC 7034 2"),
    "x-xss-protection":             ("switched a filter that browsers dropped", "by custom"),
    "referrer-policy":              ("how much Referer may tell", "W3C Referrer Policy"),
    "permissions-policy":           ("which powers of the browser this page has", "W3C Permissions Policy"),
    "cross-origin-opener-policy":   ("keep windows of other sites apart", "HTML"),
    "cross-origin-embedder-policy": ("load only what agrees to be loaded", "HTML"),
    "cross-origin-resource-policy": ("which sites may load this", "Fetch"),
    "access-control-allow-origin":      ("the sites whose scripts may read this", "Fetch"),
    "access-control-allow-credentials": ("even with cookies", "Fetch"),
    "access-control-allow-methods":     ("the methods such scripts may use", "Fetch"),
    "access-control-allow-headers":     ("the fields such scripts may set", "Fetch"),
    "access-control-expose-headers":    ("the fields such scripts may read", "Fetch"),
    "access-control-max-age":           ("seconds for which this permission holds", "Fetch"),
    "access-control-request-method":    ("may a script of another site use this method?", "Fetch"),
    "access-control-request-headers":   ("may it set these fields?", "Fetch"),
    "sec-fetch-site":            ("how the asking site is related to this one", "W3C Fetch Metadata 2.3"),
    "sec-fetch-mode":            ("how the browser came to ask", "W3C Fetch Metadata 2.2"),
    "sec-fetch-dest":            ("what the browser will use it as", "W3C Fetch Metadata 2.1"),
    "sec-fetch-user":            ("a person clicked or typed", "W3C Fetch Metadata 2.4"),
    "upgrade-insecure-requests": ("https is preferred", "W3C Upgrade Insecure Requests"),
    "dnt":                       ("do not track (given up)", "W3C Tracking Preference"),
    "sec-gpc":                   ("do not sell or share my data", "Global Privacy Control"),
    "accept-ch":                 ("client hints the server would like", "RFC 8942 3.1"),
    "sec-ch-ua":                 ("the browser's brands, one of them made up on purpose", "UA Client Hints"),
    "sec-ch-ua-mobile":          ("?1 on a phone, ?0 elsewhere", "UA Client Hints"),
    "sec-ch-ua-platform":        ("the operating system", "UA Client Hints"),
    "x-requested-with":          ("a script asked", "by custom"),
    "server-timing":             ("how long the server's steps took", "W3C Server Timing"),
    # a change to WebSocket
    "sec-websocket-key":        ("a random number to be answered", "RFC 6455 11.3.1"),
    "sec-websocket-extensions": ("extensions of WebSocket", "RFC 6455 11.3.2"),
    "sec-websocket-accept":     ("proof that the key was read", "RFC 6455 11.3.3"),
    "sec-websocket-protocol":   ("what is spoken inside the WebSocket", "RFC 6455 11.3.4"),
    "sec-websocket-version":    ("the version of WebSocket", "RFC 6455 11.3.5"),
    # WebDAV
    "dav":         ("the classes of WebDAV supported", "RFC 4918 10.1"),
    "depth":       ("how far down to go", "RFC 4918 10.2"),
    "destination": ("where to copy or move it", "RFC 4918 10.3"),
    "if":          ("only in this state, with these locks", "RFC 4918 10.4"),
    "lock-token":  ("which lock is meant", "RFC 4918 10.5"),
    "overwrite":   ("T to replace what is there", "RFC 4918 10.6"),
}

# fmt: on


def method_meaning(method: str) -> tuple[str, str]:
    """What ``method`` asks for, and the clause."""
    return METHODS.get(method, ("a method that only some servers know", "RFC 9110 9.1"))


def status_meaning(status: int) -> tuple[str, str]:
    """What ``status`` says, with its class, and the clause. An unknown code counts as x00 of its class (RFC 9110 15)."""
    kind, clause = CLASSES.get(status // 100, ("of no class that HTTP knows", "RFC 9110 15"))
    meaning, clause = STATUSES.get(status, ("an unknown code, taken as the first of its class", clause))
    return f"{kind}; {meaning}", clause


def field_meaning(name: str) -> tuple[str, str]:
    """What the field ``name`` (in any case) is for, and the clause."""
    return FIELDS.get(name.lower(), ("no common field; who does not know it ignores it", "RFC 9110 5.1"))


# --- what values come to


def reading(name: str, value: str) -> str:
    """What ``value`` of the field ``name`` comes to in words; "" where it says all there is to say by itself."""
    read = _READINGS.get(name.lower())
    return read(value) if read else ""


def _span(seconds: str) -> str:
    """A number of seconds in the unit that people would use."""
    if not CONTENT_LENGTH.fullmatch(seconds):
        return "not a number of seconds"
    count = int(seconds)
    for size, unit in ((31_536_000, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute")):
        if count >= size and count % size == 0:
            return f"{count // size:,} {unit}{'s' if count > size else ''}"
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if count >= 2 * size:
            return f"about {count / size:,.0f} {unit}"
    return f"{count:,} second{'' if count == 1 else 's'}"


# RFC 9110 5.6.7   IMF-fixdate = day-name "," SP date1 SP time-of-day SP GMT
_DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-3][0-9]) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-2][0-9]:[0-5][0-9]:[0-6][0-9]) GMT")
_DAYS = {"Mon": "Monday", "Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday"}


def _date(value: str) -> str:
    match = _DATE.fullmatch(value)
    if not match:
        return "not in the format for dates (RFC 9110 5.6.7), so mostly ignored"
    return f"{_DAYS[match[1]]}, {int(match[2])} {match[3]} {match[4]}, at {match[5]} in Greenwich"


def _date_or_span(value: str) -> str:
    return f"in {_span(value)}" if value.isdecimal() else _date(value)


def _host(value: str) -> str:
    match = HOST.fullmatch(value)
    if not match:
        return "not one host with or without a port"
    return f"host {match[1]}, " + (f"port {match[2]}" if match[2] else "the scheme's own port (80; 443 for https)")


# RFC 9110 12.4.2  weight = OWS ";" OWS "q=" qvalue
_WEIGHTED = re.compile(r"([^;]*+(?:;(?![ \t]*q=)[^;]*+)*+)(?:;[ \t]*q=([01](?:\.[0-9]{0,3})?))?+")


def _wishes(value: str) -> str:
    """A list whose members may have a weight, from 0 to 1: in the order in which they are wanted."""
    ranked: dict[float, list[str]] = {}
    for member in list_members(value):
        match = _WEIGHTED.fullmatch(member)
        if not match:
            return ""
        ranked.setdefault(float(match[2] or 1), []).append(match[1].strip(" \t"))
    if len(ranked) < 2:
        return ""
    wanted = [", ".join(ranked[weight]) for weight in sorted(ranked, reverse=True) if weight]
    return f"first {'; then '.join(wanted)}" + (f"; not {', '.join(ranked[0])}" if 0 in ranked else "")


def _media_type(value: str) -> str:
    kind, *parameters = [part.strip(" \t") for part in value.split(";")]
    named = dict(part.lower().split("=", 1) for part in parameters if "=" in part)
    said = [_KINDS.get(kind.lower(), "")]
    if "charset" in named:
        said.append("its characters encoded as " + named["charset"].strip('"'))
    if "boundary" in named:
        said.append("its parts set apart by the boundary")
    return ", ".join(filter(None, said))


_KINDS: Final = {
    "text/html": "a web page", "text/plain": "plain text", "text/css": "a style sheet", "text/javascript": "a script",
    "application/json": "data in JSON", "application/x-www-form-urlencoded": "a form, encoded like a query",
    "multipart/form-data": "a form, part by part", "multipart/byteranges": "several ranges",
    "multipart/x-mixed-replace": "parts that each replace the one before", "application/octet-stream": "bytes of no told kind",
    "text/event-stream": "events as they happen", "application/xml": "data in XML",
}  # fmt: skip


def _encodings(value: str) -> str:
    return ", then ".join(_CODINGS.get(name, name) for name in list_members(value))


_CODINGS: Final = {
    "gzip": "gzip (RFC 1952)", "br": "Brotli (RFC 7932)", "zstd": "Zstandard (RFC 8878)", "deflate": "zlib (RFC 1950)",
}  # fmt: skip


def _etag(value: str) -> str:
    if value == "*":
        return "any version at all"
    return "weak: another version may mean the same" if value.startswith("W/") else "strong: the same to the byte"


def _members(words: dict[str, str]) -> Callable[[str], str]:
    """A reading that puts together what each known member of a list comes to, its argument in place of ``{}``."""

    def read(value: str) -> str:
        said = []
        for member in list_members(value.replace(";", ",")):
            name, _, argument = member.partition("=")
            if name in words:
                said.append(words[name].replace("{}", argument.strip('"')).replace("{span}", _span(argument.strip('"'))))
        return "; ".join(said)

    return read


_cache = _members({
    "no-store": "no cache may keep it", "no-cache": "a kept one must be checked before use", "max-age": "fresh for {span}",
    "private": "for the user's own cache only", "public": "any cache may keep it", "must-revalidate": "never use it once stale",
    "s-maxage": "fresh for {span} in shared caches", "immutable": "it will never change", "no-transform": "proxies must not change it",
    "only-if-cached": "from a cache or not at all", "stale-while-revalidate": "usable for {span} more while checking",
    "stale-if-error": "usable for {span} more if the server fails", "max-stale": "stale is fine", "min-fresh": "fresh for another {span}",
})  # fmt: skip

_connection = _members({
    "close": "the connection ends after this exchange", "keep-alive": "the connection stays open for more",
    "upgrade": "the Upgrade field is meant for the next hop", "te": "the TE field is meant for the next hop",
    "http2-settings": "so is HTTP2-Settings",
})  # fmt: skip

_cookie_attributes = _members({
    "expires": "until then", "max-age": "for {span}", "domain": "for {} and hosts below it", "path": "for paths below {}",
    "secure": "over https only", "httponly": "out of scripts' reach", "samesite": "to other sites' requests: {}",
    "partitioned": "apart for each top-level site",
})  # fmt: skip


def _set_cookie(value: str) -> str:
    pair, _, attributes = value.partition(";")
    attributes = re.sub(r"(?i)(expires)=[^;]*+", r"\1", attributes)  # the date has a comma in it
    return f"{pair.partition('=')[0].strip()}: {_cookie_attributes(attributes) or 'until the browser closes'}"


def _cookies(value: str) -> str:
    names = [pair.partition("=")[0].strip() for pair in value.split(";") if pair.strip()]
    return f"{len(names)} of them: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if len(names) > 1 else ""


def _range(value: str) -> str:
    unit, _, ranges = value.partition("=")
    if unit != "bytes":
        return ""
    said = []
    for one in ranges.split(",")[:8]:
        first, _, last = one.strip(" \t").partition("-")
        said.append(f"from {first} to {last}" if first and last else f"from {first} to the end" if first else f"the last {last}")
    return f"bytes, counted from 0: {', '.join(said)}"


def _content_range(value: str) -> str:
    match = re.fullmatch(r"bytes (?:([0-9]+)-([0-9]+)|\*)/([0-9]+|\*)", value)
    if not match:
        return ""
    whole = "a length not known" if match[3] == "*" else f"{match[3]} in all"
    return f"bytes {match[1]} to {match[2]} of {whole}" if match[1] else f"outside of {whole}"


def _scheme(value: str) -> str:
    scheme = value.partition(" ")[0].lower()
    return {
        "basic": "user name and password in base64: anyone on the way can read them but for TLS",
        "bearer": "a token: whoever holds it is let in",
        "digest": "proof of knowing the password, without telling it",
    }.get(scheme, "")


def _words(words: dict[str, str]) -> Callable[[str], str]:
    """A reading of values that are one word."""
    return lambda value: words.get(value.lower(), "")


def _length(value: str) -> str:
    return f"{int(value):,} byte{'' if value == '1' else 's'}" if CONTENT_LENGTH.fullmatch(value) else "not a length"


def _user_agent(value: str) -> str:
    return "all browsers say Mozilla/5.0, for old servers' sake; the last names tell more" if value.startswith("Mozilla/5.0 (") else ""


_READINGS: Final[dict[str, Callable[[str], str]]] = {
    "host": _host,
    "user-agent": _user_agent,
    **dict.fromkeys(("date", "expires", "last-modified", "if-modified-since", "if-unmodified-since"), _date),
    **dict.fromkeys(("age", "access-control-max-age"), _span),
    **dict.fromkeys(("accept", "accept-encoding", "accept-language"), _wishes),
    **dict.fromkeys(("etag", "if-match", "if-none-match"), _etag),
    **dict.fromkeys(("authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate"), _scheme),
    "retry-after": _date_or_span,
    "content-length": _length,
    "content-type": _media_type,
    "content-encoding": _encodings,
    "content-range": _content_range,
    "transfer-encoding": _words({"chunked": "in pieces, each behind its size: the length of the whole need not be known"}),
    "range": _range,
    "accept-ranges": _words({"bytes": "yes, by byte", "none": "no"}),
    "cache-control": _cache,
    "connection": _connection,
    "keep-alive": _members({"timeout": "idle for {span}", "max": "{} requests more"}),
    "cookie": _cookies,
    "set-cookie": _set_cookie,
    "expect": _words({"100-continue": "say 100 (Continue) if the body is welcome"}),
    "priority": _members({"u": "urgency {} (0 first, 7 last)", "i": "useful piece by piece"}),
    "strict-transport-security": _members({
        "max-age": "for {span}", "includesubdomains": "hosts below it too", "preload": "browsers may know it by heart",
    }),
    "x-content-type-options": _words({"nosniff": "no guessing"}),
    "upgrade-insecure-requests": _words({"1": "yes"}),
    "sec-fetch-site": _words({
        "none": "no site: typed, or from a bookmark", "same-origin": "the same origin asks", "same-site": "a sister of this host asks",
        "cross-site": "another site asks",
    }),
    "sec-fetch-mode": _words({
        "navigate": "somebody goes to a page", "no-cors": "a page loads a picture, script or style", "cors": "a script fetches",
        "same-origin": "a script fetches, here only", "websocket": "a WebSocket is opened",
    }),
    "sec-fetch-dest": _words({
        "document": "a page of its own", "iframe": "a page within a page", "image": "a picture", "style": "a style sheet",
        "script": "a script", "font": "a font", "empty": "for a script to use",
    }),
    "sec-fetch-user": _words({"?1": "yes"}),
}  # fmt: skip
