"use strict";
// A click on a header, or Enter on it, sorts its table by that column, a second one the other way round.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const header = button.closest("th");
    const body = header.closest("table").tBodies[0];
    const column = header.cellIndex;
    const sign = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const value = row => {
      const cell = row.cells[column];
      const text = cell.dataset.value ?? cell.textContent.trim();
      return { text, number: text === "" || text === "nan" ? NaN : Number(text) };
    };
    const rows = [...body.rows].map(row => ({ row, ...value(row) }));
    const numeric = rows.some(one => !Number.isNaN(one.number)) && rows.every(one => one.text === "" || one.text === "nan" || !Number.isNaN(one.number));
    rows.sort((a, b) => {
      if (!numeric) return sign * a.text.localeCompare(b.text, undefined, { numeric: true });
      if (Number.isNaN(a.number) || Number.isNaN(b.number)) return Number.isNaN(a.number) - Number.isNaN(b.number); // what is missing comes last
      return sign * (a.number - b.number);
    });
    body.append(...rows.map(one => one.row));
    for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  });
}
