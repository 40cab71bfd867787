"""The site of the little internet, as a person with a browser has it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Launch, OpenPage
from tests.localnet.running import COMMAND, Up, up
from tests.processes import Program

pytestmark = pytest.mark.peer("chromium")

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
PAGES = ["", "explain", "authority", "files/"]


@pytest.fixture(scope="module")
def net() -> Iterator[Up]:
    program = Program([*COMMAND, "--ephemeral", "--json"])
    yield Up(program)
    program.end()


def bytes_shown(page: Page, which: str) -> bytes:
    return bytes.fromhex(page.locator(f"#{which}").get_attribute("data-bytes") or "")


def part(page: Page, text: str) -> str:
    """A selector for the part of the request that reads ``text``."""
    return f'#request .part:text-is("{text}")'


# --- what it says is true


def test_home_names_what_runs(net: Up, open_page: OpenPage) -> None:
    page = open_page(net.http)
    expect(page).to_have_title("wirespeak: the internet, on this machine")
    for title in ("The web", "Mail", "A terminal", "Names"):  # what it is, and how to talk to it
        expect(page.get_by_role("heading", name=title, exact=True)).to_have_count(2)
    expect(page.get_by_role("link", name=net.https, exact=True)).to_be_visible()
    expect(page.get_by_text(f"telnet localhost {net.port}", exact=True)).to_be_visible()


@pytest.mark.parametrize("path", ["", "explain?a=1&b=ü"])
def test_the_request_shown_is_the_one_that_was_sent(net: Up, open_page: OpenPage, path: str) -> None:
    page = open_page("about:blank", extra_http_headers={"X-Mine": "a  b"})
    answer = page.goto(net.http + path)
    assert answer is not None
    first, *lines = bytes_shown(page, "request").decode("latin-1").split("\r\n")
    assert lines[-2:] == ["", ""]
    sent = {header["name"].lower(): header["value"] for header in answer.request.headers_array()}  # as the browser tells it
    assert first == f"GET {answer.request.url.removeprefix(net.http.rstrip('/'))} HTTP/1.1"
    assert {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines[:-2]} == sent
    # And what is shown for these bytes is these bytes, made visible.
    shown = "".join(page.locator("#request .part").all_text_contents())
    assert shown.replace("·", " ").replace("\n", "").replace("\\r\\n", "\r\n") == "\r\n".join([first, *lines])


def test_the_answer_shown_is_the_one_that_came(net: Up, open_page: OpenPage) -> None:
    page = open_page("about:blank")
    answer = page.goto(net.http)
    assert answer is not None
    first, *lines = bytes_shown(page, "answer").decode("latin-1").split("\r\n")
    assert first == "HTTP/1.1 200 OK"
    shown = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines[:-2]}
    came = {header["name"].lower(): header["value"] for header in answer.headers_array()}
    assert shown.pop("date")[:16] == came.pop("date")[:16]  # the clock may go on between the telling and the sending
    assert shown == came
    assert int(shown["content-length"]) == len(answer.body())


def test_what_was_done_is_counted_before_ones_eyes(net: Up, open_page: OpenPage) -> None:
    page = open_page(net.http)
    requests = page.locator('[data-service=http] [data-live="requests.total"]')
    before = int(requests.inner_text().replace(",", ""))
    expect(page.locator("#live")).to_contain_text("Counted as you look")
    expect(requests).not_to_have_text(f"{before:,}", timeout=20_000)
    assert int(requests.inner_text().replace(",", "")) > before


def test_it_is_told_when_nothing_answers_any_more(start: Callable[..., Program], launch: Launch) -> None:
    net = up(start)
    page = launch().new_page()
    page.goto(net.http)
    net.program.end()
    expect(page.locator("#live")).to_contain_text("may have been stopped", timeout=20_000)


# --- pointing, typing, tapping


def test_pointing_at_a_part_tells_what_it_is(net: Up, open_page: OpenPage) -> None:
    page = open_page(net.http, viewport=WIDE)
    panel = page.locator(".inspector")
    assert panel.is_hidden()
    page.hover(part(page, f"localhost:{net.port}"))
    expect(panel.locator(".name")).to_have_text("field-value")
    expect(panel.locator(".value")).to_have_text(f"localhost:{net.port}")
    expect(panel.locator(".meaning")).to_have_text(f"host localhost, port {net.port}")
    expect(panel.locator(".clause")).to_have_text("RFC 9110 7.2")
    expect(panel.locator(".clause")).to_have_attribute("href", "https://www.rfc-editor.org/rfc/rfc9110#section-7.2")
    expect(panel.locator(".bytes")).to_have_text(f"localhost:{net.port}".encode().hex(" "))
    at = bytes_shown(page, "request").index(f"localhost:{net.port}".encode())
    expect(panel.locator(".place")).to_have_text(re.compile(rf"^bytes {at}–{at + len(f'localhost:{net.port}') - 1} of \d+$"))
    # What only keeps parts apart has its meaning too.
    page.hover("#request .part.delimiter >> nth=0")
    expect(panel.locator(".name")).to_have_text("SP")
    page.mouse.move(1, 1)
    expect(panel).to_be_hidden()


def test_the_parts_can_be_walked_along_by_keyboard(net: Up, open_page: OpenPage) -> None:
    page = open_page(net.http, viewport=WIDE, reduced_motion="reduce")
    name = page.locator(".inspector .name")
    stops = page.locator("#request .part.said")
    page.locator(".command button").last.focus()
    page.keyboard.press("Tab")
    expect(stops.nth(0)).to_be_focused()
    expect(name).to_have_text("method")
    page.keyboard.press("ArrowRight")
    expect(stops.nth(1)).to_be_focused()
    expect(name).to_have_text("absolute-path")
    page.keyboard.press("End")
    expect(stops.last).to_be_focused()
    expect(name).to_have_text("empty line")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator(".inspector .clause")).to_be_focused()
    page.keyboard.press("Escape")
    expect(stops.nth(0)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".inspector")).to_be_hidden()
    # What the panel would cover is scrolled clear of it.
    page.keyboard.press("End")
    focused, panel = stops.last.bounding_box(), page.locator(".inspector").bounding_box()
    assert focused is not None
    assert panel is not None
    assert focused["y"] + focused["height"] <= panel["y"]


def test_a_tap_keeps_the_panel_until_it_is_closed(net: Up, open_page: OpenPage) -> None:
    page = open_page(net.http, viewport=NARROW, has_touch=True, is_mobile=True)
    panel = page.locator(".inspector")
    page.tap(part(page, "GET"))
    expect(panel.locator(".name")).to_have_text("method")
    page.tap(part(page, "HTTP/1.1"))
    expect(panel.locator(".name")).to_have_text("HTTP-version")
    page.get_by_role("button", name="Close").tap()
    expect(panel).to_be_hidden()
    page.tap(part(page, "GET"))
    page.tap("#said")
    expect(panel).to_be_hidden()


def test_commands_can_be_copied(net: Up, open_page: OpenPage) -> None:
    page = open_page(net.http, permissions=["clipboard-read", "clipboard-write"])
    command = f"telnet localhost {net.port}"
    button = page.locator(".command", has_text=command).get_by_role("button")
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == command


def test_without_script_nothing_is_missing(net: Up, open_page: OpenPage) -> None:
    page = open_page(net.http, java_script_enabled=False)
    assert page.locator("#request .says", has_text=f"host localhost, port {net.port}").is_visible()
    assert page.locator(".inspector, .command button").count() == 0
    page.hover(part(page, f"localhost:{net.port}"))
    label = "getComputedStyle(document.querySelector('#request .part:hover'), '::after').content"
    assert f"host localhost, port {net.port}" in page.evaluate(label)


# --- how it looks


@pytest.mark.parametrize("path", [*PAGES, "nothing/" + "here" * 100])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_it_fits_and_can_be_read(net: Up, browser: Browser, path: str, scheme: str, size: dict[str, int]) -> None:
    page = browser.new_page(viewport=size, color_scheme=scheme)
    page.goto(net.http + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate(FAINT) == []
    red = int(page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]"))
    assert (red < 128) is (scheme == "dark")
    page.close()


FAINT = """() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([red, green, blue]) => [red, green, blue].map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")]
    .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()) && element.checkVisibility())
    .map(element => {
      const [one, other] = [light(numbers(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
      return [(one + 0.05) / (other + 0.05), element.outerHTML.slice(0, 120)];
    })
    .filter(([contrast]) => contrast < 4.5);
}"""
"""The texts whose contrast is below 4.5 to 1 (WCAG 2.2, 1.4.3)."""


# --- kept to itself


def test_a_name_that_was_made_to_lead_here_gets_nothing(net: Up, launch: Launch) -> None:
    """DNS rebinding, as the browser meets it."""
    page = launch("--host-resolver-rules=MAP evil.example 127.0.0.1").new_page()
    answer = page.goto(f"http://evil.example:{net.port}/status")
    assert answer is not None
    assert answer.status == 421


def test_another_sites_page_gets_nothing(net: Up, start: Callable[..., Program], browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html><title>Another site</title>")
    other = start([sys.executable, "-m", "wirespeak", "http", "serve", tmp_path, "--bind", "127.0.0.1:0"], ready=r"^listening on (\S+) ")
    place = re.search(r"listening on (\S+)", other.output)[1]
    page = browser.new_page()
    statuses: list[int] = []
    page.on("response", lambda answer: statuses.append(answer.status) if answer.url.startswith(net.http) else None)
    page.goto(f"http://{place}/")
    attempt = """url => new Promise(done => {
      const tag = document.createElement("%s");
      tag.onload = tag.onerror = event => done(event.type);
      tag.src = url;
      document.body.append(tag);
    })"""
    assert page.evaluate("url => fetch(url).then(() => 'read', () => 'kept from it')", f"{net.http}status") == "kept from it"
    assert (
        page.evaluate("url => fetch(url, {method: 'POST', mode: 'no-cors', body: 'x'}).then(answer => answer.type)", net.http) == "opaque"
    )
    assert page.evaluate(attempt % "script", f"{net.http}assets/live.js") == "error"
    page.evaluate(attempt % "iframe", net.http)
    assert statuses
    assert set(statuses) == {403}
    # A link to it may be followed all the same.
    page.evaluate("url => { location.href = url }", net.http)
    page.wait_for_url(net.http)
    assert page.locator("#request").is_visible()
    page.close()


# --- over TLS


@pytest.mark.peer("certutil")
def test_who_trusts_the_authority_gets_the_page_without_a_warning(net: Up, launch: Launch, tmp_path: Path) -> None:
    """By the command that the page itself gives."""
    database = tmp_path / ".pki" / "nssdb"
    database.mkdir(parents=True)
    subprocess.run(["certutil", "-d", f"sql:{database}", "-N", "--empty-password"], check=True)
    trusting = launch(env={**os.environ, "HOME": str(tmp_path)})
    page = trusting.new_page()
    page.goto(f"{net.http}authority")
    command = page.locator(".command", has_text="certutil").locator("code").inner_text()
    subprocess.run(command, shell=True, check=True, env={**os.environ, "HOME": str(tmp_path)})
    page = launch(env={**os.environ, "HOME": str(tmp_path)}).new_page()
    answer = page.goto(net.https)
    assert answer is not None
    assert answer.status == 200
    assert (answer.security_details() or {})["protocol"] == "TLS 1.3"
    assert page.locator(".hero", has_text="encrypted by TLSv1.3").is_visible()


def test_who_does_not_trust_it_is_warned(net: Up, browser: Browser) -> None:
    page = browser.new_page()
    with pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):
        page.goto(net.https)
    page.close()
