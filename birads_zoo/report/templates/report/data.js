// What the page knows of every prediction, and what follows from it: `off` counts classes between true and called.
const told = JSON.parse(document.getElementById("gallery-data").textContent);
const rows = told.rows;
for (const row of rows) {
  row.off = row.called - row.true;
  row.confidence = row.stated[row.called];
  row.wrong = row.off !== 0;
  const steps = told.ordinal ? Math.abs(row.off) : Number(row.wrong);
  row.error = Math.min(steps, 2);  // 0 right, 1 one class off or of no order, 2 further off
}
const make = (tag, name = "", text = "") => {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== "") made.textContent = text;
  return made;
};
const orders = {
  worst: (a, b) => b.wrong - a.wrong || (told.ordinal ? Math.abs(b.off) - Math.abs(a.off) : 0) || (a.wrong ? b.confidence - a.confidence : a.confidence - b.confidence),
  sure: (a, b) => b.confidence - a.confidence,
  unsure: (a, b) => a.confidence - b.confidence,
  missed: (a, b) => a.stated[a.true] - b.stated[b.true],
  patient: (a, b) => a.patient.localeCompare(b.patient) || a.row - b.row,
  row: (a, b) => a.row - b.row,
};
