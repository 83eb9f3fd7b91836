// The viewer of one prediction. Previous and next follow the list from which it was opened.
const viewer = document.getElementById("viewer");
const byId = id => document.getElementById(id);
const view = { rows: [], at: 0, opener: null };  // `opener` gets the focus when the viewer closes
viewer.querySelector(".stage").style.setProperty("--shape", shape);

function outline(row) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", `0 0 ${data.width} ${data.height}`);
  for (const [x, y, width, height, kind] of row.lesions) {
    const mark = document.createElementNS(space, kind === "circle" ? "ellipse" : "rect");
    const [w, h, left, top] = [width * data.width, height * data.height, x * data.width, y * data.height];
    const attributes = kind === "circle" ? { cx: left + w / 2, cy: top + h / 2, rx: w / 2, ry: h / 2 } : { x: left, y: top, width: w, height: h };
    for (const [name, value] of Object.entries(attributes)) mark.setAttribute(name, value);
    mark.setAttribute("class", "lesion");
    drawing.append(mark);
  }
  return drawing;
}

function chances(row) {
  const lines = data.classes.map((name, k) => {
    const line = make("tr", k === row.true ? "true" : "");
    const head = make("th", "", name);
    head.scope = "row";
    line.append(head);
    for (const values of data.recalibrated ? [row.stated, row.calibrated] : [row.stated]) {
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
  const list = byId("whose");
  list.replaceChildren();
  const add = (name, value) => list.append(make("dt", "", name), value instanceof Node ? value : make("dd", "", value));
  if (row.patient) {
    const cell = make("dd"), link = make("button", "link", row.patient);
    const images = rows.filter(other => other.patient === row.patient);
    link.type = "button";
    link.addEventListener("click", () => { view.opener = filters.elements.patient; viewer.close(); choose({ patient: row.patient }); });
    cell.append(link, ` · ${images.length} images, ${images.filter(other => other.wrong).length} wrong`);
    add("patient", cell);
  } else add("patient", "unknown");
  add("row of the table", String(row.row));
  add("fold", String(row.fold));
}

function show() {
  const row = view.rows[view.at];
  const frame = viewer.querySelector(".frame");
  fill(frame, row);
  frame.querySelector("img").alt = `mammogram, true class ${data.classes[row.true]}, predicted ${data.classes[row.called]}`;
  frame.querySelector("svg")?.remove();
  const marks = viewer.querySelector(".lesions");
  marks.hidden = !row.lesions.length;
  if (row.lesions.length && marks.querySelector("input").checked) frame.append(outline(row));
  byId("place").textContent = `${view.at + 1} of ${view.rows.length}`;
  const far = data.ordinal ? ` (${Math.abs(row.off)} ${Math.abs(row.off) === 1 ? "class" : "classes"} too ${row.off < 0 ? "low" : "high"})` : "";
  byId("outcome").textContent = row.wrong ? `${data.classes[row.true]} predicted as ${data.classes[row.called]}${far}` : `${data.classes[row.true]}, predicted correctly`;
  byId("outcome").className = `e${row.error}`;
  byId("about").textContent = row.about;
  const map = mapOf(row);
  frame.classList.toggle("unproven", Boolean(map) && !explainers[heat.by].faithful);
  byId("shows").textContent = !heat.on ? "" : map ? `The map shows evidence for ${data.classes[map[1]]}.` : "This image was not explained.";
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
