// The chart on the page: what it shows of the state, and how it is zoomed, moved and walked through.

const box = document.getElementById("chart");
const HEIGHT = 460;
const REACH = 18; // pixels from a mark at which it is meant
const FADED = 0.13;
const MOST_NAMES = 150; // finding places for more takes longer than a reader waits, and finds none
let view = null;
let drawn = { key: "", points: [], at: -1, axes: null };

const look = (row) => told.looks[state.color][String(value(state.color, row))] || ["#888888", "#555555", "#999999", "circle"];

// The factor and the text of an axis: the step that suits its middle value, so that ticks are short numbers.
const scaling = (name, points, axis) => {
  const { unit, label } = columns.get(name);
  const heading = label[0].toUpperCase() + label.slice(1);
  if (unit === "share") return { factor: 0.01, title: `${heading} (%)` };
  const sizes = points.map((point) => Math.abs(point[axis])).sort((a, b) => a - b);
  const [factor, text] = columns.get(name).group === "identity" ? [1, ""] : step(sizes[Math.floor(sizes.length / 2)] || 0, unit);
  return { factor, title: text.trim() ? `${heading} (${text.trim()})` : heading };
};

// The ends of an axis with some room, as the printed charts have it.
const limits = (values, log) => {
  if (!values.length) return log ? [1, 10] : [0, 1];
  let [low, high] = values.reduce(([a, b], one) => [Math.min(a, one), Math.max(b, one)], [Infinity, -Infinity]);
  if (log) [low, high] = [Math.log10(low), Math.log10(high)];
  const pad = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
  return [low - pad, high + pad].map((end) => (log ? 10 ** end : end));
};

const ends = (axis, row, factor, log) => {
  const column = columns.get(state[axis]);
  if (!column.low) return null;
  const found = [value(column.low, row), value(column.high, row)];
  return found.every(isNumber) && !(log && found[0] <= 0) ? found.map((end) => end / factor) : null;
};

// The intervals of marks, along each axis that has one.
const reaches = (points, axes) => ["x", "y"].flatMap((axis) => points.flatMap((point) => {
  const found = ends(axis, point.row, axes[axis].factor, axes[axis].log);
  return found ? [{ row: point.row, stroke: point.stroke, x: point.x, y: point.y, x2: point.x, y2: point.y, [axis]: found[0], [`${axis}2`]: found[1] }] : [];
}));

const draw = async (rows) => {
  const points = placed(rows);
  const axes = {};
  for (const axis of ["x", "y"]) {
    const log = isLog(axis);
    const own = scaling(state[axis], points, axis);
    const wide = points.flatMap((point) => [point[axis] / own.factor, ...(ends(axis, point.row, own.factor, log) || [])]);
    axes[axis] = { ...own, log, whole: limits(wide, log) };
  }
  const zoom = state.zoom;
  axes.x.domain = zoom ? [zoom[0], zoom[1]].map((end) => end / axes.x.factor) : axes.x.whole;
  axes.y.domain = zoom ? [zoom[2], zoom[3]].map((end) => end / axes.y.factor) : axes.y.whole;
  axes.step = columns.get(state.x).better === "higher" ? "step-before" : "step-after";
  const inside = points.filter((point) => affordable(point.row));
  const best = front(inside);
  const shown = new Set(inside);
  const call = names(points.map((point) => point.row));
  const shade = theme(); // asked for once: the browser takes its time to answer, and there are thousands of marks
  const [hue, line] = shade === "dark" ? [2, 2] : [0, 1];
  const data = points.map((point) => {
    const found = look(point.row);
    const hollow = value("flags", point.row) !== null;
    return {
      row: point.row, x: point.x / axes.x.factor, y: point.y / axes.y.factor, shape: found[3], stroke: found[hollow ? hue : line],
      width: hollow ? 2 : 1.2, fill: hollow ? THEMES[shade].ground : found[hue], opacity: shown.has(point) ? 1 : FADED,
    };
  });
  // Among so many marks intervals would hide them and each other: those of the front are drawn, and of the mark that is meant.
  const dense = points.length > told.few;
  const onFront = new Set(best.map((point) => point.row));
  const bars = reaches(data.filter((point) => point.opacity === 1 && (!dense || onFront.has(point.row))), axes);
  // Names keep off the bars, and Vega fails where they are to keep off marks of which there is none.
  if (!bars.length) bars.push(...data.slice(0, 1).map((point) => ({ ...point, x2: point.x, y2: point.y })));
  const within = ({ x, y }) => x >= axes.x.domain[0] && x <= axes.x.domain[1] && y >= axes.y.domain[0] && y <= axes.y.domain[1];
  const rank = (point) => (onFront.has(point.row) ? 0 : 1);
  const wanted = data.filter((point) => within(point) && (rank(point) === 0 || (state.names === "all" && point.opacity === 1)));
  const named = state.names === "none" ? [] : wanted.sort((a, b) => rank(a) - rank(b)).slice(0, MOST_NAMES);
  const size = [Math.max(280, box.clientWidth - 2), HEIGHT];
  const key = JSON.stringify([axes.x.log, axes.y.log, shade, size]);
  const fill = {
    points: data, bars, active: [], reach: [],
    named: named.map((point) => ({ ...point, label: call(point.row) })),
    steps: best.map((point) => ({ x: point.x / axes.x.factor, y: point.y / axes.y.factor })),
  };
  if (key !== drawn.key) await build(axes, size, Object.keys(fill));
  for (const [name, tuples] of Object.entries(fill)) view.data(name, tuples);
  for (const axis of ["x", "y"]) view.signal(`${axis}dom`, axes[axis].domain).signal(`${axis}title`, axes[axis].title);
  view.signal("step", axes.step).run();
  drawn = { key, points: data, at: -1, axes, front: onFront, call };
  return { points, inside, front: best, axes, call, dense };
};

