// One prediction, large. It walks through the pictures as they were listed where it was opened.
const viewer = document.getElementById("viewer");
const part = id => document.getElementById(id);
const view = { rows: [], at: 0, opener: null };  // `opener` gets the focus back
viewer.querySelector(".stage").style.setProperty("--shape", shape);

function outline(row) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", `0 0 ${told.width} ${told.height}`);
  for (const [x, y, width, height, kind] of row.lesions) {
    const one = document.createElementNS(space, kind === "circle" ? "ellipse" : "rect");
    const [w, h, left, top] = [width * told.width, height * told.height, x * told.width, y * told.height];
    const said = kind === "circle" ? { cx: left + w / 2, cy: top + h / 2, rx: w / 2, ry: h / 2 } : { x: left, y: top, width: w, height: h };
    for (const [name, value] of Object.entries(said)) one.setAttribute(name, value);
    one.setAttribute("class", "lesion");
    drawing.append(one);
  }
  return drawing;
}

function chances(row) {
  const lines = told.classes.map((name, k) => {
    const line = make("tr", k === row.true ? "true" : "");
    const head = make("th", "", name);
    head.scope = "row";
    line.append(head);
    for (const values of told.recalibrated ? [row.stated, row.calibrated] : [row.stated]) {
      const cell = make("td", `c${k}`, values[k].toFixed(3));
      cell.style.setProperty("--share", values[k]);
      line.append(cell);
    }
    line.append(make("td", "", row.set.includes(k) ? "●" : "–"));
    return line;
  });
  viewer.querySelector("#chances tbody").replaceChildren(...lines);
}

function whose(row) {
  const list = part("whose");
  list.replaceChildren();
  const add = (name, value) => list.append(make("dt", "", name), value instanceof Node ? value : make("dd", "", value));
  if (row.patient) {
    const cell = make("dd"), link = make("button", "link", row.patient);
    const own = rows.filter(other => other.patient === row.patient);
    link.type = "button";
    link.addEventListener("click", () => { view.opener = filters.elements.patient; viewer.close(); choose({ patient: row.patient }); });
    cell.append(link, ` · ${own.length} images, ${own.filter(other => other.wrong).length} mistaken`);
    add("patient", cell);
  } else add("patient", "unknown");
  add("row of the sheet", String(row.row));
  add("fold", String(row.fold));
}

function show() {
  const row = view.rows[view.at];
  const frame = viewer.querySelector(".frame");
  fill(frame, row);
  frame.querySelector("img").alt = `mammogram, true class ${told.classes[row.true]}, called ${told.classes[row.called]}`;
  frame.querySelector("svg")?.remove();
  const marks = viewer.querySelector(".lesions");
  marks.hidden = !row.lesions.length;
  if (row.lesions.length && marks.querySelector("input").checked) frame.append(outline(row));
  part("place").textContent = `${view.at + 1} of ${view.rows.length}`;
  const far = told.ordinal ? ` (${Math.abs(row.off)} ${Math.abs(row.off) === 1 ? "class" : "classes"} too ${row.off < 0 ? "low" : "high"})` : "";
  part("outcome").textContent = row.wrong ? `${told.classes[row.true]} called ${told.classes[row.called]}${far}` : `${told.classes[row.true]}, rightly called`;
  part("outcome").className = `e${row.error}`;
  part("about").textContent = row.about;
  const map = mapOf(row);
  frame.classList.toggle("unproven", Boolean(map) && !explainers[heat.by].faithful);
  part("shows").textContent = !heat.on ? "" : map ? `The map shows evidence for ${told.classes[map[1]]}.` : "This image was not explained.";
  chances(row);
  whose(row);
}

function open(listed, at, opener) {
  view.opener = opener;
  view.rows = listed;
  view.at = at;
  show();
  viewer.showModal();
}

function go(step) {
  view.at = (view.at + step + view.rows.length) % view.rows.length;
  show();
}

viewer.addEventListener("click", event => {
  const step = event.target.closest("[data-go]");
  if (step) go(Number(step.dataset.go));
  else if (event.target === viewer || event.target.closest("[data-close]")) viewer.close();
});
viewer.addEventListener("keydown", event => {
  if (event.target.matches("input[type=range], select")) return;
  if (event.key === "ArrowRight") go(1);
  else if (event.key === "ArrowLeft") go(-1);
  else if (event.key.toLowerCase() === "l") viewer.querySelector(".lesions-on").click();
  else return;
  event.preventDefault();
});
viewer.querySelector(".lesions-on").addEventListener("change", show);
viewer.addEventListener("close", () => view.opener.focus({ preventScroll: true }));
