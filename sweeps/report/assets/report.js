"use strict";
// Draws the report from the JSON in the page. Text only ever enters through textContent.
const D = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, call] of Object.entries(value)) node.addEventListener(event, call);
    else if (name === "style") for (const [key, text] of Object.entries(value)) node.style.setProperty(key, text);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}
function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// ---------------------------------------------------------------- data
const metricOf = Object.fromEntries(D.metrics.map((metric) => [metric.name, metric]));
const allAxes = D.axes.map((_, i) => i);
const describe = (cell, axes = allAxes) =>
  axes.map((i) => `${D.axes[i].label} ${D.axes[i].values[cell.point[i]]}`).join(", ") || "the only setting";
const mean = (cell, name) => (cell.values[name] ? cell.values[name][0] : null);
const digits = { psnr: 1, fit_psnr: 1, fit_sharpness: 1, quality: 1, ssim: 3, identity_distance: 2, w_distance: 2, converged_step: 0, seconds: 1, steps_per_second: 1 };
function number(value, name) {
  if (value === null || value === undefined) return "–";
  const own = name ? name.replace(/^(consistent|samples_mean)_/, "") : "";
  if (own in digits) return value.toFixed(digits[own]);
  if (value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 1e5)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}
function interval(cell, name) {
  const value = cell.values[name];
  return value && value[1] !== null ? `${number(value[1], name)} to ${number(value[2], name)}` : "";
}
// A picture's bytes stand in an element of their own, perhaps further down than the browser has read yet.
const later = [];
function load(img, i) {
  const bytes = document.getElementById(`picture-${i}`);
  if (bytes) img.src = `data:image/webp;base64,${bytes.textContent}`;
  else if (document.readyState === "loading") later.push([img, i]);
  return img;
}
document.addEventListener("DOMContentLoaded", () => { for (const [img, i] of later.splice(0)) load(img, i); });
const WORDS = { restored: "restored", consistent: "consistent", degraded: D.known ? "degraded" : "photo as given", original: "original" };
const kinds = ["restored", "consistent", "degraded", "original"].filter((kind) => D.problems.some((p) => kind in p.pictures));
let photo = 0;  // which of a cell's problems is shown
const problemOf = (cell) => D.problems[cell.problems[Math.min(photo, cell.problems.length - 1)]];
const marks = (i) => (i === D.best ? " best" : "") + (i === D.recommended ? " recommended" : "");
function badge(i) {
  return i === D.best ? "best" : i === D.recommended ? "recommended" : "";
}

// Calls `draw` when the element comes near the screen: pictures and panels are made only then.
const waiting = new WeakMap();
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    waiting.get(entry.target)();
  }
}, { rootMargin: "600px" });
function whenNear(node, draw) {
  waiting.set(node, draw);
  near.observe(node);
  return node;
}
function image(index, attributes) {
  const node = el("img", { alt: "", decoding: "async", ...attributes });
  return whenNear(node, () => load(node, index));
}

// ---------------------------------------------------------------- before and after
function compare(problem, before, after) {
  const names = `${WORDS[before]} on the left, ${WORDS[after]} on the right`;
  const slider = el("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": `Compare: ${names}` });
  const figure = el("figure", { class: "compare" },
    load(el("img", { class: "before", alt: WORDS[before] }), problem.pictures[before]),
    load(el("img", { class: "after", alt: WORDS[after] }), problem.pictures[after]),
    el("span", { class: "tag left" }, WORDS[before]), el("span", { class: "tag right" }, WORDS[after]),
    el("span", { class: "line" }), slider, el("figcaption", {}, names));
  const show = () => figure.style.setProperty("--at", `${slider.value}%`);
  const drag = (event) => {
    const box = figure.getBoundingClientRect();
    slider.value = (100 * (event.clientX - box.left)) / box.width;
    show();
  };
  slider.addEventListener("input", show);
  figure.addEventListener("pointerdown", (event) => {
    figure.setPointerCapture(event.pointerId);
    slider.focus({ preventScroll: true });
    drag(event);
    event.preventDefault();
  });
  figure.addEventListener("pointermove", (event) => { if (event.buttons) drag(event); });
  return figure;
}
function absence(problem, status = problem.status) {
  const word = status === "FINISHED" ? "no picture" : status.toLowerCase();
  return el("span", { class: `absent ${status.toLowerCase()}` }, el("b", {}, word),
    problem.reason ? el("small", {}, problem.reason) : "");
}
function stage(problem, before) {
  const other = before in problem.pictures ? before : "degraded" in problem.pictures ? "degraded" : null;
  if ("restored" in problem.pictures && other) return compare(problem, other, "restored");
  if ("restored" in problem.pictures)
    return el("figure", { class: "compare" }, load(el("img", { alt: "restored" }), problem.pictures.restored));
  return el("div", { class: "stage" }, absence(problem));
}

