"""What an HTTP server gives out of a folder.

    handler.py     `StaticFiles`: which answer a request gets
    beneath.py     opening what lies beneath a folder, and nothing else
    variants.py    a file and its representations, in each content coding
    cache.py       a bounded memory of what is used often
    listing.py     the page that lists a folder, of listing.html and listing.css

The rules of HTTP that it follows stand outside, as pure functions: ``conditional.py``, ``ranges.py``, ``coding.py``,
``media.py``. This folder touches files, for reading alone.
"""

from wirespeak.http.static.handler import StaticFiles

__all__ = ["StaticFiles"]