// Expressions are interpreted (`ast`), so that the page can forbid itself to make code out of text.
const build = async (axes, size, data) => {
  const crowded = MANY > told.few;
  if (view) view.finalize();
  const made = await vegaEmbed(box, plot(axes, theme(), size, data, crowded), {
    mode: "vega", ast: true, actions: false, defaultStyle: false, hover: false, tooltip: false, logLevel: 1,
    renderer: crowded ? "canvas" : "svg",
  });
  view = made.view;
  box.view = view; // for those who look at the page from its console, tests included
};

// Mark one of the drawn rows, or none.
const mark = (row) => {
  const point = drawn.points.find((one) => one.row === row);
  const own = point ? [point] : [];
  view.data("active", own).data("reach", reaches(own, drawn.axes)).run();
};

// Where points lie in the window: asked for once for all of them, since it makes the browser lay out the page.
const pixels = () => {
  const surface = box.querySelector("svg, canvas").getBoundingClientRect();
  const [left, top] = view.origin();
  const inset = view.padding();
  const [x, y] = [view.scale("x"), view.scale("y")];
  return (point) => [surface.left + inset.left + left + x(point.x), surface.top + inset.top + top + y(point.y)];
};

const nearest = (event) => {
  let [best, found] = [REACH ** 2, null];
  if (!drawn.points.length) return null;
  const pixel = pixels();
  for (const point of drawn.points) {
    if (point.opacity < 1) continue;
    const [x, y] = pixel(point);
    const far = (x - event.clientX) ** 2 + (y - event.clientY) ** 2;
    if (far < best) [best, found] = [far, point];
  }
  return found;
};

// Zoom by a factor around a share of the axes, or move by shares of them; on a logarithmic axis both mean its exponents.
const reframe = (factor, around = [0.5, 0.5], by = [0, 0]) => {
  const found = ["x", "y"].flatMap((axis, index) => {
    const { log, factor: unit } = drawn.axes[axis];
    const [low, high] = view.signal(`${axis}dom`).map((end) => (log ? Math.log10(end) : end));
    const centre = low + (high - low) * around[index];
    const shift = (high - low) * by[index];
    return [low, high].map((end) => centre + (end - centre) * factor + shift).map((end) => (log ? 10 ** end : end) * unit);
  });
  if (found.every(isNumber) && found[0] < found[1] && found[2] < found[3]) state.zoom = found;
};