function segments(container, name, options, chosen, onChange) {
  const box = el("div", { class: "segments" });
  for (const option of options)
    box.append(el("label", {},
      el("input", { type: "radio", name, value: option, checked: option === chosen, on: { change: () => onChange(option) } }),
      el("span", {}, WORDS[option] || option)));
  container.append(box);
}

// ---------------------------------------------------------------- result
function figures(cell) {
  const list = [];
  for (const name of ["psnr", "ssim", "identity_distance", "fit_psnr", ...(D.known ? [] : ["fit_sharpness"]), "w_distance", "seconds"]) {
    if (mean(cell, name) === null || !metricOf[name]) continue;
    list.push(el("div", {}, el("dt", {}, metricOf[name].title),
      el("dd", {}, number(mean(cell, name), name), interval(cell, name) ? el("small", {}, interval(cell, name)) : "")));
  }
  if (cell.expected > 1) list.push(el("div", {}, el("dt", {}, "n"), el("dd", {}, `${cell.n} of ${cell.expected}`)));
  return list;
}
function copyable(text) {
  const button = el("button", { type: "button" }, "Copy");
  const code = el("code", { tabindex: 0 }, text);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // a file opened from disk, or a frame, may not write to the clipboard
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return el("div", { class: "command" }, code, button);
}
function verdict() {
  const count = (status) => D.problems.filter((problem) => problem.status === status).length;
  const parts = [`${count("FINISHED")} of ${D.problems.length} runs finished`];
  for (const status of ["FAILED", "KILLED", "RUNNING", "MISSING"])
    if (count(status)) parts.push(`${count(status)} ${status.toLowerCase()}`);
  $("count").textContent = parts.join(" · ");
  if (D.recommended === null) return;
  const cell = D.cells[D.recommended];
  if (D.command) $("command").append(copyable(D.command));
  $("chosen").append(...figures(cell));
  const shown = cell.problems.map((i) => D.problems[i]).find((problem) => "restored" in problem.pictures);
  if (shown) $("proof").append(stage(shown, "degraded"));
}

