/* Curves in SVG, one unit a CSS pixel, so that text keeps its size at every width. Colours of text
   and frame are the page's. Shared by the replay and the explorer. */
function make(parent, tag, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return parent.appendChild(node);
}

/* Empty a drawing and give it its size. */
function clear(svg, height) {
  const width = Math.max(svg.clientWidth, 240);
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  return width;
}

/* Frame, grid and ticks. look: x, y (lowest and highest), log, xticks, yticks, xlabel, ylabel.
   Returns the drawing and where x and y lie in it. */
function chart(svg, height, look) {
  const width = clear(svg, height), left = 52, top = 24, right = width - 22, bottom = height - 44;
  const scale = look.log ? Math.log10 : (value) => value;
  const [x0, x1] = look.x.map(scale), [y0, y1] = look.y;
  const x = (value) => left + ((scale(value) - x0) / (x1 - x0)) * (right - left);
  const y = (value) => bottom - ((value - y0) / (y1 - y0)) * (bottom - top);
  const rule = (x1, y1, x2, y2, opacity) =>
    make(svg, "line", { x1, y1, x2, y2, stroke: "currentColor", "stroke-opacity": opacity });
  for (const tick of look.yticks) {
    rule(left, y(tick), right, y(tick), 0.15);
    make(svg, "text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end", "font-size": 13 }, tick);
  }
  for (const tick of look.xticks) {
    rule(x(tick), top, x(tick), bottom, 0.15);
    const at = { x: x(tick), y: bottom + 18, "text-anchor": "middle", "font-size": 13 };
    make(svg, "text", at, tick.toLocaleString("en"));
  }
  rule(left, top, left, bottom, 0.7);
  rule(left, bottom, right, bottom, 0.7);
  const below = { x: (left + right) / 2, y: height - 6, "text-anchor": "middle", "font-size": 13 };
  make(svg, "text", below, look.xlabel);
  const beside = `translate(13 ${(top + bottom) / 2}) rotate(-90)`;
  make(svg, "text", { transform: beside, "text-anchor": "middle", "font-size": 13 }, look.ylabel);
  return { svg, x, y, left, right, top, bottom };
}

function path(plot, xs, ys) {
  return xs.map((value, i) => `${plot.x(value).toFixed(1)},${plot.y(ys[i]).toFixed(1)}`).join(" ");
}

/* What is drawn as a line of an arm's rows: its mean, or each of its few seeds. */
const lines = (arm, rows) => (arm.few ? rows : rows.slice(0, 1));

/* The numbers of these at one place. */
const numbers = (arm, rows, at, digits) =>
  lines(arm, rows).map((row) => row[at].toFixed(digits)).join(" and ");

/* What the numbers of all arms are. */
function over(arms, seeds) {
  if (!arms.some((arm) => arm.few)) return `Means over ${seeds} seeds, their range in brackets.`;
  if (arms.every((arm) => arm.few)) return seeds === "1" ? "One seed." : `Each of ${seeds} seeds.`;
  return `Means over ${seeds} seeds, their range in brackets; where there are few, each of them.`;
}

/* The mean as a line and the seeds' range as a band, or the few seeds as lines with a hollow end, for
   the first `count` points. */
function curve(plot, xs, arm, values, count) {
  const at = xs.slice(0, count), rows = values.map((row) => row.slice(0, count));
  if (!arm.few) {
    const [, low, high] = rows;
    const there = path(plot, at, low), back = path(plot, [...at].reverse(), [...high].reverse());
    make(plot.svg, "polygon", { points: `${there} ${back}`, fill: arm.color, "fill-opacity": 0.2 });
  }
  for (const row of lines(arm, rows)) {
    make(plot.svg, "polyline", {
      points: path(plot, at, row), fill: "none", stroke: arm.color, "stroke-width": 2.5,
      "stroke-dasharray": arm.dash, "stroke-linejoin": "round",
    });
    const end = { cx: plot.x(at[count - 1]), cy: plot.y(row[count - 1]), r: 4.5 };
    const look = arm.few ? { fill: "none", stroke: arm.color, "stroke-width": 2 } : { fill: arm.color };
    make(plot.svg, "circle", { ...end, ...look });
  }
}

/* An upright line where something changes, named above the frame. */
function upright(plot, at, text) {
  const x = plot.x(at), { top, bottom } = plot;
  const look = { stroke: "currentColor", "stroke-opacity": 0.6, "stroke-width": 1.5 };
  make(plot.svg, "line", { x1: x, x2: x, y1: top, y2: bottom, ...look });
  const place = { x, y: top - 8, "text-anchor": "middle", "font-size": 13 };
  if (text) make(plot.svg, "text", place, text);
}

/* A short piece of an arm's line, to name it in a table. */
function sample(parent, arm) {
  const svg = make(parent, "svg", { width: 34, height: 10, "aria-hidden": "true" });
  make(svg, "line", {
    x1: 1, x2: 33, y1: 5, y2: 5, stroke: arm.color, "stroke-width": 3, "stroke-dasharray": arm.dash,
  });
}

/* Draw now, and again whenever the width changes. */
function whenSized(draw) {
  let width = 0;
  new ResizeObserver(() => {
    if (stage.clientWidth !== width) { width = stage.clientWidth; draw(); }
  }).observe(stage);
}
