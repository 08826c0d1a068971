// The chart as Vega knows it. Every text from a file is data or the title of an axis, and none of it an expression.

const THEMES = {
  light: { ink: "#1a1a1a", soft: "#5c5c5c", grid: "#e9e9e9", ground: "#ffffff" },
  dark: { ink: "#ececec", soft: "#a9adb5", grid: "#2b2f37", ground: "#16181d" },
};
const FONT = "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

const plot = (axes, theme, size, data, crowded) => {
  const { ink, soft, grid, ground } = THEMES[theme];
  const scale = (axis, range) => ({
    name: axis, type: axes[axis].log ? "log" : "linear", domain: { signal: `${axis}dom` }, range, zero: false, nice: false,
  });
  const axis = (name, orient) => ({
    orient, scale: name, title: { signal: `${name}title` }, grid: true, gridColor: grid, domainColor: soft, tickColor: soft, labelColor: ink,
    titleColor: ink, labelFont: FONT, titleFont: FONT, labelFontSize: 12, titleFontSize: 13, titleFontWeight: 500, titlePadding: 8,
    labelOverlap: "greedy", labelSeparation: 6, tickCount: axes[name].log ? 8 : 6, format: axes[name].log ? "~r" : undefined, zindex: 0,
  });
  const at = { x: { scale: "x", field: "x" }, y: { scale: "y", field: "y" } };
  const symbols = (name, update) => ({
    name: `${name}-marks`, type: "symbol", from: { data: name }, clip: true, interactive: false, aria: false,
    encode: { update: { ...at, shape: { field: "shape" }, size: { value: 70 }, ...update } },
  });
  const rules = (name, width) => ({
    name: `${name}-marks`, type: "rule", from: { data: name }, clip: true, interactive: false, aria: false, encode: { update: {
      ...at, x2: { scale: "x", field: "x2" }, y2: { scale: "y", field: "y2" }, stroke: { field: "stroke" }, strokeWidth: { value: width },
    } },
  });
  return {
    width: size[0], height: size[1], padding: 4, autosize: { type: "fit", contains: "padding" }, background: ground,
    // What other axes, filters and zooms change are signals, so that the chart is built once and not for each of them.
    signals: [
      ...["x", "y"].flatMap((name) => [{ name: `${name}dom`, value: axes[name].domain }, { name: `${name}title`, value: axes[name].title }]),
      { name: "step", value: axes.step },
    ],
    data: data.map((name) => ({ name })),
    scales: [scale("x", "width"), scale("y", "height")],
    axes: [axis("x", "bottom"), axis("y", "left")],
    marks: [
      { name: "front", type: "line", from: { data: "steps" }, clip: true, interactive: false, aria: false, encode: { update: {
        ...at, stroke: { value: soft }, strokeWidth: { value: 1.4 }, strokeDash: { value: [5, 3] }, interpolate: { signal: "step" },
      } } },
      rules("bars", 1.2),
      symbols("points", {
        fill: { field: "fill" }, stroke: { field: "stroke" }, strokeWidth: { field: "width" }, opacity: { field: "opacity" },
      }),
      symbols("named", { opacity: { value: 0 } }),
      // Names stand beside their marks where they touch neither marks nor each other; those without room are left out. Among
      // thousands of marks no place is free of them, and looking for one takes longer than a reader waits.
      { name: "labels", type: "text", from: { data: "named-marks" }, clip: true, interactive: false, aria: false, encode: { enter: {
        text: { field: "datum.label" }, fill: { value: ink }, font: { value: FONT }, fontSize: { value: 12 },
      } }, transform: [{
        type: "label", size: { signal: "[width, height]" }, avoidMarks: crowded ? [] : ["points-marks", "bars-marks"], offset: [4, 8, 14],
        anchor: ["top-right", "right", "top", "bottom-right", "top-left", "left", "bottom", "bottom-left"],
      }] },
      rules("reach", 2),
      symbols("active", {
        size: { value: 230 }, fill: { value: "transparent" }, stroke: { value: ink }, strokeWidth: { value: 2 },
      }),
    ],
  };
};
