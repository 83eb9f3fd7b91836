// The page's data: one entry per prediction, with derived values. `off` is the distance in classes, predicted less true.
const data = JSON.parse(document.getElementById("gallery-data").textContent);
const rows = data.rows;
for (const row of rows) {
  row.off = row.called - row.true;
  row.confidence = row.stated[row.called];
  row.wrong = row.off !== 0;
  const steps = data.ordinal ? Math.abs(row.off) : Number(row.wrong);
  row.error = Math.min(steps, 2);  // 0 correct, 1 one class off (or the classes have no order), 2 further off
}
const make = (tag, name = "", text = "") => {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== "") element.textContent = text;
  return element;
};
const orders = {
  worst: (a, b) => b.wrong - a.wrong || (data.ordinal ? Math.abs(b.off) - Math.abs(a.off) : 0) || (a.wrong ? b.confidence - a.confidence : a.confidence - b.confidence),
  sure: (a, b) => b.confidence - a.confidence,
  unsure: (a, b) => a.confidence - b.confidence,
  missed: (a, b) => a.stated[a.true] - b.stated[b.true],
  patient: (a, b) => a.patient.localeCompare(b.patient) || a.row - b.row,
  row: (a, b) => a.row - b.row,
};
