// Makes the tables of the class sortable sortable. The page tells everything without it.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (body.querySelector("td[colspan]")) continue; // rows that belong together
  for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const value = (row) => row.cells[column].dataset.value;
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].sort((a, b) => value(a) === undefined
        ? a.cells[column].textContent.localeCompare(b.cells[column].textContent)
        : value(a) - value(b));
      body.append(...(down ? rows.reverse() : rows));
    });
  }
}
