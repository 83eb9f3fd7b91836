// The cards: filtered, sorted, a page of them at a time, and drawn when they come into sight.
const PAGE = 48;
const WORST = 8;
const filters = document.getElementById("filters");
const cards = document.getElementById("cards");
let listed = [];
let shown = PAGE;

const sight = new IntersectionObserver(entries => {
  for (const entry of entries) entry.target.seen = entry.isIntersecting, entry.isIntersecting && draw(entry.target);
}, { rootMargin: "400px" });

function draw(card) {
  fill(card.querySelector(".frame"), card.row);
}

function card(row, among, at) {
  const made = make("button", `card e${row.error}`);
  made.type = "button";
  made.dataset.row = row.row;
  made.row = row;
  const frame = make("span", "frame");
  frame.style.aspectRatio = `${told.width} / ${told.height}`;
  const said = make("span", "said");
  said.append(make("span", "", told.classes[row.true]), make("b", "", row.wrong ? `→ ${told.classes[row.called]}` : "rightly called"));
  const about = make("span", "whose");
  about.append(make("span", "", row.confidence.toFixed(2)), make("span", "", row.patient));
  made.append(frame, said, about);
  made.setAttribute("aria-label", `${told.classes[row.true]} called ${told.classes[row.called]}, confidence ${row.confidence.toFixed(2)}${row.patient ? `, patient ${row.patient}` : ""}`);
  made.addEventListener("click", () => open(among, at, made));
  sight.observe(made);
  return made;
}

const kinds = {
  right: row => !row.wrong,
  wrong: row => row.wrong,
  adjacent: row => row.wrong && Math.abs(row.off) === 1,
  severe: row => Math.abs(row.off) > 1,
  low: row => row.off < 0,
  high: row => row.off > 0,
  outside: row => !row.set.includes(row.true),
};

function chosen(row) {
  const asked = Object.fromEntries(new FormData(filters));
  return (asked.true === "" || row.true === Number(asked.true))
    && (asked.called === "" || row.called === Number(asked.called))
    && (asked.error === "" || kinds[asked.error](row))
    && (asked.patient === "" || row.patient === asked.patient)
    && (!asked.fold || row.fold === Number(asked.fold))
    && row.confidence >= asked.least - 0.005 && row.confidence <= Number(asked.most) + 0.005;
}

function list() {
  const least = filters.elements.least, most = filters.elements.most;
  document.getElementById("confidence").textContent = `${Number(least.value).toFixed(2)} to ${Number(most.value).toFixed(2)}`;
  listed = rows.filter(chosen).sort(orders[filters.elements.sort.value]);
  shown = PAGE;
  const patients = new Set(listed.map(row => row.patient).filter(Boolean)).size;
  const wrong = listed.filter(row => row.wrong).length;
  document.getElementById("found").textContent = `${listed.length} of ${rows.length} images, ${wrong} mistaken, of ${patients} patients`;
  lay();
}

function lay() {
  sight.disconnect();
  for (const one of document.querySelectorAll("#worst-cards .card")) sight.observe(one);
  cards.replaceChildren(...listed.slice(0, shown).map((row, at) => card(row, listed, at)));
  const more = document.getElementById("more");
  more.hidden = listed.length <= shown;
  more.textContent = `Show ${Math.min(listed.length - shown, 4 * PAGE)} more`;
}

function choose(values) {
  filters.reset();
  for (const [name, value] of Object.entries(values)) filters.elements[name].value = value;
  list();
  document.getElementById("predictions").scrollIntoView();
}

function redraw() {
  for (const one of document.querySelectorAll(".card")) if (one.seen) draw(one);
  if (viewer.open) show();
}

filters.addEventListener("input", event => {
  const { least, most } = filters.elements;
  if (Number(least.value) > Number(most.value)) (event.target === least ? most : least).value = event.target.value;
  list();
});
filters.addEventListener("reset", () => setTimeout(list));
document.getElementById("more").addEventListener("click", () => { shown += 4 * PAGE; lay(); });
for (const cell of document.querySelectorAll(".confusion button")) {
  cell.addEventListener("click", () => choose(cell.dataset));
}

// Heat controls stand above the cards and in the viewer; both show one state.
function everywhere(selector, kind, change) {
  const controls = [...document.querySelectorAll(selector)];
  for (const control of controls) control.addEventListener(kind, () => {
    for (const other of controls) { other.checked = control.checked; other.value = control.value; }
    change(control);
  });
}
everywhere(".heat-on", "change", control => { heat.on = control.checked; redraw(); });
everywhere(".heat-by", "change", control => { heat.by = Number(control.value); redraw(); tell(); });
everywhere(".heat-opacity", "input", control => document.documentElement.style.setProperty("--heat", control.value));
function tell() {
  const one = explainers[heat.by];
  if (!one) return;
  for (const said of document.querySelectorAll(".heat-said")) {
    said.className = `heat-said ${one.faithful === false ? "against" : one.faithful ? "shown" : "quiet"}`;
    said.textContent = [one.verdict, one.said].filter(Boolean).join(" · ");
  }
}
document.addEventListener("keydown", event => {
  if (event.key.toLowerCase() !== "h" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select")) return;
  (viewer.open ? viewer : document).querySelector(".heat-on")?.click();
});

const worst = rows.filter(row => row.wrong).sort(orders.worst);
document.getElementById("worst-cards").append(...worst.slice(0, WORST).map((row, at) => card(row, worst, at)));
if (!worst.length) document.getElementById("worst-cards").append(make("p", "quiet", "No mistake among these images."));
addEventListener("beforeprint", () => document.querySelectorAll("#worst-cards .card, #cards .card:nth-child(-n + 24)").forEach(draw));
tell();
list();
