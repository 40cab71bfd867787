"""What kind of content a file holds, told by its name (RFC 9110 8.3).

The table is our own: what Python's `mimetypes` answers depends on the version and on files of the machine it runs on,
and a site must not change its types when it moves. It holds what is on the web; the rest is bytes to be saved.

Text is declared as UTF-8, in which it is written nearly everywhere. Responses say ``nosniff``, so that no browser takes
a file for a page that isn't one by its name; so a plain text must be known to be one, or it would be saved and not shown.
"""

from __future__ import annotations

from typing import Final

__all__ = ["BYTES", "compressible", "media_type"]

BYTES: Final = "application/octet-stream"
TEXT: Final = "text/plain; charset=utf-8"

ENDINGS: Final[dict[str, str]] = {
    # pages and what they are made of
    "html": "text/html; charset=utf-8",
    "htm": "text/html; charset=utf-8",
    "xhtml": "application/xhtml+xml",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",  # RFC 9239
    "mjs": "text/javascript; charset=utf-8",
    "json": "application/json",  # always UTF-8: RFC 8259 8.1
    "map": "application/json",
    "jsonld": "application/ld+json",
    "webmanifest": "application/manifest+json",
    "geojson": "application/geo+json",
    "wasm": "application/wasm",
    "xml": "application/xml",
    "xsl": "application/xslt+xml",
    "atom": "application/atom+xml",
    "rss": "application/rss+xml",
    "vtt": "text/vtt; charset=utf-8",
    # texts
    "txt": TEXT,
    "text": TEXT,
    "log": TEXT,
    "md": "text/markdown; charset=utf-8",
    "rst": TEXT,
    "csv": "text/csv; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "ics": "text/calendar; charset=utf-8",
    "vcf": "text/vcard; charset=utf-8",
    "eml": "message/rfc822",
    "ini": TEXT,
    "cfg": TEXT,
    "conf": TEXT,
    "toml": "application/toml",
    "yaml": "application/yaml",  # RFC 9512
    "yml": "application/yaml",
    "zone": "text/dns; charset=utf-8",  # RFC 4027
    "py": TEXT,
    "c": TEXT,
    "h": TEXT,
    "cpp": TEXT,
    "rs": TEXT,
    "go": TEXT,
    "java": TEXT,
    "rb": TEXT,
    "pl": TEXT,
    "sh": TEXT,
    "ts": TEXT,
    "sql": TEXT,
    "diff": TEXT,
    "patch": TEXT,
    "tex": TEXT,
    # pictures
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "apng": "image/apng",
    "jxl": "image/jxl",
    "heic": "image/heic",
    "bmp": "image/bmp",
    "ico": "image/vnd.microsoft.icon",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    # sound and film
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "webm": "video/webm",
    "ogv": "video/ogg",
    "mov": "video/quicktime",
    "mkv": "video/matroska",
    "avi": "video/x-msvideo",
    "m3u8": "application/vnd.apple.mpegurl",
    "mpd": "application/dash+xml",
    # letters
    "woff": "font/woff",
    "woff2": "font/woff2",
    "ttf": "font/ttf",
    "otf": "font/otf",
    "ttc": "font/collection",
    # documents
    "pdf": "application/pdf",
    "ps": "application/postscript",
    "rtf": "application/rtf",
    "epub": "application/epub+zip",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    # archives: a file to be kept as it is, so its compression is its type and no content coding
    "zip": "application/zip",
    "gz": "application/gzip",
    "tgz": "application/gzip",
    "zst": "application/zstd",
    "bz2": "application/x-bzip2",
    "xz": "application/x-xz",
    "7z": "application/x-7z-compressed",
    "tar": "application/x-tar",
    "jar": "application/java-archive",
    "pcap": "application/vnd.tcpdump.pcap",
}

# Files that go by a name without an ending.
NAMES: Final = frozenset(
    {
        "authors",
        "changelog",
        "changes",
        "contributing",
        "copying",
        "dockerfile",
        "install",
        "license",
        "licence",
        "makefile",
        "news",
        "notice",
        "readme",
        "todo",
    }
)

# Beyond text/*, +xml and +json: types that shrink by half or more. The others here are compressed already.
SHRINKING: Final = frozenset(
    {
        "application/json",
        "application/postscript",
        "application/rtf",
        "application/toml",
        "application/vnd.apple.mpegurl",
        "application/wasm",
        "application/x-tar",
        "application/xml",
        "application/yaml",
        "font/collection",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/vnd.microsoft.icon",
        "message/rfc822",
    }
)


def media_type(name: str) -> str:
    """The value of Content-Type for a file of that name; of no known ending, ``application/octet-stream``."""
    stem, _, ending = name.lower().rpartition(".")
    if stem:
        return ENDINGS.get(ending, BYTES)
    return TEXT if ending in NAMES else BYTES


def compressible(media_type: str) -> bool:
    """Whether content of that type (parameters may follow) gets much smaller by a content coding."""
    essence = media_type.partition(";")[0].strip().lower()
    return essence.startswith("text/") or essence.endswith(("+xml", "+json")) or essence in SHRINKING
