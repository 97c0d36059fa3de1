/* Three sliders over the recorded settings: curves where there are any, else the way to the nearest,
   and two maps with the place of the sliders framed. A setting is its places on the three axes. */
const sliders = [...root.querySelectorAll("input")], values = [...root.querySelectorAll("label b")];
const [curves, ...maps] = root.querySelectorAll("figure svg");
const said = root.querySelector(".lrbook-said"), button = root.querySelector("button");
const color = blend(data.colors);
const bySetting = new Map(data.settings.map((setting) => [String(setting.at), setting]));

const value = (axis, place) => data.axes[axis].values[place];
const words = (at) => at.map((place, axis) => `${data.axes[axis].name} = ${value(axis, place)}`).join(", ");
const last = (row) => row[row.length - 1];
const mean = (values) => values.reduce((a, b) => a + b) / values.length;
/* S's error minus L-S's, in points: of the means; and of few seeds that both arms have, each. */
const ends = (setting) => ["L-S", "S"].map((name) => {
  const arm = setting.arms.find((one) => one.arm === name);
  return lines(arm, arm.values[0]).map(last);
});
const gap = (setting) => {
  const [large, small] = ends(setting).map(mean);
  return 100 * (large - small);
};
const gaps = (setting) => {
  const [large, small] = ends(setting);
  return large.length === small.length ? large.map((end, i) => 100 * (end - small[i])) : [gap(setting)];
};
const most = Math.max(...data.settings.map((setting) => Math.abs(gap(setting))));
/* What rounds to zero has no sign. */
function signed(number, digits) {
  const size = Math.abs(number).toFixed(digits);
  return (Number(size) === 0 ? "" : number < 0 ? "−" : "+") + size;
}

/* Fewest places away in all; among these, the one that moves fewest sliders. */
function nearest(at) {
  const far = (setting) => {
    const moves = setting.at.map((place, axis) => Math.abs(place - at[axis]));
    return moves.reduce((a, b) => a + b) + moves.filter(Boolean).length / 10;
  };
  return data.settings.reduce((best, setting) => (far(setting) < far(best) ? setting : best));
}

function drawCurves(setting) {
  const longest = Math.max(...data.steps.flat());
  const plot = chart(curves, 300, {
    x: [1, longest], log: true, y: [0.4, 1], xticks: [1, 10, 100, 1000, 10000, 100000]
      .filter((tick) => tick <= longest && (curves.clientWidth > 400 || Math.log10(tick) % 2 === 0)),
    yticks: [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1], xlabel: "step", ylabel: "test accuracy on P alone",
  });
  if (!setting) {
    const place = { x: (plot.left + plot.right) / 2, y: 150, "text-anchor": "middle", "font-size": 16 };
    return make(curves, "text", place, "not recorded");
  }
  if (setting.anneal) upright(plot, setting.anneal, "L-S lowers its rate");
  setting.arms.forEach((arm, i) => {
    const steps = data.steps[arm.steps];
    curve(plot, steps, arm, arm.values[0], steps.length);
    const y = plot.bottom - 14 - 18 * (setting.arms.length - 1 - i), x = plot.right - 84;
    const look = { stroke: arm.color, "stroke-width": 3, "stroke-dasharray": arm.dash };
    make(curves, "line", { x1: x, x2: x + 32, y1: y, y2: y, ...look });
    make(curves, "text", { x: x + 40, y: y + 4, "font-size": 13 }, arm.arm);
  });
}

