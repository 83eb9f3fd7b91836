for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("thead tr:last-child th")];
  heads.forEach((head, place) => head.querySelector("button").addEventListener("click", () => {
    const now = head.getAttribute("aria-sort");
    const up = now === "none" ? head.dataset.first !== "descending" : now === "descending";
    heads.forEach(other => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = row => row.cells[place]?.dataset.key ?? "";
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const x = key(a), y = key(b);
      if (x === "" || y === "") return (x === "") - (y === "");
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return up ? order : -order;
    });
    table.tBodies[0].append(...rows);
    const status = document.getElementById("sorted");
    if (status) status.textContent = `Sorted by ${head.textContent.trim()}, ${up ? "ascending" : "descending"}.`;
  }));
}
