// The columns of the file as arrays with a value for every row, null where there is none.

const MANY = told.rows;
const columns = new Map();
for (const column of told.columns) {
  const values = new Array(MANY).fill(null);
  if (column.k !== undefined) values.fill(column.k);
  else if (column.t) column.c.forEach((code, row) => { if (code >= 0) values[row] = column.t[code]; });
  else if (column.i) column.i.forEach((row, place) => { values[row] = column.v[place]; });
  else column.v.forEach((value, row) => { values[row] = value; });
  const number = !column.t && typeof column.k !== "string";
  columns.set(column.name, {
    about: "", axis: false, better: "none", group: "", unit: "", low: "", high: "", ...column, values, number,
    filled: values.reduce((sum, value) => sum + (value !== null), 0),
  });
}

const has = (name) => columns.has(name);
const value = (name, row) => (columns.has(name) ? columns.get(name).values[row] : null);
const fingerprints = Object.keys(told.machines);

// What has parts is JSON in the file, and a list for people: "fp32 0.98, int8 0.02".
const inParts = (text) => {
  try {
    return Object.entries(JSON.parse(text)).map(([name, one]) => `${name} ${isNumber(one) ? Number(one.toPrecision(4)) : JSON.stringify(one)}`).join(", ");
  } catch {
    return text; // it only looked like it
  }
};

// A cell as people read it, with its interval where it has one.
const cell = (name, row) => {
  const column = columns.get(name);
  const found = column.values[row];
  if (found === null) return MISSING;
  if (name === "fingerprint") return told.machines[found] || found;
  if (!column.number) return found.startsWith("{") ? inParts(found) : found;
  if (column.group === "identity" && column.unit === "") return String(found);
  if (column.low) return interval(found, value(column.low, row), value(column.high, row), column.unit);
  return quantity(found, column.unit, column.unit === "%" ? 4 : DIGITS);
};

// The name of a mark: the network, and on what else those that are drawn differ.
const TELLING = ["engine", "engine_options", "precision", "device", "batch", "threads", "phase", "scenario", "input_shape", "fingerprint"];
const names = (rows) => {
  const times = new Map();
  rows.forEach((row) => times.set(value("name", row), (times.get(value("name", row)) || 0) + 1));
  const several = TELLING.filter((axis) => has(axis) && new Set(rows.map((row) => value(axis, row))).size > 1);
  const part = (axis, row) => {
    const found = value(axis, row);
    if (found === null) return "";
    if (axis === "fingerprint") return `[${fingerprints.indexOf(found) + 1}]`;
    return axis === "batch" || axis === "threads" ? `${axis[0]}${found}` : String(found);
  };
  return (row) => {
    const name = value("name", row);
    return times.get(name) > 1 ? [name, ...several.map((axis) => part(axis, row))].filter(Boolean).join(" ") : name;
  };
};

// What the search looks through: every text of a row.
const haystack = Array.from({ length: MANY }, (_, row) =>
  [...columns.values()].filter((column) => !column.number && column.values[row] !== null && column.group !== "sampled")
    .map((column) => column.values[row]).join("\n").toLowerCase());
