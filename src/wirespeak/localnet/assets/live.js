// Keeps the numbers of what runs here up to date while the page is looked at.

const EVERY = 2000; // milliseconds

const cards = document.querySelectorAll("[data-service]");
const note = document.getElementById("live");
const said = note.firstChild;
const number = new Intl.NumberFormat("en");

function put(status) {
  for (const card of cards) {
    const service = status.services.find(({ name }) => name === card.dataset.service);
    if (!service) continue;
    for (const place of card.querySelectorAll("[data-live]")) {
      const value = place.dataset.live.split(".").reduce((data, key) => data[key], service);
      const text = number.format(value);
      if (place.textContent === text) continue;
      place.textContent = text;
      place.classList.remove("fresh");
      void place.offsetWidth; // begins the animation anew
      place.classList.add("fresh");
    }
  }
}

async function look() {
  if (!document.hidden) {
    try {
      const answer = await fetch("/status", { headers: { Accept: "application/json" } });
      put(await answer.json());
      said.textContent = "Counted as you look, these questions among them. ";
    } catch {
      said.textContent = "It does not answer any more: it may have been stopped. ";
    }
  }
  setTimeout(look, EVERY);
}

look();
