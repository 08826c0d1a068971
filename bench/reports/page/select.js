// From the state to rows: which are meant, which of these are within the budgets, and which of these no other one beats.

const matching = () => {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const only = [...state.only].filter(([name, wanted]) => wanted.size && has(name))
    .map(([name, wanted]) => [columns.get(name).values, wanted]);
  const found = [];
  for (let row = 0; row < MANY; row += 1) {
    if (only.every(([values, wanted]) => wanted.has(String(values[row]))) && words.every((word) => haystack[row].includes(word))) found.push(row);
  }
  return found;
};

// What is not known may exceed the budget, and so does not keep it.
const affordable = (row) => [...state.most].every(([name, most]) => {
  const found = value(name, row);
  return found !== null && found <= most;
});

// An axis is logarithmic where the rows that a chart could have ask for it, whatever is filtered, so that it does not jump.
const LOG_SPREAD = 8; // as the printed charts decide it
const isLog = (axis) => {
  if (state[`${axis}log`] !== null) return state[`${axis}log`];
  const other = columns.get(state[axis === "x" ? "y" : "x"]).values;
  const known = columns.get(state[axis]).values.filter((found, row) => isNumber(found) && other[row] !== null);
  const low = known.reduce((a, b) => Math.min(a, b), Infinity);
  return low > 0 && known.reduce((a, b) => Math.max(a, b), -Infinity) / low > LOG_SPREAD;
};

// Where each row lies, for those that have both numbers (and above 0 on a logarithmic axis).
const placed = (rows) => {
  const [x, y] = [columns.get(state.x).values, columns.get(state.y).values];
  const [xlog, ylog] = [isLog("x"), isLog("y")];
  return rows.filter((row) => isNumber(x[row]) && isNumber(y[row]) && !(xlog && x[row] <= 0) && !(ylog && y[row] <= 0))
    .map((row) => ({ row, x: x[row], y: y[row] }));
};

const directed = () => ["x", "y"].every((axis) => ["lower", "higher"].includes(columns.get(state[axis]).better)) && state.x !== state.y;

// The points that no other one beats: at least as good in both directions, and better in one. By x, equal ones once.
const front = (points) => {
  if (!directed()) return [];
  const [sx, sy] = ["x", "y"].map((axis) => (columns.get(state[axis]).better === "lower" ? 1 : -1));
  let best = Infinity;
  const found = [];
  for (const point of [...points].sort((a, b) => sx * (a.x - b.x) || sy * (a.y - b.y))) {
    if (sy * point.y < best) {
      best = sy * point.y;
      found.push(point);
    }
  }
  return found.sort((a, b) => a.x - b.x);
};
