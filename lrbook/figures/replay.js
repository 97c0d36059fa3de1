/* Replays accuracy by epoch: one drawing per panel, up to the epoch of the slider, and a table. */
const panels = data.panels.map((panel, i) => ({ ...panel, svg: root.querySelectorAll("figure svg")[i] }));
const table = root.querySelector("table"), body = table.querySelector("tbody");
const last = data.epoch.length - 1;
const cells = data.arms.map((arm) => {
  const row = body.insertRow(), head = row.appendChild(document.createElement("th"));
  head.scope = "row";
  sample(head, arm);
  head.append(` ${arm.arm}`);
  return panels.map(() => row.insertCell());
});
let now = last;

function draw() {
  panels.forEach((panel, i) => {
    const plot = chart(panel.svg, 260, {
      x: [data.epoch[0], data.epoch[last]], y: panel.range, xticks: data.ticks, yticks: panel.ticks,
      xlabel: "epoch", ylabel: data.ylabel,
    });
    data.drops.forEach((drop, j) => upright(plot, drop - 0.5, j ? "" : data.drop_words));
    for (const [label, height] of Object.entries(panel.levels)) {
      const y = plot.y(height), look = { stroke: "currentColor", "stroke-dasharray": "2 4" };
      make(panel.svg, "line", { x1: plot.left, x2: plot.right, y1: y, y2: y, ...look });
      const place = { x: plot.right - 4, y: y + 15, "text-anchor": "end", "font-size": 13 };
      make(panel.svg, "text", place, label);
    }
    for (const arm of data.arms) curve(plot, data.epoch, arm, arm.values[i], now + 1);
  });
}

/* One decimal, and the range in brackets; no line breaks within either. */
function fill(cell, arm, values) {
  const said = numbers(arm, values, now, 1);
  if (arm.few) return cell.replaceChildren(said);
  const [low, high] = values.slice(1).map((row) => row[now].toFixed(1));
  const range = document.createElement("span");
  range.textContent = `(${low}–${high})`;
  return cell.replaceChildren(`${said} `, range);
}

function show(frame) {
  now = frame;
  draw();
  const past = data.drops.filter((drop) => data.epoch[frame] >= drop).length;
  const when = past === 0 ? "before the rate drops"
    : data.drops.length === 1 ? "after the drop" : `after ${past} of ${data.drops.length} drops`;
  const words = `Epoch ${data.epoch[frame]} of ${data.epoch[last]}, ${when}`;
  table.caption.textContent = `${words}. ${over(data.arms, data.seeds)}`;
  cells.forEach((row, a) =>
    row.forEach((cell, i) => fill(cell, data.arms[a], data.arms[a].values[i])));
  const said = panels.map((panel, i) => `${panel.title}: `
    + data.arms.map((arm) => `${arm.arm} ${numbers(arm, arm.values[i], frame, 1)}`).join(", "));
  return [words, ...said].join("; ");
}

/* Without motion: from drop to drop, and a few epochs on the way. */
const tenths = Array.from({ length: 10 }, (_, i) => Math.round(((i + 1) / 10) * last));
const drops = data.drops.map((drop) => data.epoch.findIndex((epoch) => epoch >= drop));
const stops = [...tenths, ...drops.flatMap((at) => [at - 1, at])].filter((at) => at > 0);
player(last, stops.sort((a, b) => a - b), 150, show);
whenSized(draw);
