// The page at work: the state is shown, turned, remembered and taken from the address.

let waiting = false;
let resting = 0; // until the table follows
const schedule = () => {
  clearTimeout(resting);
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; refresh(false, true); });
};

const few = (items) => (items.length <= 3 ? items.join(", ") : `${items.slice(0, 3).join(", ")} and ${items.length - 3} more`);

// What a reader must know of the chart that is drawn: the conditions, what is missing from it and why, and what is mixed.
const notes = (rows, found) => {
  const said = [];
  const own = found.points.map((point) => point.row);
  const differ = (name) => (has(name) ? [...new Set(own.map((row) => value(name, row)))].filter((one) => one !== null) : []);
  const machines = differ("fingerprint");
  if (machines.length) said.push(machines.length > 1 ? `Times of different machines, mixed as asked: ${machines.map((one) => `[${fingerprints.indexOf(one) + 1}] ${told.machines[one]}`).join("; ")}.` : `${told.machines[machines[0]]}.`);
  const conditions = ["engine", "precision", "device", "batch", "threads", "phase", "scenario"].map((name) => [name, differ(name)]).filter(([, all]) => all.length);
  if (conditions.length) said.push(`${conditions.map(([name, all]) => `${title(name)} ${all.map(String).sort((a, b) => a.localeCompare(b, "en", { numeric: true })).join(", ")}`).join("; ")}. Measured ${[...new Set(own.map((row) => String(value("started", row)).slice(0, 10)))].sort().join(", ")}.`);
  const mixed = conditions.filter(([name, all]) => ["batch", "threads", "phase", "scenario"].includes(name) && all.length > 1).map(([name]) => name);
  if (mixed.length) said.push(`Mixed: requests of different ${mixed.join(" and ")} do not compare in ${columns.get(state.x).label}; tick one of each in the filters.`);
  if (directed()) said.push(`Better is towards the ${columns.get(state.y).better === "higher" ? "upper" : "lower"} ${columns.get(state.x).better === "higher" ? "right" : "left"}.`);
  if (!directed()) said.push("No front: it needs two axes of which people want more or less.");
  else if (found.front.length) said.push(`Front of the medians, ${columns.get(state.x).better} ${columns.get(state.x).label} and ${columns.get(state.y).better} ${columns.get(state.y).label} being better: ${found.front.map((point) => found.call(point.row)).join(", ")}.`);
  if (found.dense) said.push("Intervals are drawn on the front and for the mark that is pointed at; all of them are in the table.");
  const beyond = found.points.length - found.inside.length;
  if (beyond) said.push(`${beyond} beyond the budget, or not known to be within it (faint).`);
  const placedRows = new Set(own);
  const without = rows.filter((row) => !placedRows.has(row));
  if (without.length) said.push(`Not in the chart for want of a number: ${few([...new Set(without.map((row) => value("name", row)))])}.`);
  const flagged = own.filter((row) => value("flags", row) !== null);
  if (flagged.length) said.push(`Hollow: ${flagged.length} with a flag (${[...new Set(flagged.flatMap((row) => value("flags", row).split(", ")))].join(", ")}).`);
  for (const axis of ["x", "y"]) if (columns.get(state[axis]).about) said.push(`${title(state[axis])}: ${columns.get(state[axis]).about}.`);
  return said;
};

// One after the other: the chart is built anew for other axes, which takes more than one turn.
let queue = Promise.resolve();
const refresh = (whole = false, moved = false) => {
  queue = queue.then(() => now(whole, moved)).catch((error) => console.error(error));
  return queue;
};

// The table alone: other rows of it or another order leave the chart as it is.
const relist = () => {
  clearTimeout(resting);
  listing = "";
  list(matching().filter(affordable));
  remember();
};

// The table beside a new chart: not made again where it would be the same, and while a hand moves a slider or the chart, made
// once it rests, since nobody reads rows that are gone in the next frame.
const REST = 100; // milliseconds
let listing = "";
const tell = (kept, whole, moved) => {
  const wanted = JSON.stringify([state.sort, state.page, state.shown, whole, kept]);
  clearTimeout(resting);
  if (wanted === listing) return;
  const write = () => {
    listing = wanted;
    list(kept, whole);
    by("count").textContent = `${kept.length} of ${MANY} rows`;
  };
  if (moved) resting = setTimeout(write, REST);
  else write();
};

const now = async (whole, moved) => {
  const rows = matching();
  const found = await draw(rows);
  tell(rows.filter(affordable), whole, moved);
  const heading = `${title(state.y)} against ${columns.get(state.x).label}`;
  by("chart-title").textContent = heading;
  box.setAttribute("aria-label", `${heading}: ${found.inside.length} marks, ${found.front.length} of them on the front. Arrow keys go through them.`);
  by("chart-notes").replaceChildren(...notes(rows, found).map((text) => make("li", {}, text)));
  const legend = told.looks[state.color] ? [...new Set(found.points.map((point) => String(value(state.color, point.row))))].sort((a, b) => a.localeCompare(b, "en", { numeric: true })) : [];
  by("legend").replaceChildren(...legend.map((one) => make("span", {}, ...[swatch(state.color, one)].filter(Boolean), state.color === "fingerprint" ? told.machines[one] || one : one)));
  hide();
  remember();
};

const say = (text) => { by("said").textContent = text; };
const restart = (from) => {
  state = from;
  controls();
  return refresh();
};

recoloured = () => { controls(); refresh(); };

