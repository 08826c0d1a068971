// The history in charts: one for each series, made when it is opened, with its numbers in a table below it.

const WORDS = { worse: ["#882255", "#f0a3c0"], better: ["#117733", "#7fd49b"], changed: ["#5c5c5c", "#a9adb5"] };
const MARK = ["#1d5fa8", "#7db7f5"];
const TALL = 230;
const TICKS = 7;
const shade = (pair) => pair[theme() === "dark" ? 1 : 0];
const middle = (values) => {
  const order = [...values].sort((a, b) => a - b);
  const half = order.length >> 1;
  return order.length % 2 ? order[half] : (order[half - 1] + order[half]) / 2;
};
const percent = (share) => (isNumber(share) ? `${share > 0 ? "+" : ""}${quantity(share, "share")}` : MISSING);

// The points of all segments in the order of time, each with its place in that order.
const inTime = (one) => one.segments
  .flatMap((segment, number) => segment.points.map((point, place) => ({ ...point, ...told.runs[point.run], number, place })))
  .sort((a, b) => (a.started === b.started ? (a.run < b.run ? -1 : 1) : a.started < b.started ? -1 : 1))
  .map((point, x) => ({ ...point, x }));

// What is drawn of a series: points with intervals, the level of each piece, changes with where they may be, and other software.
const drawing = (one, points, factor) => {
  const at = new Map(points.map((point) => [`${point.number} ${point.place}`, point.x]));
  const x = (number, place) => at.get(`${number} ${place}`);
  const own = shade(MARK);
  const ground = THEMES[theme()].ground;
  const levels = [];
  const changes = [];
  one.segments.forEach((segment, number) => {
    const cuts = [0, ...segment.changes.map((change) => change.place).sort((a, b) => a - b), segment.points.length];
    cuts.slice(1).forEach((stop, index) => {
      const piece = segment.points.slice(cuts[index], stop).map((point) => point.value / factor);
      levels.push({ x: x(number, cuts[index]) - 0.4, x2: x(number, stop - 1) + 0.4, y: middle(piece) });
    });
    for (const change of segment.changes) {
      changes.push({
        x: (x(number, change.place - 1) + x(number, change.place)) / 2, stroke: shade(WORDS[change.word] || WORDS.changed),
        from: x(number, change.first - 1) + 0.5, to: x(number, change.last) - 0.5, label: `${percent(change.relative)} ${change.word}`,
      });
    }
  });
  return {
    points: points.map((point) => ({ x: point.x, y: point.value / factor, stroke: own, fill: point.flags.length ? ground : own })),
    bars: points.filter((point) => isNumber(point.low) && isNumber(point.high)).map((point) => ({ x: point.x, y: point.low / factor, y2: point.high / factor, stroke: own })),
    levels, changes,
    turns: points.slice(1).filter((point, index) => point.number !== points[index].number).map((point) => ({ x: point.x - 0.5 })),
  };
};

