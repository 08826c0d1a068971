// The whole of a row: beside the pointer, and in a window of its own. Everything is set as text.

const card = document.getElementById("hover");
const dialog = document.getElementById("detail");

const GROUPS = { identity: "What was measured", sampled: "Measured", derived: "Follows from both", counted: "Counted", published: "Published" };
const INTERNAL = new Set(["definition", "run_id", "case_id", "fingerprint", "name", "quality", "top1", "top5", "quality_metric"]);

const parts = (row, whole) => {
  const ends = new Set([...columns.values()].flatMap((column) => (column.low ? [column.low, column.high] : [])));
  const groups = new Map();
  for (const column of columns.values()) {
    if (column.values[row] === null || ends.has(column.name) || (!whole && INTERNAL.has(column.name))) continue;
    const group = GROUPS[column.group] || GROUPS.sampled;
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(column.name);
  }
  return groups;
};

const sheet = (row, whole) => [...parts(row, whole)].map(([title, own]) => make("section", {}, make("h3", {}, title), make("dl", {},
  ...own.flatMap((name) => [
    make("dt", { title: columns.get(name).about }, columns.get(name).label), make("dd", {}, cell(name, row)),
  ]))));

const reasons = (row) => (value("flags", row) || "").split(", ").filter((flag) => told.flags[flag])
  .map((flag) => make("p", { class: "warning" }, make("code", {}, flag), ` ${told.flags[flag]}`));

const open = (row) => {
  document.getElementById("detail-title").textContent = drawn.call ? drawn.call(row) : value("name", row);
  document.getElementById("detail-body").replaceChildren(...reasons(row), ...sheet(row, true));
  hide();
  if (!dialog.open) dialog.showModal();
};

let onCard = -1;
const show = (row, x, y) => {
  if (onCard !== row) card.replaceChildren(make("h2", {}, drawn.call(row)), make("div", {}, ...sheet(row, false)));
  onCard = row;
  card.hidden = false;
  const { width, height } = card.getBoundingClientRect();
  const room = 14;
  const left = x + room + width < window.innerWidth ? x + room : Math.max(4, x - room - width);
  card.style.left = `${left}px`;
  card.style.top = `${Math.max(4, Math.min(y + room, window.innerHeight - height - 4))}px`;
};

const hide = () => {
  card.hidden = true;
  onCard = -1;
};
