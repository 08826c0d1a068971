// What a reader has chosen, and the same as the part of the address behind the #. What is there as from the start is left out.

const start = () => ({
  x: told.start.x, y: told.start.y, xlog: null, ylog: null, color: told.start.color, names: "front", q: "",
  only: new Map(Object.entries(told.start.only).map(([name, values]) => [name, new Set(values)])),
  most: new Map(), sort: told.start.x, shown: [...told.start.shown], page: 0, zoom: null,
});
let state = start();

const isAxis = (name) => has(name) && columns.get(name).axis;
const same = (first, second) => String([...first].sort()) === String([...second].sort());

const hash = () => {
  const from = start();
  const found = new URLSearchParams();
  for (const key of ["x", "y", "color", "names", "q", "sort"]) if (state[key] !== from[key]) found.set(key, state[key]);
  for (const key of ["xlog", "ylog"]) if (state[key] !== null) found.set(key, state[key] ? "1" : "0");
  if (String(state.shown) !== String(from.shown)) state.shown.forEach((name) => found.append("column", name));
  for (const name of new Set([...state.only.keys(), ...from.only.keys()])) {
    const own = state.only.get(name) || new Set();
    if (same(own, from.only.get(name) || [])) continue;
    if (own.size) own.forEach((one) => found.append(`is.${name}`, one));
    else found.append(`is.${name}`, ""); // none is ticked, where one was from the start
  }
  for (const [name, most] of state.most) found.set(`max.${name}`, most);
  if (state.zoom) found.set("zoom", state.zoom.map((end) => Number(end.toPrecision(5))).join(","));
  return String(found);
};

// The state that a hash asks for; what it names and is not here is passed over, since files and links may be of different days.
const fromHash = (text) => {
  const asked = new URLSearchParams(text.replace(/^#/, ""));
  const found = start();
  for (const key of ["x", "y"]) if (isAxis(asked.get(key))) found[key] = asked.get(key);
  for (const key of ["xlog", "ylog"]) if (asked.has(key)) found[key] = asked.get(key) === "1";
  if (told.looks[asked.get("color")]) found.color = asked.get("color");
  if (["front", "all", "none"].includes(asked.get("names"))) found.names = asked.get("names");
  found.q = asked.get("q") || "";
  if (asked.has("sort") && has(asked.get("sort").replace(/^-/, ""))) found.sort = asked.get("sort");
  const shown = asked.getAll("column").filter(has);
  if (shown.length) found.shown = [...new Set(shown)];
  for (const key of new Set(asked.keys())) {
    const [kind, name] = [key.slice(0, key.indexOf(".")), key.slice(key.indexOf(".") + 1)];
    if (kind === "is" && has(name)) {
      const there = new Set(columns.get(name).values.map(String));
      found.only.set(name, new Set(asked.getAll(key).filter((one) => there.has(one))));
    }
    if (kind === "max" && has(name) && isNumber(parseFloat(asked.get(key)))) found.most.set(name, parseFloat(asked.get(key)));
  }
  const zoom = (asked.get("zoom") || "").split(",").map(parseFloat);
  if (zoom.length === 4 && zoom.every(isNumber) && zoom[0] < zoom[1] && zoom[2] < zoom[3]) found.zoom = zoom;
  return found;
};

let later = 0;
const remember = () => {
  clearTimeout(later);
  later = setTimeout(() => {
    const text = hash();
    // A slider gives many states in a second, of which the history of the browser needs none.
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }, 150);
};