// A chart as Vega knows it. What comes from a file is data or the value of a signal, and none of it an expression.
const graph = (one, points, wide) => {
  const [factor, unit] = step(Math.abs(middle(points.map((point) => point.value))), one.unit);
  const data = drawing(one, points, factor);
  const { ink, soft, grid, ground } = THEMES[theme()];
  const heights = [...data.points.map((point) => point.y), ...data.bars.flatMap((bar) => [bar.y, bar.y2])];
  const [low, high] = [Math.min(...heights), Math.max(...heights)];
  const room = Math.max((high - low) * 0.08, Math.abs(high) * 0.02) || 1;
  const many = points.length;
  const ticks = [...new Set(Array.from({ length: Math.min(TICKS, many) }, (_, index) => Math.round((index * (many - 1)) / Math.max(1, Math.min(TICKS, many) - 1))))];
  const axis = { gridColor: grid, domainColor: soft, tickColor: soft, labelColor: ink, titleColor: ink, labelFont: FONT, titleFont: FONT, labelFontSize: 12, titleFontSize: 13, titleFontWeight: 500 };
  const rule = (name, update) => ({ type: "rule", from: { data: name }, interactive: false, aria: false, encode: { update } });
  const [x, y] = ["x", "y"].map((name) => ({ scale: name, field: name }));
  return {
    width: wide, height: TALL, padding: 4, autosize: { type: "fit", contains: "padding" }, background: ground,
    signals: [{ name: "days", value: points.map((point) => point.started.slice(0, 10)) }, { name: "ytitle", value: `${one.name}${unit.trim() ? ` (${unit.trim()})` : ""}` }],
    data: Object.entries(data).map(([name, values]) => ({ name, values })),
    scales: [
      { name: "x", type: "linear", domain: [-0.7, many - 0.3], range: "width", zero: false, nice: false },
      { name: "y", type: "linear", domain: [low - room, high + room], range: "height", zero: false, nice: false },
    ],
    axes: [
      { ...axis, orient: "bottom", scale: "x", values: ticks, labelOverlap: "greedy", encode: { labels: { update: { text: { signal: "days[datum.value]" } } } } },
      { ...axis, orient: "left", scale: "y", grid: true, tickCount: 5, title: { signal: "ytitle" } },
    ],
    marks: [
      { type: "rect", from: { data: "changes" }, interactive: false, aria: false, encode: { update: { x: { scale: "x", field: "from" }, x2: { scale: "x", field: "to" }, y: { value: 0 }, y2: { signal: "height" }, fill: { field: "stroke" }, opacity: { value: 0.14 } } } },
      rule("turns", { x, y: { value: 0 }, y2: { signal: "height" }, stroke: { value: soft } }),
      rule("bars", { x, y, y2: { scale: "y", field: "y2" }, stroke: { field: "stroke" }, opacity: { value: 0.45 } }),
      { type: "symbol", from: { data: "points" }, interactive: false, aria: false, encode: { update: { x, y, fill: { field: "fill" }, stroke: { field: "stroke" }, strokeWidth: { value: 1.2 }, size: { value: many > 150 ? 14 : 36 } } } },
      rule("levels", { x, x2: { scale: "x", field: "x2" }, y, stroke: { value: ink }, strokeWidth: { value: 1.6 } }),
      rule("changes", { x, y: { value: 0 }, y2: { signal: "height" }, stroke: { field: "stroke" }, strokeDash: { value: [5, 3] } }),
      { type: "text", from: { data: "changes" }, interactive: false, aria: false, encode: { update: { x, y: { value: 4 }, dx: { value: 5 }, baseline: { value: "top" }, text: { field: "label" }, fill: { field: "stroke" }, font: { value: FONT }, fontSize: { value: 12 } } } },
    ],
  };
};

const row = (one, point) => make("tr", {},
  make("th", { scope: "row" }, make("a", { href: `report?file=${encodeURIComponent(point.file)}` }, point.started.slice(0, 16).replace("T", " "))),
  make("td", { class: "number" }, interval(point.value, point.low, point.high, one.unit)),
  make("td", {}, point.commit.slice(0, 9) || MISSING),
  make("td", {}, Object.entries(one.segments[point.number].software).map(([name, version]) => `${name} ${version}`).join(", ")),
  make("td", {}, point.flags.join(", ") || MISSING));

const numbers = (one, points) => make("details", {}, make("summary", {}, "Numbers"),
  make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Numbers of ${one.label}` }, make("table", {},
    make("thead", {}, make("tr", {}, ...["Run", "Value [95 %]", "Commit", "Software", "Flags"].map((text, index) => make("th", { scope: "col", class: index === 1 ? "number" : "" }, text)))),
    make("tbody", {}, ...[...points].reverse().map((point) => row(one, point))))));

const show = async (details) => {
  const one = told.series[Number(details.dataset.series)];
  const points = inTime(one);
  const place = details.querySelector(".graph");
  if (details.children.length < 3) details.append(numbers(one, points));
  const changes = one.segments.flatMap((segment) => segment.changes);
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `${one.label}: ${points.length} runs${changes.map((change) => `; ${change.word} by ${percent(change.relative)}`).join("")}`);
  const made = await vegaEmbed(place, graph(one, points, Math.max(280, place.clientWidth)), {
    mode: "vega", ast: true, actions: false, defaultStyle: false, hover: false, tooltip: false, logLevel: 1, renderer: "svg",
  });
  if (place.view) place.view.finalize();
  place.view = made.view; // for those who look at the page from its console, tests included
};

// One after the other, so that a page of many charts can be used while they are made.
let queue = Promise.resolve();
const redraw = (which) => {
  for (const details of which) queue = queue.then(() => show(details)).catch((error) => console.error(error));
  return queue;
};
const opened = () => [...document.querySelectorAll("details.series[open]")];
for (const details of document.querySelectorAll("details.series")) {
  details.addEventListener("toggle", () => { if (details.open) redraw([details]); });
}
recoloured = () => redraw(opened());
window.addEventListener("beforeprint", () => { printing = true; redraw(opened()); });
window.addEventListener("afterprint", () => { printing = false; redraw(opened()); });
redraw(opened()).then(() => { document.documentElement.dataset.ready = "yes"; });
