// The report's data, and how numbers, cells and problems are put into words.
const D = JSON.parse($("data").textContent);
const WORDS = { restored: "restored", consistent: "consistent", degraded: "degraded", original: "original", alignment: "alignment", mean_face: "mean face", first: "first picture" };

const NOT_RUN = { photo: "", status: "MISSING", reason: "", pictures: {}, curves: {}, values: {} };  // a photo that a cell lacks

// One task of the report: its data, its part of the page, and what the reader has chosen there.
class Task {
  constructor(data, number, root) {
    Object.assign(this, data);
    this.number = number;
    this.root = root;
    this.kinds = ["consistent", "restored", "degraded", "original"].filter((kind) => this.problems.some((p) => kind in p.pictures));
    this.photos = [...new Set(this.problems.map((problem) => this.choiceOf(problem)))];
    this.chosen = { kind: this.kinds[0] || "restored", photo: this.photos[0], panel: -1, baseline: null, metric: "quality", scale: "log" };
    this.redraws = [];  // per card: what to do when another kind or photo is wanted
  }
  part(name) { return this.root.querySelector(`[data-part="${name}"]`); }
  word(kind) { return kind === "degraded" && !this.known ? "photo as given" : WORDS[kind]; }
  // By which a reader chooses among a cell's problems: a table's cells each have a photo of their own.
  choiceOf(problem) { return this.layout.list ? `seed ${problem.seed}` : this.nameOf(problem); }
  problemOf(cell) {
    const found = cell.problems.find((i) => this.choiceOf(this.problems[i]) === this.chosen.photo);
    return found === undefined ? NOT_RUN : this.problems[found];
  }
  nameOf(problem) { return this.severalSeeds ? `${problem.photo}, seed ${problem.seed}` : problem.photo; }
  describe(cell, axes = this.axes.map((_, i) => i)) {
    return axes.map((i) => `${this.axes[i].label} ${this.axes[i].values[cell.point[i]]}`).join(", ") || "the only setting";
  }
  heading(name) { return name === "quality" ? `quality [${this.qualityUnit}]` : D.metrics[name].title; }
  measured(names) { return names.filter((name) => this.cells.some((cell) => mean(cell, name) !== null)); }
}

const mean = (cell, name) => (cell.values[name] ? cell.values[name][0] : null);

function number(value, name) {
  if (value === null || value === undefined) return "–";
  const digits = name && D.metrics[name] ? D.metrics[name].digits : null;
  if (digits !== null) return value.toFixed(digits).replace(/^-(0(\.0*)?)$/, "$1");  // no minus before zero
  if (value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 1e5)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}
// Of the picture that a person takes home, where there are figures of both.
const ofFinal = (task, cell) => task.named.filter((name) => mean(cell, `consistent_${name}`) === null);
const signed = (value, name) => `${value > 0 && Number(number(value, name)) ? "+" : ""}${number(value, name)}`;

function interval(cell, name) {
  const value = cell.values[name];
  return value && value[1] !== null ? `${number(value[1], name)} to ${number(value[2], name)}` : "";
}

// What stands below a picture: the task's two metrics, of the consistent picture where there is one.
function captionOf(task, cell) {
  const short = { identity_distance: "id ", fit_psnr: "fit ", fit_sharpness: "sharpness ", blur_misfit: "misfit " };
  const names = task.captions.map((names) => names.find((name) => mean(cell, name) !== null)).filter(Boolean);
  const parts = names.map((name) => `${short[name.replace(/^consistent_/, "")] || ""}${number(mean(cell, name), name)} ${D.metrics[name].unit}`.trim().replaceAll(" ", "\u00a0"));
  const small = [names.length ? interval(cell, names[0]) : "", cell.expected > 1 ? `n ${cell.n}${cell.n < cell.expected ? ` of ${cell.expected}` : ""}`.replaceAll(" ", "\u00a0") : ""];
  return [parts, small.filter(Boolean).join(" · ")];
}

// The metrics of one cell as a list of terms and values.
function metricsOf(task, cell, names = task.named) {
  const list = task.measured(names).filter((name) => mean(cell, name) !== null).map((name) =>
    el("div", {}, el("dt", { title: D.metrics[name].meaning }, task.heading(name)),
      el("dd", {}, number(mean(cell, name), name), interval(cell, name) ? el("small", {}, interval(cell, name)) : "")));
  if (cell.expected > 1) list.push(el("div", {}, el("dt", {}, "n"), el("dd", {}, `${cell.n} of ${cell.expected}`)));
  return list;
}
