// What all plots share: colours, scales and ticks. Saved drawings stand alone, so colours are written into them.
const FONT = "12px system-ui, 'DejaVu Sans', sans-serif";
const plain = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function colour(t) {
  return D.colours[Math.round(Math.max(0, Math.min(1, t)) * (D.colours.length - 1))];
}
function inkOn(hex) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#111111" : "#ffffff";
}

// One colour per value of an axis, from its first to its last.
function hueOf(task, point, axis) {
  if (axis < 0) return plain("--accent");
  const n = task.axes[axis].values.length;
  return D.hues[Math.round((point[axis] / Math.max(1, n - 1)) * (D.hues.length - 1))];
}

// How good a value is, from 0 to 1.
function goodness(values, better) {
  const low = Math.min(...values), high = Math.max(...values);
  if (better === "zero") {
    const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
    return (value) => 1 - Math.abs(value) / reach;
  }
  const log = low > 0 && high / low > 100;
  const place = (value) => (high === low ? 0.7 : log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
  return (value) => (better === "lower" ? 1 - place(value) : place(value));
}

// From values to [0, 1]; numbers that span decades on a logarithmic scale, texts at equal distances.
function placeOn(axis) {
  const n = axis.values.length;
  if (!axis.numbers) return { at: (i) => (n > 1 ? i / (n - 1) : 0.5), log: false };
  const low = Math.min(...axis.numbers), high = Math.max(...axis.numbers), log = low > 0 && high / low > 50;
  const f = log ? Math.log : Number;
  return { at: (i) => (high === low ? 0.5 : (f(axis.numbers[i]) - f(low)) / (f(high) - f(low))), log };
}

// Round steps between two numbers.
function roundTicks(low, high, most) {
  if (!(high > low)) return [low];
  const unit = 10 ** Math.floor(Math.log10((high - low) / most));
  const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => (high - low) / s <= most);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-12) + 1e-12; i++) ticks.push(i * step);
  return ticks;
}
function logTicks(low, high) {  // exponents of ten
  const decades = high - low, every = Math.max(1, Math.ceil(decades / 8)), ticks = [];
  for (let d = Math.floor(low); d <= Math.ceil(high); d++)
    for (const m of decades < 1.2 ? [1, 2, 3, 4, 6, 8] : decades < 3 ? [1, 3] : [1])
      if (m !== 1 || d % every === 0) ticks.push(m * 10 ** d);
  return ticks.filter((value) => Math.log10(value) >= low - 1e-9 && Math.log10(value) <= high + 1e-9);
}
// Which labels fit: the first, the last, and those between that keep their distance in px.
function apart(places, distance) {
  const kept = [], last = places.length - 1;
  places.forEach((place, i) => {
    const free = (k) => Math.abs(places[k] - place) >= distance;
    if (i === last || (kept.every(free) && free(last))) kept.push(i);
  });
  return kept;
}
const tickText = (value) => (value !== 0 && (Math.abs(value) >= 1e4 || Math.abs(value) < 1e-3) ? value.toExponential(0) : String(Number(value.toPrecision(3))));

function label(x, y, words, attributes = {}) {
  return svg("text", { x, y, fill: plain("--muted"), "font-family": "system-ui, 'DejaVu Sans', sans-serif", "font-size": 11, stroke: plain("--paper"), "stroke-width": 3, "paint-order": "stroke", ...attributes }, words);
}
function rule(x1, y1, x2, y2) {
  return svg("line", { x1, y1, x2, y2, stroke: plain("--line") });
}
function drawing(width, height, title) {
  return svg("svg", { xmlns: "http://www.w3.org/2000/svg", class: "drawing", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": title });
}
function savable(figure, make, name) {
  figure.append(el("button", { type: "button", class: "save controls", "aria-label": `Save ${name} as SVG`, on: { click: () => saveSvg(make(), name.replace(/[^\w.-]+/g, "_").replace(/_$/, "")) } }, "Save SVG"));
  return figure;
}