// ---------------------------------------------------------------- grid of pictures
let shown = kinds[0] || "restored";
let redraws = [];  // one per card: what to do when another kind of picture is wanted
function captionOf(cell) {
  const parts = [];
  if (D.known && mean(cell, "psnr") !== null) parts.push(`${number(mean(cell, "psnr"), "psnr")}\u00a0dB`);
  if (D.known && mean(cell, "identity_distance") !== null) parts.push(`id\u00a0${number(mean(cell, "identity_distance"), "identity_distance")}`);
  if (!D.known && mean(cell, "fit_psnr") !== null) parts.push(`fit\u00a0${number(mean(cell, "fit_psnr"), "fit_psnr")}\u00a0dB`);
  const range = interval(cell, D.known ? "psnr" : "fit_psnr");
  const small = [range, cell.expected > 1 ? `n ${cell.n}${cell.n < cell.expected ? ` of ${cell.expected}` : ""}` : ""].filter(Boolean).join(" · ");
  return [parts.join(" · ") || "\u00a0", small];
}
function card(index, named) {
  const cell = D.cells[index];
  const view = el("span", { class: "view" });
  const [line, small] = captionOf(cell);
  const node = el("button", { type: "button", class: `card${marks(index)}`, on: { click: () => open(index) },
    "aria-label": `${describe(cell)}: ${line.trim() || cell.status.toLowerCase()} ${badge(index)}` }, view,
    el("span", { class: "caption" }, ...line.split(" · ").map((part) => el("span", {}, part)), small ? el("small", {}, small) : "", named ? el("small", {}, describe(cell)) : ""));
  if (badge(index)) node.append(el("span", { class: "badge" }, badge(index)));
  const draw = () => {
    const problem = problemOf(cell);
    view.replaceChildren();
    if (!(shown in problem.pictures)) { view.append(absence(problem)); return; }
    view.append(image(problem.pictures[shown], { class: "top" }));
    const other = shown === "restored" ? "degraded" : "restored";
    if (!(other in problem.pictures)) return;
    // A mouse over the picture uncovers the other one up to where it points.
    let under = null;
    view.onpointermove = (event) => {
      if (event.pointerType !== "mouse") return;
      if (!under) view.append((under = load(el("img", { class: "under", alt: "" }), problem.pictures[other])));
      const box = view.getBoundingClientRect();
      under.style.setProperty("--at", `${(100 * (event.clientX - box.left)) / box.width}%`);
    };
    view.onpointerleave = () => { if (under) under.remove(); under = null; };
  };
  draw();
  redraws.push(draw);
  return node;
}
function matrix(cells, make, className) {
  const { across, down } = D.layout;
  const at = new Map(cells.map((i) => [`${down === null ? 0 : D.cells[i].point[down]},${across === null ? 0 : D.cells[i].point[across]}`, i]));
  const table = el("table", { class: className });
  const columns = across === null ? [""] : D.axes[across].values;
  const rows = down === null ? [""] : D.axes[down].values;
  const head = el("thead");
  if (across !== null) {
    head.append(el("tr", {}, down === null ? "" : el("td"), el("th", { class: "axis", colspan: columns.length, scope: "colgroup" }, D.axes[across].label)));
    head.append(el("tr", {}, down === null ? "" : el("th", { class: "axis", scope: "col" }, D.axes[down].label),
      ...columns.map((value) => el("th", { scope: "col" }, value))));
  }
  const body = el("tbody");
  rows.forEach((value, r) => {
    const line = el("tr", {}, down === null ? "" : el("th", { scope: "row" }, value));
    columns.forEach((_, c) => {
      const i = at.get(`${r},${c}`);
      line.append(el("td", {}, i === undefined ? "" : make(i)));
    });
    body.append(line);
  });
  table.append(head, body);
  return table;
}
let panel = -1;  // which panel is shown; -1: all
function panels() {
  const all = allPanels();
  return panel < 0 ? all : [all[panel]];
}
function allPanels() {
  const groups = new Map();
  D.cells.forEach((cell, i) => {
    const key = D.layout.panels.map((axis) => cell.point[axis]).join(",");
    groups.set(key, [...(groups.get(key) || []), i]);
  });
  return [...groups.values()];
}
const MOST_PANELS = 4;  // that are shown at once unless all are asked for
const columnsOfGrid = () => (D.layout.across === null ? 1 : D.axes[D.layout.across].values.length);
function grid() {
  const box = $("grid");
  box.replaceChildren();
  redraws = [];
  if (!D.cells.length) { box.append(el("p", { class: "hint" }, "There are no runs.")); return; }
  if (!D.layout.grid) {
    const ranked = D.cells.map((_, i) => i).sort((a, b) => (mean(D.cells[b], "quality") ?? -1e9) - (mean(D.cells[a], "quality") ?? -1e9));
    for (let start = 0; start < ranked.length; start += 60) {
      const part = ranked.slice(start, start + 60);
      const gallery = el("div", { class: "gallery", style: { "min-height": start ? "40vh" : "0" } });
      whenNear(gallery, () => gallery.append(...part.map((i) => card(i, true))));
      box.append(gallery);
    }
    return;
  }
  panels().forEach((cells, number) => {
    if (D.layout.panels.length) box.append(el("h3", {}, describe(D.cells[cells[0]], D.layout.panels)));
    const rows = D.layout.down === null ? 1 : D.axes[D.layout.down].values.length;
    const scroll = el("div", { class: "scroll", style: { "min-height": `calc(${rows} * (var(--cell) + 2.5rem))` } });
    const draw = () => scroll.append(matrix(cells, (i) => card(i, false), "matrix"));
    if (number < 1) draw(); else whenNear(scroll, draw);
    box.append(scroll);
  });
}
function gridControls() {
  segments($("shown"), "shown", kinds, shown, (kind) => { shown = kind; redraws.forEach((draw) => draw()); });
  $("shown").hidden = kinds.length < 2;
  const most = Math.max(1, ...D.cells.map((cell) => cell.problems.length));
  if (most > 1) {
    const longest = D.cells.find((cell) => cell.problems.length === most);
    longest.problems.forEach((p, i) => $("photo").append(el("option", { value: i }, nameOf(D.problems[p]))));
    $("photo").addEventListener("change", () => { photo = Number($("photo").value); redraws.forEach((draw) => draw()); });
    $("photo-choice").hidden = false;
  }
  if (D.layout.grid && D.layout.panels.length) {
    const all = allPanels();
    $("panel-name").textContent = D.layout.panels.map((i) => D.axes[i].label).join(", ");
    $("panel").append(el("option", { value: -1 }, "all"), ...all.map((cells, i) => el("option", { value: i }, D.layout.panels.map((axis) => D.axes[axis].values[D.cells[cells[0]].point[axis]]).join(", "))));
    panel = all.length > MOST_PANELS ? Math.max(0, all.findIndex((cells) => cells.includes(D.recommended))) : -1;
    $("panel").value = panel;
    $("panel").addEventListener("change", () => { panel = Number($("panel").value); grid(); heatmaps(); });
    $("panel-choice").hidden = all.length < 2;
  }
  const room = Math.min($("grid").clientWidth || 800, 1200) - 90;
  const across = D.layout.grid ? columnsOfGrid() : 6;
  const side = Math.max(96, Math.min(240, Math.floor(room / across) - 8));
  const slider = $("size");
  const resize = () => document.documentElement.style.setProperty("--cell", `${slider.value}px`);
  slider.value = side;
  slider.addEventListener("input", resize);
  resize();
}
const nameOf = (problem) => (D.severalSeeds ? `${problem.photo}, seed ${problem.seed}` : problem.photo);

