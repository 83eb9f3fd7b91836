// The cards: filtered and sorted, shown page by page, and drawn when they become visible.
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
  const button = make("button", `card e${row.error}`);
  button.type = "button";
  button.dataset.row = row.row;
  button.row = row;
  const frame = make("span", "frame");
  frame.style.aspectRatio = `${data.width} / ${data.height}`;
  const caption = make("span", "caption");
  caption.append(make("span", "", data.classes[row.true]), make("b", "", row.wrong ? `→ ${data.classes[row.called]}` : "correct"));
  const about = make("span", "whose");
  about.append(make("span", "", row.confidence.toFixed(2)), make("span", "", row.patient));
  button.append(frame, caption, about);
  button.setAttribute("aria-label", `${data.classes[row.true]} predicted as ${data.classes[row.called]}, confidence ${row.confidence.toFixed(2)}${row.patient ? `, patient ${row.patient}` : ""}`);
  button.addEventListener("click", () => open(among, at, button));
  sight.observe(button);
  return button;
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
  const values = Object.fromEntries(new FormData(filters));
  return (values.true === "" || row.true === Number(values.true))
    && (values.called === "" || row.called === Number(values.called))
    && (values.error === "" || kinds[values.error](row))
    && (values.patient === "" || row.patient === values.patient)
    && (!values.fold || row.fold === Number(values.fold))
    && row.confidence >= values.least - 0.005 && row.confidence <= Number(values.most) + 0.005;
}

function list() {
  const least = filters.elements.least, most = filters.elements.most;
  document.getElementById("confidence").textContent = `${Number(least.value).toFixed(2)} to ${Number(most.value).toFixed(2)}`;
  listed = rows.filter(chosen).sort(orders[filters.elements.sort.value]);
  shown = PAGE;
  const patients = new Set(listed.map(row => row.patient).filter(Boolean)).size;
  const wrong = listed.filter(row => row.wrong).length;
  document.getElementById("count").textContent = `${listed.length} of ${rows.length} images, ${wrong} wrong, of ${patients} patients`;
  lay();
}

function lay() {
  sight.disconnect();
  for (const card of document.querySelectorAll("#worst-cards .card")) sight.observe(card);
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
  for (const card of document.querySelectorAll(".card")) if (card.seen) draw(card);
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

// The heat map controls above the cards and those in the viewer always show the same state.
function everywhere(selector, type, change) {
  const controls = [...document.querySelectorAll(selector)];
  for (const control of controls) control.addEventListener(type, () => {
    for (const other of controls) { other.checked = control.checked; other.value = control.value; }
    change(control);
  });
}
everywhere(".heat-on", "change", control => { heat.on = control.checked; redraw(); });
everywhere(".heat-by", "change", control => { heat.by = Number(control.value); redraw(); summarise(); });
everywhere(".heat-opacity", "input", control => document.documentElement.style.setProperty("--heat", control.value));
function summarise() {
  const explainer = explainers[heat.by];
  if (!explainer) return;
  for (const summary of document.querySelectorAll(".heat-summary")) {
    summary.className = `heat-summary ${explainer.faithful === false ? "against" : explainer.faithful ? "shown" : "quiet"}`;
    summary.textContent = [explainer.verdict, explainer.summary].filter(Boolean).join(" · ");
  }
}
document.addEventListener("keydown", event => {
  if (event.key.toLowerCase() !== "h" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select")) return;
  (viewer.open ? viewer : document).querySelector(".heat-on")?.click();
});

const worst = rows.filter(row => row.wrong).sort(orders.worst);
document.getElementById("worst-cards").append(...worst.slice(0, WORST).map((row, at) => card(row, worst, at)));
if (!worst.length) document.getElementById("worst-cards").append(make("p", "quiet", "No mistakes among these images."));
addEventListener("beforeprint", () => document.querySelectorAll("#worst-cards .card, #cards .card:nth-child(-n + 24)").forEach(draw));
summarise();
list();
