// Shows the part of a message that is pointed at, or that the keyboard has reached, in a panel: its name, its bytes, what
// they say and which rule is behind them. A click, a tap or Enter keeps the panel open, so that its link can be followed;
// Escape or a click elsewhere closes it. Without this module the pages show the same in plain labels.

const BYTES_SHOWN = 48;

const panel = document.getElementById("inspector").content.firstElementChild.cloneNode(true);
document.body.append(panel);
const field = Object.fromEntries(
  ["name", "place", "close", "value", "meaning", "bytes", "clause"].map((name) => [name, panel.querySelector(`.${name}`)]),
);

let shown = null; // the part in the panel
let kept = false; // whether it stays when the pointer leaves

function show(part) {
  mark(part);
  const { start, end, name, value, meaning, clause } = part.dataset;
  const [from, to] = [Number(start), Number(end)];
  const hex = part.closest("[data-bytes]").dataset.bytes;
  const pairs = hex.slice(2 * from, 2 * Math.min(to, from + BYTES_SHOWN)).match(/../g) ?? [];
  field.name.textContent = name;
  field.place.textContent = to - from === 1 ? `byte ${from}` : `bytes ${from}–${to - 1} of ${hex.length / 2}`;
  // What the bytes say is told where it differs from how they are shown.
  field.value.textContent = value || (part.classList.contains("delimiter") ? "" : part.textContent);
  field.meaning.textContent = meaning;
  field.bytes.textContent = pairs.join(" ") + (to - from > BYTES_SHOWN ? " …" : "");
  field.clause.textContent = clause;
  const url = addressOf(clause);
  if (url) field.clause.href = url;
  else field.clause.removeAttribute("href");
  panel.hidden = false;
}

function hide() {
  mark(null);
  kept = false;
  field.close.hidden = true;
  panel.hidden = true;
}

function keep(part) {
  show(part);
  kept = true;
  field.close.hidden = false;
}

// Marks the part, and the words beside it that are about it.
function mark(part) {
  for (const element of document.querySelectorAll(".wire .shown")) element.classList.remove("shown");
  shown = part;
  if (!part) return;
  part.classList.add("shown");
  const words = part.closest(".line").querySelectorAll(".says > li");
  [...words].find((item) => item.querySelector("b").textContent === part.dataset.name)?.classList.add("shown");
}

// Where a clause ("RFC 9112 3", "RFC 1952 B.1") can be read; "" for what is no RFC.
function addressOf(clause) {
  const [whole, number, section, appendix] = /^RFC (\d+)(?: ([\d.]+)| ([A-Z][\d.]*))?$/.exec(clause) ?? [];
  if (!whole) return "";
  return `https://www.rfc-editor.org/rfc/rfc${number}${section ? `#section-${section}` : appendix ? `#appendix-${appendix}` : ""}`;
}

for (const wire of document.querySelectorAll(".wire")) {
  const stops = [...wire.querySelectorAll(".part[tabindex]")];
  wire.classList.add("lively");
  // One stop for the Tab key, and the arrow keys from there: some hundred stops would be a long way to the next link.
  for (const part of stops.slice(1)) part.tabIndex = -1;

  const partAt = (event) => event.target.closest(".part");
  wire.addEventListener("pointerover", (event) => {
    if (event.pointerType === "mouse" && !kept && partAt(event)) show(partAt(event));
  });
  wire.addEventListener("pointerleave", () => kept || wire.contains(document.activeElement) || hide());
  wire.addEventListener("focusin", (event) => {
    const part = partAt(event);
    if (!part) return;
    for (const stop of stops) stop.tabIndex = stop === part ? 0 : -1;
    show(part);
  });
  wire.addEventListener("focusout", (event) => {
    if (!kept && !panel.contains(event.relatedTarget) && !wire.contains(event.relatedTarget)) hide();
  });
  wire.addEventListener("click", (event) => {
    if (partAt(event)) keep(partAt(event));
  });
  wire.addEventListener("keydown", (event) => {
    const at = stops.indexOf(partAt(event));
    if (at < 0) return;
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: stops.length - 1 }[event.key];
    if (stops[to]) stops[to].focus();
    else if (event.key === "Enter") {
      keep(stops[at]);
      if (field.clause.href) field.clause.focus();
    } else if (to === undefined) return;
    event.preventDefault();
  });
}

field.close.addEventListener("click", hide);
document.addEventListener("click", (event) => {
  if (shown && !event.target.closest(".inspector, .part")) hide();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !shown) return;
  const part = shown;
  const inside = panel.contains(document.activeElement);
  hide();
  if (inside) part.focus(); // back to where the keyboard came from
});