// ---------------------------------------------------------------- heatmaps
function colour(t) {
  const x = Math.max(0, Math.min(1, t)) * (D.colours.length - 1);
  return D.colours[Math.round(x)];
}
function inkOn(hex) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#111" : "#fff";
}
function scaleOf(name) {
  const values = D.cells.map((cell) => mean(cell, name)).filter((value) => value !== null);
  if (!values.length) return null;
  const low = Math.min(...values), high = Math.max(...values);
  const log = low > 0 && high / low > 100;
  if (metricOf[name].better === "zero") {
    const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
    return (value) => 1 - Math.abs(value) / reach;
  }
  const place = (value) => (high === low ? 0.7 : log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
  return (value) => (metricOf[name].better === "lower" ? 1 - place(value) : place(value));
}
function heatmap(name) {
  const scale = scaleOf(name);
  const figure = el("figure", { class: "map" }, el("figcaption", {}, metricOf[name].title));
  const dense = columnsOfGrid() > 14;
  for (const cells of panels()) {
    if (D.layout.panels.length) figure.append(el("p", { class: "hint" }, describe(D.cells[cells[0]], D.layout.panels)));
    const make = (i) => {
      const cell = D.cells[i], value = mean(cell, name);
      const text = value === null ? cell.status === "FINISHED" ? "–" : cell.status.toLowerCase() : number(value, name);
      const button = el("button", { type: "button", class: (value === null ? "none" : "") + marks(i), title: `${describe(cell)}: ${text} ${interval(cell, name)}`,
        "aria-label": `${describe(cell)}: ${text} ${badge(i)}`, on: { click: () => open(i) } }, text);
      if (value !== null) { button.style.background = colour(scale(value)); button.style.color = inkOn(colour(scale(value))); }
      return button;
    };
    figure.append(el("div", { class: "scroll" }, matrix(cells, make, `heat${dense ? " dense" : columnsOfGrid() > 7 ? " many" : ""}`)));
  }
  return figure;
}
function scatter(name, axis) {
  const W = 300, H = 200, values = D.axes[axis].numbers;
  const points = D.cells.map((cell, i) => ({ i, x: values[cell.point[axis]], y: mean(cell, name) })).filter((point) => point.y !== null);
  const figure = el("figure", { class: "map" }, el("figcaption", {}, `${metricOf[name].title} against ${D.axes[axis].label}`));
  if (!points.length) return figure;
  const xs = points.map((p) => p.x), ys = points.map((p) => p.y);
  const log = Math.min(...xs) > 0 && Math.max(...xs) / Math.min(...xs) > 50;
  const span = (list, f) => { const low = f(Math.min(...list)), high = f(Math.max(...list)); return (v) => (high === low ? 0.5 : (f(v) - low) / (high - low)); };
  const px = span(xs, log ? Math.log : Number), py = span(ys, Number);
  const drawn = svg("svg", { class: "dots", viewBox: `0 0 ${W} ${H + 20}`, width: W, height: H + 20, role: "img", "aria-label": `${metricOf[name].title} against ${D.axes[axis].label}` });
  drawn.append(svg("line", { x1: 0, x2: W, y1: H, y2: H }), svg("line", { x1: 0, x2: 0, y1: 0, y2: H }));
  const label = (x, y, anchor, text) => drawn.append(svg("text", { x, y, "text-anchor": anchor }, text));
  label(0, H + 15, "start", number(Math.min(...xs))); label(W, H + 15, "end", number(Math.max(...xs)));
  label(4, 10, "start", number(Math.max(...ys), name)); label(4, H - 4, "start", number(Math.min(...ys), name));
  for (const point of points) {
    const dot = svg("circle", { cx: 8 + px(point.x) * (W - 16), cy: H - 8 - py(point.y) * (H - 16), r: 5, fill: colour(0.35 + 0.4 * py(point.y)), class: marks(point.i).trim() },
      svg("title", {}, `${describe(D.cells[point.i])}: ${number(point.y, name)}`));
    dot.addEventListener("click", () => open(point.i));
    drawn.append(dot);
  }
  figure.append(drawn);
  return figure;
}
function heatmaps() {
  const box = $("maps");
  box.replaceChildren();
  const metrics = D.metrics.filter((metric) => metric.main && D.cells.some((cell) => mean(cell, metric.name) !== null));
  const others = D.metrics.filter((metric) => !metric.main && D.cells.some((cell) => mean(cell, metric.name) !== null));
  if (!metrics.length) { box.append(el("p", { class: "hint" }, "Nothing has finished.")); return; }
  const maps = (metric) => (D.layout.grid ? [heatmap(metric.name)] : D.axes.map((axis, i) => (axis.numbers ? scatter(metric.name, i) : null)).filter(Boolean));
  for (const metric of metrics) {
    const mark = el("span", { style: { "min-height": "10rem", "min-width": "10rem" } });
    box.append(whenNear(mark, () => mark.replaceWith(...maps(metric))));
  }
  if (others.length) {
    const select = el("select", { "aria-label": "Another figure" }, el("option", { value: "" }, "more figures …"), ...others.map((metric) => el("option", { value: metric.name }, metric.title)));
    select.addEventListener("change", () => {
      const metric = metricOf[select.value];
      if (!metric) return;
      select.before(...maps(metric));
      select.selectedOptions[0].remove();
      select.value = "";
      if (select.length === 1) select.remove();
    });
    box.append(select);
  }
}

// ---------------------------------------------------------------- losses
const plain = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let lit = null;  // the curve under the mouse
const curves = [];
function hueOf(problem, axis) {
  if (axis < 0) return plain("--accent");
  const n = D.axes[axis].values.length;
  // The ends of the map vanish on white or on black paper.
  return D.hues[Math.round((problem.point[axis] / Math.max(1, n - 1)) * (D.hues.length - 1))];
}
function drawCurves() {
  const canvas = $("curves"), term = $("term").value, axis = Number($("colour").value);
  const box = canvas.parentNode.getBoundingClientRect();
  if (!box.width || !term) return;
  const ratio = devicePixelRatio || 1;
  canvas.width = box.width * ratio;
  canvas.height = box.height * ratio;
  const g = canvas.getContext("2d");
  g.scale(ratio, ratio);
  const left = 58, right = box.width - 8, top = 8, bottom = box.height - 34;
  const runs = D.problems.filter((problem) => problem.curves[term]);
  const all = runs.flatMap((problem) => problem.curves[term][1]).filter((v) => v > 0).sort((a, b) => a - b);
  curves.length = 0;
  g.font = "12px system-ui, sans-serif";
  g.fillStyle = plain("--muted");
  if (!all.length) { g.fillText("No run has recorded a loss.", left, 40); return; }
  const low = Math.log10(all[Math.floor(all.length * 0.001)]) - 0.1, high = Math.log10(all[Math.ceil(all.length * 0.999) - 1]) + 0.1;
  const last = Math.max(1, ...runs.map((problem) => Math.max(...D.steps[problem.curves[term][0]])));
  const X = (step) => left + ((right - left) * step) / last;
  const Y = (value) => bottom - ((bottom - top) * (Math.log10(value) - low)) / Math.max(high - low, 1e-9);
  g.strokeStyle = plain("--line");
  g.lineWidth = 1;
  g.textAlign = "right";
  const decades = high - low;
  const every = Math.max(1, Math.ceil(decades / 8));
  for (let d = Math.floor(low); d <= Math.ceil(high); d++)
    for (const m of decades < 1.2 ? [1, 2, 3, 4, 6, 8] : decades < 3 ? [1, 3] : [1]) {
      const value = m * 10 ** d, y = Y(value);
      if (y < top - 1 || y > bottom + 1 || (m === 1 && d % every)) continue;
      g.beginPath(); g.moveTo(left, y); g.lineTo(right, y); g.stroke();
      g.fillText(value >= 1e4 || value < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(2))), left - 6, y + 4);
    }
  g.textAlign = "center";
  const unit = 10 ** Math.floor(Math.log10(last / 4)), step = [1, 2, 5, 10].map((m) => m * unit).find((s) => last / s <= 6) || last;
  for (let s = 0; s <= last; s += Math.max(1, step)) g.fillText(s, Math.min(X(s), right - 12), bottom + 16);
  g.fillText("step", (left + right) / 2, bottom + 30);
  g.save();
  g.beginPath(); g.rect(left, top, right - left, bottom - top); g.clip();
  const thin = runs.length <= 30 ? 0.9 : Math.max(0.18, 5 / Math.sqrt(runs.length));
  const stroke = (problem, width, alpha) => {
    const [x, ys] = problem.curves[term], xs = D.steps[x], path = [];
    g.beginPath();
    let pen = false;
    ys.forEach((value, i) => {
      if (!(value > 0)) { pen = false; return; }
      const at = [X(xs[i]), Y(value)];
      path.push(at);
      if (pen) g.lineTo(...at); else g.moveTo(...at);
      pen = true;
    });
    g.globalAlpha = alpha;
    g.lineWidth = width;
    g.strokeStyle = hueOf(problem, axis);
    g.setLineDash(problem.status === "FINISHED" ? [] : [3, 3]);
    g.stroke();
    return path;
  };
  for (const problem of runs) {
    curves.push({ problem, path: stroke(problem, 1.3, lit ? thin * 0.3 : thin) });
  }
  if (lit && lit.curves[term]) stroke(lit, 3, 1);
  g.restore();
}
function losses() {
  if (!D.terms.length) { $("losses").hidden = true; return; }
  $("term").append(...D.terms.map((term) => el("option", { value: term }, term === "loss" ? "total loss" : term)));
  $("colour").append(...D.axes.map((axis, i) => el("option", { value: i }, axis.label)), el("option", { value: -1 }, "nothing"));
  if (D.layout.down !== null) $("colour").value = D.layout.down;
  else if (D.layout.across !== null) $("colour").value = D.layout.across;
  const legend = () => {
    const axis = Number($("colour").value);
    $("legend").replaceChildren();
    if (axis < 0) return;
    const n = D.axes[axis].values.length, every = Math.ceil(n / 12);
    D.axes[axis].values.forEach((value, i) => {
      if (i % every && i !== n - 1) return;
      $("legend").append(el("span", {}, el("i", { style: { background: hueOf({ point: D.axes.map(() => i) }, axis) } }), `${D.axes[axis].label} ${value}`));
    });
  };
  const redraw = () => { legend(); drawCurves(); };
  $("term").addEventListener("change", redraw);
  $("colour").addEventListener("change", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(drawCurves).observe($("curves").parentNode);
  const nearest = (event) => {
    const box = $("curves").getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    let best = null, distance = 400;
    for (const curve of curves)
      for (const [a, b] of curve.path) {
        const d = (a - x) ** 2 + (b - y) ** 2;
        if (d < distance) { distance = d; best = curve.problem; }
      }
    return best;
  };
  $("curves").addEventListener("pointermove", (event) => {
    const found = nearest(event);
    if (found === lit) return;
    lit = found;
    $("curve-name").textContent = found ? `${describe(found)}${D.repeats > 1 ? `, ${nameOf(found)}` : ""}` : "";
    $("curves").style.cursor = found ? "pointer" : "";
    drawCurves();
  });
  $("curves").addEventListener("pointerleave", () => { lit = null; $("curve-name").textContent = ""; drawCurves(); });
  $("curves").addEventListener("click", (event) => { const found = nearest(event); if (found) open(found.cell); });
  redraw();
}

// ---------------------------------------------------------------- table
const PAGE = 25;
let sorted = D.cells.map((_, i) => i), sortKey = null, falling = false, page = 0;
const measured = D.metrics.filter((metric) => D.cells.some((cell) => mean(cell, metric.name) !== null));
const columns = [
  ...D.axes.map((axis, i) => ({ id: `axis ${i}`, title: axis.label, text: !axis.numbers, of: (cell) => cell.point[i], show: (cell) => axis.values[cell.point[i]] })),
  ...(D.repeats > 1 ? [{ id: "n", title: "n", of: (cell) => cell.n, show: (cell) => `${cell.n} of ${cell.expected}` }] : []),
  { id: "status", title: "status", text: true, of: (cell) => cell.status, show: (cell) => cell.status.toLowerCase() },
  ...measured.map((metric) => ({ id: metric.name, title: metric.title, lower: metric.better === "lower", of: (cell) => mean(cell, metric.name), metric: metric.name, show: (cell) => number(mean(cell, metric.name), metric.name) })),
];
function sortBy(column) {
  falling = sortKey === column.id ? !falling : Boolean(column.metric) && !column.lower;
  sortKey = column.id;
  const sign = falling ? -1 : 1;
  sorted.sort((a, b) => {
    const x = column.of(D.cells[a]), y = column.of(D.cells[b]);
    if (x === null || y === null) return (x === null) - (y === null);  // what is not known comes last either way
    return x < y ? -sign : x > y ? sign : a - b;
  });
  page = 0;
  table();
}
function table() {
  const head = el("tr", {}, el("th", { class: "text" }, el("span", { class: "skip" }, "Picture")));
  for (const column of columns)
    head.append(el("th", { scope: "col", class: column.text ? "text" : null, "aria-sort": sortKey === column.id ? (falling ? "descending" : "ascending") : null },
      el("button", { type: "button", on: { click: () => { sortBy(column); $("rows").querySelector("th[aria-sort] button").focus(); } } }, column.title)));
  const body = el("tbody");
  for (const i of sorted.slice(page * PAGE, (page + 1) * PAGE)) {
    const cell = D.cells[i], problem = problemOf(cell);
    const thumbnail = "restored" in problem.pictures ? image(problem.pictures.restored, {}) : "·";
    const row = el("tr", { class: marks(i).trim() || null }, el("td", {}, el("button", { type: "button", class: "open", "aria-label": `Open ${describe(cell)}`, on: { click: () => open(i) } }, thumbnail)));
    for (const column of columns) {
      const bad = column.id === "status" && cell.status !== "FINISHED";
      const range = column.metric ? interval(cell, column.metric) : "";
      const note = column.id === "status" && badge(i) ? ` ${badge(i)}` : range ? ` ${range}` : "";
      row.append(el("td", { class: [column.text ? "text" : "", bad ? "bad" : ""].join(" ").trim() || null }, column.show(cell), note ? el("small", {}, note) : ""));
    }
    body.append(row);
  }
  $("rows").replaceChildren(el("thead", {}, head), body);
  const pages = Math.ceil(sorted.length / PAGE);
  $("pages").replaceChildren();
  if (pages > 1) {
    const turn = (by, text) => el("button", { type: "button", disabled: page + by < 0 || page + by >= pages, on: { click: () => { page += by; table(); } } }, text);
    $("pages").append(turn(-1, "←"), `${page * PAGE + 1}–${Math.min(sorted.length, (page + 1) * PAGE)} of ${sorted.length}`, turn(1, "→"));
  }
}
function csv() {
  const quote = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const names = [...D.axes.map((axis) => axis.key), "status", "n", "expected", ...measured.flatMap((m) => [m.name, `${m.name}_low`, `${m.name}_high`])];
  const lines = D.cells.map((cell) => [...D.axes.map((axis, i) => axis.values[cell.point[i]]), cell.status, cell.n, cell.expected,
    ...measured.flatMap((m) => cell.values[m.name] || [null, null, null])].map((value) => quote(value === null ? "" : String(value))).join(","));
  const link = el("a", { href: URL.createObjectURL(new Blob([[names.map(quote).join(","), ...lines].join("\r\n")], { type: "text/csv" })), download: "cells.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// ---------------------------------------------------------------- one cell
let current = 0, before = "degraded";
function open(index) {
  current = index;
  drawViewer();
  if (!$("viewer").open) $("viewer").showModal();
}
function drawViewer() {
  const cell = D.cells[current], problem = problemOf(cell);
  $("viewer-title").textContent = describe(cell) + (badge(current) ? ` — ${badge(current)}` : "");
  const left = el("div", {}), right = el("div", {});
  left.append(stage(problem, before));
  const choices = ["degraded", "original", "consistent"].filter((kind) => kind in problem.pictures);
  const controls = el("div", { class: "controls" });
  if (choices.length > 1) {
    const set = el("fieldset", {}, el("legend", {}, "Left"));
    segments(set, "before", choices, choices.includes(before) ? before : choices[0], (kind) => { before = kind; drawViewer(); });
    controls.append(set);
  }
  if (cell.problems.length > 1) {
    const select = el("select", {}, ...cell.problems.map((p, i) => el("option", { value: i, selected: i === photo }, `${nameOf(D.problems[p])}${D.problems[p].status === "FINISHED" ? "" : ` (${D.problems[p].status.toLowerCase()})`}`)));
    select.addEventListener("change", () => { photo = Number(select.value); $("photo").value = photo; redraws.forEach((draw) => draw()); drawViewer(); });
    controls.append(el("label", {}, "Photo ", select));
  }
  left.append(controls);
  right.append(el("dl", { class: "figures" }, ...figures(cell)));
  if (cell.problems.length > 1) {
    const own = D.metrics.filter((metric) => metric.main && problem.values[metric.name] !== undefined).map((metric) => `${metric.title} ${number(problem.values[metric.name], metric.name)}`);
    if (own.length) right.append(el("p", { class: "hint" }, `This photo: ${own.join(" · ")}`));
  }
  if (problem.status !== "FINISHED") right.append(el("p", {}, `This run is ${problem.status.toLowerCase()}${problem.reason ? `: ${problem.reason}` : "."}`));
  if (cell.command) right.append(copyable(cell.command));
  if (problem.run_id) right.append(el("p", { class: "run" }, `MLflow run ${problem.run_id}`));
  $("viewer-body").replaceChildren(left, right);
}
function viewer() {
  const go = (by) => { current = (current + by + D.cells.length) % D.cells.length; drawViewer(); };
  $("previous").addEventListener("click", () => go(-1));
  $("next").addEventListener("click", () => go(1));
  $("close").addEventListener("click", () => $("viewer").close());
  $("viewer").addEventListener("click", (event) => { if (event.target === $("viewer")) $("viewer").close(); });
  $("viewer").addEventListener("keydown", (event) => {
    if (event.target.matches("input, select")) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  });
}

// ---------------------------------------------------------------- the rest
function unfinished() {
  const bad = D.problems.filter((problem) => problem.status !== "FINISHED");
  if (!bad.length) return;
  $("unfinished").hidden = false;
  document.querySelector('nav a[href="#unfinished"]').hidden = false;
  for (const problem of bad.slice(0, 200))
    $("problems").append(el("li", {}, el("b", {}, problem.status.toLowerCase()), ` ${describe(problem)}${D.repeats > 1 ? `, ${nameOf(problem)}` : ""}${problem.reason ? `: ${problem.reason}` : ""}`));
  if (bad.length > 200) $("problems").append(el("li", {}, `and ${bad.length - 200} more`));
}
function settings() {
  for (const [id, list] of [["facts", D.facts], ["constants", D.constants]])
    for (const [name, value] of Object.entries(list)) $(id).append(el("dt", {}, name), el("dd", {}, value));
  $("rule").textContent = D.rule;
}

$("csv").addEventListener("click", csv);
verdict();
gridControls();
grid();
heatmaps();
losses();
table();
unfinished();
settings();
viewer();
