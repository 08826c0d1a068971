// What a reader turns: axes, filters, budgets, columns. Made from the columns that there are; everything is set as text.

const by = (id) => document.getElementById(id);
const title = (name) => columns.get(name).label[0].toUpperCase() + columns.get(name).label.slice(1);
const STEPS = 1000;

const options = (select, chosen, filter) => {
  const groups = new Map();
  for (const column of columns.values()) {
    if (!filter(column)) continue;
    const group = GROUPS[column.group] || GROUPS.sampled;
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(make("option", { value: column.name, title: column.about }, column.filled < MANY ? `${title(column.name)} · ${column.filled} rows` : title(column.name)));
  }
  const order = [GROUPS.sampled, GROUPS.derived, GROUPS.counted, GROUPS.published, GROUPS.identity].filter((group) => groups.has(group));
  select.replaceChildren(...order.map((group) => make("optgroup", { label: group }, ...groups.get(group))));
  select.value = chosen;
};

// The marks of the chart, for its legend.
const OUTLINES = {
  circle: "M4.2 0A4.2 4.2 0 1 1 -4.2 0A4.2 4.2 0 1 1 4.2 0Z", square: "M-4 -4H4V4H-4Z", diamond: "M0 -5.2L4.4 0L0 5.2L-4.4 0Z",
  "triangle-up": "M0 -4.8L4.8 3.8H-4.8Z", "triangle-down": "M0 4.8L4.8 -3.8H-4.8Z", "triangle-left": "M-4.8 0L3.8 -4.8V4.8Z",
};

const swatch = (name, one) => {
  const mark = told.looks[name] && told.looks[name][one];
  if (!mark || state.color !== name) return null;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "-6 -6 12 12");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", OUTLINES[mark[3]]);
  path.setAttribute("fill", theme() === "dark" ? mark[2] : mark[0]);
  path.setAttribute("stroke", theme() === "dark" ? mark[2] : mark[1]);
  svg.append(path);
  return svg;
};

const facetNames = () => told.facets.filter((name) => new Set(columns.get(name).values).size > 1);

const facet = (name) => {
  const times = new Map();
  columns.get(name).values.forEach((found) => { if (found !== null) times.set(String(found), (times.get(String(found)) || 0) + 1); });
  const texts = [...times.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const own = state.only.get(name) || new Set();
  const tick = (event) => {
    const wanted = state.only.get(name) || new Set();
    if (event.target.checked) wanted.add(event.target.value);
    else wanted.delete(event.target.value);
    state.only.set(name, wanted);
    state.page = 0;
    summary.lastChild.textContent = wanted.size ? ` ${wanted.size} of ${texts.length}` : "";
    refresh();
  };
  const summary = make("summary", {}, title(name), make("span", { class: "note" }, own.size ? ` ${own.size} of ${texts.length}` : ""));
  const boxes = texts.map((text) => make("label", {}, make("input", { type: "checkbox", value: text, checked: own.has(text), onchange: tick }),
    ...[swatch(name, text)].filter(Boolean), make("span", {}, name === "fingerprint" ? told.machines[text] || text : text), make("span", { class: "note" }, ` ${times.get(text)}`)));
  const opened = own.size > 0 || name === state.color || texts.length < 6;
  return make("details", { class: "facet", "data-facet": name, open: opened }, summary, make("div", { role: "group", "aria-label": title(name) }, ...boxes));
};

// A slider moves along the logarithm; at its right end there is no limit. What is typed beside it is taken as it is.
const budget = (name) => {
  const column = columns.get(name);
  const known = column.values.filter((found) => isNumber(found) && found > 0);
  if (known.length < 2) return null;
  const [low, high] = [Math.min(...known), Math.max(...known)].map(Math.log10);
  const toValue = (place) => 10 ** (low + ((high - low) * place) / STEPS);
  const most = state.most.get(name);
  const place = most === undefined ? STEPS : Math.round(((Math.log10(most) - low) / (high - low || 1)) * STEPS);
  const said = () => (state.most.has(name) ? `at most ${quantity(state.most.get(name), column.unit)}` : "any");
  const slider = make("input", { type: "range", id: `max-${name}`, min: 0, max: STEPS, value: Math.max(0, Math.min(STEPS, place)), "aria-valuetext": said() });
  const field = make("input", { type: "text", "aria-label": `${title(name)} at most`, placeholder: "any", value: most === undefined ? "" : quantity(most, column.unit), size: 9 });
  const apply = (from) => {
    slider.setAttribute("aria-valuetext", said());
    if (from !== field) field.value = state.most.has(name) ? quantity(state.most.get(name), column.unit) : "";
    state.page = 0;
    schedule();
  };
  slider.addEventListener("input", () => {
    if (Number(slider.value) >= STEPS) state.most.delete(name);
    else state.most.set(name, toValue(Number(slider.value)));
    apply(slider);
  });
  field.addEventListener("change", () => {
    const found = parse(field.value, column.unit);
    field.setAttribute("aria-invalid", String(Boolean(field.value.trim()) && found === null));
    if (found === null) state.most.delete(name);
    else state.most.set(name, found);
    slider.value = found === null ? STEPS : Math.max(0, Math.min(STEPS, ((Math.log10(found) - low) / (high - low || 1)) * STEPS));
    apply(field);
  });
  return make("div", { class: "budget" }, make("label", { for: `max-${name}` }, title(name)), slider, field);
};

const controls = () => {
  options(by("x"), state.x, (column) => column.axis);
  options(by("y"), state.y, (column) => column.axis);
  by("color").replaceChildren(...Object.keys(told.looks).map((name) => make("option", { value: name }, title(name))));
  by("color").value = state.color;
  by("names").value = state.names;
  by("xlog").checked = isLog("x");
  by("ylog").checked = isLog("y");
  by("search").value = state.q;
  by("budgets").replaceChildren(...told.budgets.map(budget).filter(Boolean));
  by("facets").replaceChildren(...facetNames().map(facet));
  const pick = (event) => {
    const wanted = new Set(state.shown);
    if (event.target.checked) wanted.add(event.target.value);
    else wanted.delete(event.target.value);
    state.shown = wanted.size ? [...wanted] : ["name"];
    relist();
  };
  by("columns").lastElementChild.replaceChildren(...[...columns.values()].map((column) => make("label", { title: column.about },
    make("input", { type: "checkbox", value: column.name, checked: state.shown.includes(column.name), onchange: pick }), column.label)));
};
