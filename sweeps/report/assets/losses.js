// Every run's loss against the step, on a canvas: a thousand curves must stay quick.
function curveNumbers(task, term, axis, scale) {
  const drawable = scale === "log" ? (v) => v > 0 : (v) => v !== null;
  const curves = task.problems.filter((problem) => problem.curves[term]).map((problem) => {
    const [x, ys] = problem.curves[term];
    return { problem, xs: D.steps[x], ys: ys.map((v) => (drawable(v) ? v : null)) };
  });
  const all = curves.flatMap((curve) => curve.ys).filter((v) => v !== null).sort((a, b) => a - b);
  if (!all.length) return { curves: [], term, scale };
  // A term that starts at zero, or a spike, must not squeeze all curves into one line.
  const first = all[Math.floor(all.length * 0.001)], end = all[Math.ceil(all.length * 0.999) - 1];
  const low = scale === "log" ? Math.log10(first) - 0.1 : Math.min(0, first);
  const high = scale === "log" ? Math.log10(end) + 0.1 : end * 1.05;
  const last = Math.max(1, ...curves.map((curve) => curve.xs[curve.xs.length - 1]));
  return {
    curves, term, scale, axis, last, low, high,
    y: (v) => ((scale === "log" ? Math.log10(v) : v) - low) / Math.max(high - low, 1e-9),
    ticksX: roundTicks(0, last, 6).filter((s) => Number.isInteger(s)),
    ticksY: scale === "log" ? logTicks(low, high) : roundTicks(low, high, 7),
    title: `${D.metrics[term].title} (${scale} scale)`,
  };
}

// Returns each curve's path in px, for finding the one under the mouse.
function drawCurves(task, canvas, numbers, lit) {
  const box = canvas.parentNode.getBoundingClientRect();
  if (!box.width) return [];
  const ratio = Math.max(2, devicePixelRatio || 1);
  canvas.width = box.width * ratio;
  canvas.height = box.height * ratio;
  const g = canvas.getContext("2d");
  g.scale(ratio, ratio);
  g.fillStyle = plain("--paper");
  g.fillRect(0, 0, box.width, box.height);
  const left = 66, right = box.width - 10, top = 8, bottom = box.height - 38;
  g.font = FONT;
  g.fillStyle = plain("--muted");
  if (!numbers.curves.length) { g.fillText("No run has recorded a loss.", left, 40); return []; }
  const X = (step) => left + ((right - left) * step) / numbers.last, Y = (v) => bottom - (bottom - top) * numbers.y(v);
  g.strokeStyle = plain("--line");
  g.lineWidth = 1;
  g.textAlign = "right";
  for (const value of numbers.ticksY) {
    g.beginPath(); g.moveTo(left, Y(value)); g.lineTo(right, Y(value)); g.stroke();
    g.fillText(tickText(value), left - 6, Y(value) + 4);
  }
  g.textAlign = "center";
  for (const s of numbers.ticksX) g.fillText(s, Math.min(X(s), right - 12), bottom + 16);
  g.fillStyle = plain("--ink");
  g.fillText("step", (left + right) / 2, bottom + 33);
  g.save(); g.translate(13, (top + bottom) / 2); g.rotate(-Math.PI / 2); g.fillText(numbers.title, 0, 0); g.restore();
  g.save();
  g.beginPath(); g.rect(left, top, right - left, bottom - top); g.clip();
  const thin = numbers.curves.length <= 30 ? 0.9 : Math.max(0.18, 5 / Math.sqrt(numbers.curves.length));
  const stroke = ({ problem, xs, ys }, width, alpha) => {
    const path = [];
    let pen = false;
    g.beginPath();
    ys.forEach((value, i) => {
      if (value === null) { pen = false; return; }
      const at = [X(xs[i]), Y(value)];
      path.push(at);
      if (pen) g.lineTo(...at); else g.moveTo(...at);
      pen = true;
    });
    g.globalAlpha = alpha;
    g.lineWidth = width;
    g.strokeStyle = hueOf(task, problem.point, numbers.axis);
    g.setLineDash(problem.status === "FINISHED" ? [] : [3, 3]);
    g.stroke();
    return path;
  };
  const paths = numbers.curves.map((curve) => ({ problem: curve.problem, path: stroke(curve, 1.4, lit ? thin * 0.3 : thin) }));
  const shown = lit && numbers.curves.find((curve) => curve.problem === lit);
  if (shown) stroke(shown, 3, 1);
  g.restore();
  return paths;
}