/* A map over two axes, at the place of the third. */
function drawMap(svg, [xAxis, yAxis], at) {
  const fixed = [0, 1, 2].find((axis) => axis !== xAxis && axis !== yAxis);
  const across = data.axes[xAxis].values.length, up = data.axes[yAxis].values.length;
  const left = 64, top = 22, tall = 27, height = top + up * tall + 40;
  const width = clear(svg, height), wide = (width - left) / across;
  const small = { "font-size": 12, "text-anchor": "middle" };
  const title = `${data.axes[fixed].name} = ${value(fixed, at[fixed])}`;
  make(svg, "text", { ...small, x: left + (across * wide) / 2, y: 14 }, title);
  for (let j = 0; j < up; j++) {
    const y = top + (up - 1 - j) * tall;
    make(svg, "text", { ...small, "text-anchor": "end", x: left - 8, y: y + 18 }, value(yAxis, j));
    for (let i = 0; i < across; i++) {
      const here = [...at];
      here[xAxis] = i;
      here[yAxis] = j;
      drawCell(svg, { x: left + i * wide + 1.5, y: y + 1.5, width: wide - 3, height: tall - 3 }, here, at);
    }
  }
  for (let i = 0; i < across; i++) {
    const x = left + (i + 0.5) * wide;
    make(svg, "text", { ...small, x, y: top + up * tall + 15 }, value(xAxis, i));
  }
  make(svg, "text", { ...small, x: left + (across * wide) / 2, y: height - 6 }, data.axes[xAxis].name);
  const beside = `translate(12 ${top + (up * tall) / 2}) rotate(-90)`;
  make(svg, "text", { ...small, transform: beside }, data.axes[yAxis].name);
}

function drawCell(svg, box, here, at) {
  const setting = bySetting.get(String(here));
  const share = setting && setting.won ? gap(setting) / most : 0; // nobody's win, nobody's colour
  const paint = color(share).map(Math.round);
  const look = setting ? { fill: `rgb(${paint})`, class: "lrbook-cell" }
    : { fill: "none", stroke: "currentColor", "stroke-opacity": 0.5, "stroke-dasharray": "2 3" };
  const cell = make(svg, "rect", { ...box, rx: 3, ...look });
  const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 + 4.5 };
  if (setting) {
    cell.addEventListener("click", () => go(here));
    const light = 0.299 * paint[0] + 0.587 * paint[1] + 0.114 * paint[2] > 105;
    const ink = `fill: ${light ? "#000" : "#fff"}; pointer-events: none`;
    const text = { ...middle, "font-size": 12, "text-anchor": "middle", style: ink };
    const number = signed(gap(setting), 0);
    make(svg, "text", text, setting.won ? number : `(${number})`);
  }
  if (String(here) !== String(at)) return;
  const frame = { x: box.x - 1.5, y: box.y - 1.5, width: box.width + 3, height: box.height + 3 };
  make(svg, "rect", { ...frame, rx: 4, fill: "none", stroke: "currentColor", "stroke-width": 3,
    class: "lrbook-here" });
}

function told(at, setting) {
  if (!setting) return `Not recorded: ${words(at)}. Nothing is drawn between recorded settings.`;
  const arms = setting.arms.map((arm) => {
    const [rows] = arm.values, steps = data.steps[arm.steps], end = steps.length - 1;
    const [low, high] = rows.slice(1).map((row) => row[end].toFixed(3));
    const range = arm.few ? "" : ` (${low} to ${high})`;
    return `${arm.arm} ends at ${numbers(arm, rows, end, 3)}${range} after `
      + `${last(steps).toLocaleString("en")} steps`;
  });
  const said = gaps(setting).map((points) => signed(points, 1)).join(" and ");
  return `${words(at)}: ${arms.join("; ")}. ${over(setting.arms, String(setting.arms[0].seeds))} `
    + `S's error minus L-S's: ${said} points; ${setting.verdict}.`;
}

const places = () => sliders.map((slider) => Number(slider.value));

function draw() {
  const at = places();
  drawCurves(bySetting.get(String(at)));
  maps.forEach((svg, i) => drawMap(svg, data.planes[i], at));
}

function show() {
  const at = places(), setting = bySetting.get(String(at));
  at.forEach((place, axis) => {
    values[axis].textContent = value(axis, place);
    sliders[axis].setAttribute("aria-valuetext", value(axis, place));
  });
  said.textContent = told(at, setting);
  button.hidden = Boolean(setting);
  if (!setting) button.textContent = `Go to the nearest recorded: ${words(nearest(at).at)}`;
  draw();
}

function go(at) {
  at.forEach((place, axis) => { sliders[axis].value = place; });
  show();
}

sliders.forEach((slider) => slider.addEventListener("input", show));
button.addEventListener("click", () => {
  go(nearest(places()).at);
  sliders[0].focus(); // the button is gone
});
go(data.start);
whenSized(draw);
