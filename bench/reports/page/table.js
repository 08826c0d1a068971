// The table: sorted, in pages, and the same rows as CSV.

const PAGE = 50;
const table = document.getElementById("table");
let listed = [];
let written = { head: "", body: "" }; // what the table shows: laying it out takes the browser longer than all else

const sorted = (rows) => {
  const falling = state.sort.startsWith("-");
  const column = columns.get(state.sort.replace(/^-/, ""));
  const order = (a, b) => (column.number ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
  return [...rows].sort((a, b) => {
    const [first, second] = [column.values[a], column.values[b]];
    // What is missing comes last in either direction.
    if (first === null || second === null) return (first === null) - (second === null) || a - b;
    return (falling ? order(second, first) : order(first, second)) || a - b;
  });
};

const heading = (name) => {
  const column = columns.get(name);
  const own = state.sort.replace(/^-/, "") === name;
  const falling = own && state.sort.startsWith("-");
  const turn = () => {
    state.sort = own && !falling ? `-${name}` : name;
    state.page = 0;
    relist();
    table.querySelector(`th[data-column="${CSS.escape(name)}"] button`).focus();
  };
  return make("th", { scope: "col", "data-column": name, "aria-sort": own ? (falling ? "descending" : "ascending") : "none",
    class: column.number ? "number" : "" },
  make("button", { type: "button", title: column.about || column.label, onclick: turn }, column.label, make("span", { "aria-hidden": "true" }, own ? (falling ? " ▼" : " ▲") : "")));
};

const line = (row) => make("tr", { "data-row": row, class: value("status", row) === "ok" ? "" : "missing" }, ...state.shown.map((name, index) => {
  const text = name === "status" && value("reason", row) ? `${value("status", row)}: ${value("reason", row)}` : cell(name, row);
  if (index) return make("td", { class: columns.get(name).number ? "number" : "" }, text);
  return make("th", { scope: "row" }, make("button", { type: "button", class: "plain", onclick: () => open(row) }, text));
}));

const list = (rows, whole = false) => {
  listed = sorted(rows);
  const pages = Math.max(1, Math.ceil(listed.length / PAGE));
  state.page = Math.min(state.page, pages - 1);
  const from = whole ? 0 : state.page * PAGE;
  const page = listed.slice(from, whole ? undefined : from + PAGE);
  const wanted = { head: JSON.stringify([state.shown, state.sort]), body: JSON.stringify([state.shown, page]) };
  if (wanted.head !== written.head) table.tHead.replaceChildren(make("tr", {}, ...state.shown.map(heading)));
  if (wanted.body !== written.body) table.tBodies[0].replaceChildren(...page.map(line));
  written = wanted;
  document.getElementById("place").textContent = listed.length ? `${from + 1} to ${from + page.length} of ${listed.length}` : "";
  document.getElementById("before").disabled = state.page === 0;
  document.getElementById("after").disabled = state.page >= pages - 1;
  document.querySelector(".pages").hidden = pages === 1 || whole;
};

// Every column of the rows that are listed, under the names of the contract and in base units: what a script goes on with.
const csv = () => {
  const quote = (found) => (found === null ? "" : /[",\r\n]/.test(String(found)) ? `"${String(found).replaceAll('"', '""')}"` : String(found));
  const all = [...columns.values()];
  const lines = [all.map((column) => quote(column.name)), ...listed.map((row) => all.map((column) => quote(column.values[row])))];
  return `${lines.map((cells) => cells.join(",")).join("\r\n")}\r\n`;
};

// From the disk a browser may keep the clipboard from a page; what is selected can always be copied.
const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = make("textarea", { "aria-hidden": "true", class: "hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
};
