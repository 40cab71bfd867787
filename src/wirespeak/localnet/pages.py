"""The pages' templates and what belongs to them, made ready to be sent.

Templates escape what is put into them (jinja2's autoescape), and the policy that goes with each page lets nothing run
or load that isn't in ``assets/``: neither from elsewhere nor from what a visitor may have smuggled in. Every page works
without script; the modules only make it livelier. Reads the files beside it, once.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from wirespeak import __version__, explanation
from wirespeak.http.conditional import ETag, precondition
from wirespeak.http.fields import Fields
from wirespeak.http.media import media_type
from wirespeak.http.messages import Request, Response
from wirespeak.localnet.mirror import Said

__all__ = ["ASSETS", "POLICY", "render"]

HERE: Final = Path(__file__).parent

POLICY: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What goes with every page: nothing from elsewhere, nothing to elsewhere, in nobody's frame."""


def _explained(said: Said) -> Markup:
    return Markup(explanation.as_html(said.head, said.parts))


_pages = Environment(
    loader=FileSystemLoader(HERE / "pages"), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
)
_pages.filters["explained"] = _explained
_pages.filters["hex"] = bytes.hex
_pages.filters["quoted"] = shlex.quote
_pages.globals["version"] = __version__


def render(page: str, status: int = 200, fields: Mapping[str, str] | None = None, **values: Any) -> Response:
    """The page ``page`` as an answer, with further ``fields``. Each is made for one visitor and one moment, so none is kept."""
    html = _pages.get_template(page).render(status=status, **values)
    return Response.text(html, status, "text/html; charset=utf-8", {**POLICY, "Cache-Control": "no-store", **(fields or {})})


@dataclass(slots=True, frozen=True)
class Asset:
    """A file that pages refer to: a handler that gives it out, or says that it is unchanged."""

    tag: ETag
    whole: Response
    unchanged: Response

    @classmethod
    def of(cls, name: str, content: bytes) -> Asset:
        tag = ETag(hashlib.sha256(content).hexdigest()[:16])
        # Asked for anew each time, which costs next to nothing on one's own machine: after an upgrade nobody sees old with new.
        fields = Fields({"ETag": str(tag), "Cache-Control": "no-cache", **POLICY})
        return cls(tag, Response(200, fields.with_("Content-Type", media_type(name)), content), Response(304, fields))

    def __call__(self, request: Request) -> Response:
        return self.unchanged if precondition("GET", request.fields, self.tag, None, 0.0) == 304 else self.whole


def _assets() -> dict[str, Asset]:
    files = {path.name: path.read_bytes() for path in (HERE / "assets").iterdir() if path.is_file()}
    files["explained.css"] = explanation.STYLE.encode()
    return {f"/assets/{name}": Asset.of(name, content) for name, content in files.items()}


ASSETS: Final = _assets()
"""By path."""