function drawLegend(task, axis) {
  const box = task.part("legend");
  box.replaceChildren();
  if (axis < 0) return;
  const values = task.axes[axis].values, every = Math.ceil(values.length / 16);
  box.append(el("b", {}, task.axes[axis].label));
  values.forEach((value, i) => {
    if (i % every && i !== values.length - 1) return;
    box.append(el("span", {}, el("i", { style: { background: hueOf(task, task.axes.map(() => i), axis) } }), value));
  });
}

function losses(task) {
  if (!task.terms.length) { task.part("losses").hidden = true; return; }
  const canvas = task.part("curves"), term = task.part("term"), by = task.part("colour");
  term.append(...[...task.terms].reverse().map((name) => option(name, D.metrics[name].title)));
  by.append(...task.axes.map((axis, i) => option(i, axis.label)), option(-1, "nothing"));
  by.value = task.layout.down ?? task.layout.across ?? -1;
  let lit = null, paths = [];
  const redraw = () => { paths = drawCurves(task, canvas, curveNumbers(task, term.value, Number(by.value), task.chosen.scale), lit); };
  const anew = () => { drawLegend(task, Number(by.value)); redraw(); };
  segments(task.part("scale"), `scale-${task.number}`, [["log", "log"], ["linear", "linear"]], "log", (scale) => { task.chosen.scale = scale; redraw(); });
  term.addEventListener("change", redraw);
  by.addEventListener("change", anew);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", anew);
  new ResizeObserver(redraw).observe(canvas.parentNode);
  task.part("save-curves").addEventListener("click", () => canvas.toBlob((blob) => download(blob, `losses_${term.value}.png`)));
  const nearest = (event) => {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    let best = null, distance = 400;
    for (const curve of paths)
      for (const [a, b] of curve.path) {
        const d = (a - x) ** 2 + (b - y) ** 2;
        if (d < distance) { distance = d; best = curve.problem; }
      }
    return best;
  };
  const light = (found) => {
    if (found === lit) return;
    lit = found;
    task.part("curve-name").textContent = found ? `${task.describe(found)}${task.repeats > 1 ? `, ${task.nameOf(found)}` : ""}` : "";
    canvas.style.cursor = found ? "pointer" : "";
    redraw();
  };
  canvas.addEventListener("pointermove", (event) => light(nearest(event)));
  canvas.addEventListener("pointerleave", () => light(null));
  canvas.addEventListener("click", (event) => { const found = nearest(event); if (found) openViewer(task, found.cell); });
  anew();
}

// A small curve for the table: total loss on a logarithmic scale, between the task's extremes.
function sparkline(task, problem) {
  const term = task.terms[task.terms.length - 1], curve = problem.curves[term];
  if (!curve) return "·";
  task.extent ??= (() => {
    const logs = task.problems.flatMap((p) => (p.curves[term] ? p.curves[term][1] : [])).filter((v) => v > 0).map(Math.log10);
    return logs.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
  })();
  const [low, high] = task.extent, xs = D.steps[curve[0]], last = xs[xs.length - 1] || 1;
  const points = curve[1].map((v, i) => (v > 0 ? `${(1 + (88 * xs[i]) / last).toFixed(1)},${(35 - (34 * (Math.log10(v) - low)) / Math.max(high - low, 1e-9)).toFixed(1)}` : null)).filter(Boolean);
  return svg("svg", { class: "spark", viewBox: "0 0 90 36", width: 90, height: 36, role: "img", "aria-label": "total loss, log scale" },
    svg("polyline", { points: points.join(" "), fill: "none", stroke: plain("--accent"), "stroke-width": 1.4 }));
}