for (const axis of ["x", "y"]) {
  by(axis).addEventListener("change", (event) => {
    state[axis] = event.target.value;
    state[`${axis}log`] = null;
    state.zoom = null;
    by(`${axis}log`).checked = isLog(axis);
    refresh();
  });
  by(`${axis}log`).addEventListener("change", (event) => {
    state[`${axis}log`] = event.target.checked;
    state.zoom = null;
    refresh();
  });
}
by("color").addEventListener("change", (event) => { state.color = event.target.value; controls(); refresh(); });
by("names").addEventListener("change", (event) => { state.names = event.target.value; refresh(); });
by("search").addEventListener("input", (event) => { state.q = event.target.value; state.page = 0; schedule(); });
by("filters").addEventListener("submit", (event) => event.preventDefault());
by("filters").addEventListener("reset", (event) => {
  event.preventDefault();
  const from = start();
  state = { ...state, q: "", only: from.only, most: new Map(), page: 0 };
  restart(state);
});

const frame = (factor, around, shift) => { reframe(factor, around, shift); schedule(); };
const everything = () => { state.zoom = null; schedule(); };
by("zoom-in").addEventListener("click", () => frame(0.7));
by("zoom-out").addEventListener("click", () => frame(1 / 0.7));
by("zoom-all").addEventListener("click", everything);
box.addEventListener("dblclick", everything);
const share = (event) => {
  const { left, width, top, height } = box.getBoundingClientRect();
  return [(event.clientX - left) / width, 1 - (event.clientY - top) / height];
};
box.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return; // a page is scrolled by the wheel, the chart in it included
  event.preventDefault();
  frame(event.deltaY < 0 ? 0.85 : 1 / 0.85, share(event));
}, { passive: false });

let drag = null;
box.addEventListener("pointerdown", (event) => { if (event.button === 0) drag = { from: share(event), moved: false }; });
window.addEventListener("pointerup", () => { if (drag && !drag.moved) drag = null; setTimeout(() => { drag = null; }, 0); });
box.addEventListener("pointermove", (event) => {
  if (drag && event.buttons) {
    const now = share(event);
    const moved = [drag.from[0] - now[0], drag.from[1] - now[1]];
    if (drag.moved || Math.hypot(...moved) > 0.01) {
      drag = { from: now, moved: true };
      hide();
      frame(1, [0.5, 0.5], moved);
    }
    return;
  }
  const point = nearest(event);
  if (point) {
    if (onCard !== point.row) mark(point.row);
    show(point.row, event.clientX, event.clientY);
  } else if (!card.hidden) {
    hide();
    mark(-1);
  }
});
box.addEventListener("pointerleave", () => { hide(); if (view) mark(-1); });
box.addEventListener("click", (event) => {
  const point = nearest(event);
  if (point && !(drag && drag.moved)) open(point.row);
});

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const walk = (steps) => {
  const order = drawn.points.filter((point) => point.opacity === 1).sort((a, b) => a.x - b.x || a.y - b.y);
  if (!order.length) return;
  drawn.at = drawn.at < 0 && steps < 0 ? order.length - 1 : Math.max(0, Math.min(order.length - 1, drawn.at + steps));
  const point = order[drawn.at];
  mark(point.row);
  show(point.row, ...pixels()(point));
  say(`${drawn.call(point.row)}: ${columns.get(state.x).label} ${cell(state.x, point.row)}, ${columns.get(state.y).label} ${cell(state.y, point.row)}${drawn.front.has(point.row) ? ", on the front" : ""}`);
};
box.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  if (arrow && event.shiftKey) frame(1, [0.5, 0.5], arrow.map((one) => one * 0.1));
  else if (arrow) walk(arrow[0] + arrow[1]);
  else if (event.key === "Enter" && onCard >= 0) open(onCard);
  else if (event.key === "+" || event.key === "=") frame(0.7);
  else if (event.key === "-") frame(1 / 0.7);
  else if (event.key === "0") everything();
  else if (event.key === "Escape") hide();
  else return;
  event.preventDefault();
});
box.addEventListener("blur", hide);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && !dialog.open) {
    event.preventDefault();
    by("search").focus();
  }
});

// A fragment of the address is a view here, so the link for those who cannot see must not leave one.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.querySelector(".scroll").focus();
});
const turn = (pages) => { state.page += pages; relist(); by("table-title").scrollIntoView({ block: "nearest" }); };
by("before").addEventListener("click", () => turn(-1));
by("after").addEventListener("click", () => turn(1));
table.addEventListener("pointerover", (event) => {
  const line = event.target.closest("tr[data-row]");
  if (line) mark(Number(line.dataset.row));
});
table.addEventListener("pointerleave", () => mark(-1));
const flash = (button, done) => {
  const text = button.dataset.text || button.textContent;
  button.dataset.text = text;
  button.textContent = done ? "Copied" : "The browser refused; use Save";
  setTimeout(() => { button.textContent = text; }, 1500);
};
by("copy").addEventListener("click", async (event) => flash(event.currentTarget, await copy(csv())));
by("link").addEventListener("click", async (event) => {
  const text = hash();
  flash(event.currentTarget, await copy(`${location.href.split("#")[0]}${text ? `#${text}` : ""}`));
});
by("save").addEventListener("click", () => {
  const link = make("a", { download: "vbench.csv", href: URL.createObjectURL(new Blob([csv()], { type: "text/csv" })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});

window.addEventListener("hashchange", () => { if (location.hash.replace(/^#/, "") !== hash()) restart(fromHash(location.hash)); });
window.addEventListener("beforeprint", () => { printing = true; refresh(true); });
window.addEventListener("afterprint", () => { printing = false; refresh(); });
let width = box.clientWidth;
new ResizeObserver(() => { if (box.clientWidth !== width) { width = box.clientWidth; schedule(); } }).observe(box);

restart(fromHash(location.hash)).then(() => { document.documentElement.dataset.ready = "yes"; });
