/* Plays films of N_V on the plane of z and zeta: one canvas per arm, one slider for all.
   N_V is positively homogeneous, so a frame is one value per direction psi; the point (X, Y) has
   the value |(X, Y)| g(atan2(Y, X)). */
const panels = data.films.map((film, i) => ({
  film, canvas: root.querySelectorAll("canvas")[i], words: root.querySelectorAll("figcaption")[i],
}));
const color = blend(data.colors);
const last = Math.max(...data.films.map((film) => film.step.length)) - 1;

function valueAt(row, X, Y) {
  const at = (Math.atan2(Y, X) / Math.PI + 0.5) * (row.length - 1);
  const left = Math.min(Math.floor(at), row.length - 2);
  return Math.hypot(X, Y) * (row[left] + (at - left) * (row[left + 1] - row[left]));
}

function plane(context, row, left, width, height) {
  const image = context.createImageData(width, height);
  for (let j = 0; j < height; j++) {
    for (let i = 0; i < width; i++) {
      const value = valueAt(row, (i + 0.5) / width, 1 - (2 * (j + 0.5)) / height);
      image.data.set([...color(value / data.limit), 255], 4 * (j * width + i));
    }
  }
  context.putImageData(image, left, 0);
  context.strokeStyle = "#303030";
  context.lineWidth = 1.5;
  for (const t of [-1, 0, 1]) {
    context.beginPath();
    context.moveTo(left, height / 2);
    context.lineTo(left + width, (height / 2) * (1 - t / data.reach));
    context.stroke();
  }
}

/* Beside the plane, on the same vertical axis t: the values on the line z + t zeta. */
function curve(context, row, left, width, height, stroke) {
  context.clearRect(left, 0, width, height);
  context.strokeStyle = data.neutral;
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, 0.5, width - 1, height - 1);
  for (const t of [-1, 0, 1]) {
    const y = (height / 2) * (1 - t / data.reach);
    line(context, [[left, y], [left + width, y]], [3, 3]);
  }
  line(context, [[left + width / 2, 0], [left + width / 2, height]], []);
  const points = [];
  for (let j = 0; j <= height; j += 2) {
    const share = valueAt(row, 1, 1 - (2 * j) / height) / data.limit;
    points.push([left + (width / 2) * (1 + Math.max(-1, Math.min(1, share))), j]);
  }
  context.strokeStyle = stroke;
  context.lineWidth = 3;
  line(context, points, []);
}

function line(context, points, dash) {
  context.setLineDash(dash);
  context.beginPath();
  points.forEach(([x, y]) => context.lineTo(x, y));
  context.stroke();
  context.setLineDash([]);
}

function show(frame) {
  const said = panels.map(({ film, canvas, words }) => {
    const at = Math.round((frame / last) * (film.step.length - 1));
    const row = film.values[at].map((value) => value * data.unit);
    const context = canvas.getContext("2d"), half = canvas.width / 2;
    plane(context, row, 0, half - 8, canvas.height);
    curve(context, row, half, half, canvas.height, film.color);
    const text = `${film.arm}: step ${film.step[at].toLocaleString("en")}, rate ${film.rate[at]}`;
    words.textContent = text;
    return text;
  });
  return said.join("; ");
}

const tenths = Array.from({ length: 11 }, (_, i) => Math.round((i / 10) * last));
player(last, tenths, 150, show);
