// One metric against each setting, and all settings side by side.
const MOST_NAMED_LINES = 8;  // of a slice: their ends say which value of the other setting they have
function sliceNumbers(task, name, axis) {
  const values = task.cells.map((cell) => mean(cell, name)).filter((value) => value !== null);
  const others = task.axes.map((_, i) => i).filter((i) => i !== axis);
  const lines = new Map();  // cells that differ in this setting only
  task.cells.forEach((cell, i) => {
    if (mean(cell, name) === null) return;
    const key = others.map((o) => cell.point[o]).join(",");
    lines.set(key, [...(lines.get(key) || []), i]);
  });
  for (const line of lines.values()) line.sort((a, b) => task.cells[a].point[axis] - task.cells[b].point[axis]);
  const named = others.length === 1 && lines.size > 1 && lines.size <= MOST_NAMED_LINES ? others[0] : null;
  return { name, axis, named, low: Math.min(...values), high: Math.max(...values), lines: [...lines.values()], place: placeOn(task.axes[axis]) };
}

function drawSlice(task, numbers) {
  const W = 340, H = 240, left = 46, bottom = H - 40, axis = task.axes[numbers.axis], heading = `${task.heading(numbers.name)} against ${axis.label}`;
  const right = numbers.named === null ? 14 : 64;
  const X = (i) => left + 10 + numbers.place.at(i) * (W - left - 10 - right);
  const Y = (value) => bottom - 10 - (numbers.high === numbers.low ? 0.5 : (value - numbers.low) / (numbers.high - numbers.low)) * (bottom - 24);
  const drawn = drawing(W, H, heading);
  for (const tick of roundTicks(numbers.low, numbers.high, 5))
    drawn.append(rule(left, Y(tick), W - 4, Y(tick)), label(left - 5, Y(tick) + 4, tickText(tick), { "text-anchor": "end" }));
  const names = axis.values.map((value) => value.slice(0, 14));
  for (const i of apart(names.map((_, k) => X(k)), Math.max(34, 7 * Math.max(...names.map((name) => name.length)) + 6))) drawn.append(label(X(i), bottom + 14, names[i], { "text-anchor": "middle" }));
  drawn.append(rule(left, bottom, W, bottom), label((left + W) / 2, H - 8, `${axis.label}${numbers.place.log ? " (log scale)" : ""}`, { "text-anchor": "middle" }));
  drawn.append(label(12, bottom / 2, task.heading(numbers.name), { "text-anchor": "middle", transform: `rotate(-90 12 ${bottom / 2})` }));
  const scale = goodness([numbers.low, numbers.high], D.metrics[numbers.name].better);
  for (const line of numbers.lines) {
    const points = line.map((i) => [X(task.cells[i].point[numbers.axis]), Y(mean(task.cells[i], numbers.name))]);
    if (points.length > 1) drawn.append(svg("polyline", { points: points.map((p) => p.join(",")).join(" "), fill: "none", stroke: plain("--muted"), "stroke-opacity": Math.max(0.08, Math.min(0.6, 12 / numbers.lines.length)) }));
    line.forEach((i, k) => {
      const cell = task.cells[i], ring = cell.mark === "best" || cell.mark === "recommended";
      const dot = svg("circle", { cx: points[k][0], cy: points[k][1], r: ring ? 6 : 4, fill: colour(0.25 + 0.55 * scale(mean(cell, numbers.name))), stroke: ring ? plain("--mark") : plain("--paper"), "stroke-width": ring ? 3 : 0.5 },
        svg("title", {}, `${task.describe(cell)}: ${number(mean(cell, numbers.name), numbers.name)}`));
      dot.addEventListener("click", () => openViewer(task, i));
      drawn.append(dot);
    });
  }
  if (numbers.named !== null) {
    const other = task.axes[numbers.named], ends = numbers.lines.map((line) => task.cells[line[line.length - 1]]), heights = ends.map((cell) => Y(mean(cell, numbers.name)));
    for (const i of apart(heights, 12)) drawn.append(label(X(ends[i].point[numbers.axis]) + 10, heights[i] + 4, other.values[ends[i].point[numbers.named]].slice(0, 7)));
    drawn.append(label(W - 4, 10, `ends: ${other.label}`, { "text-anchor": "end" }));
  }
  return savable(el("figure", { class: "map" }, el("figcaption", {}, heading), drawn), () => drawn, heading);
}

// Parallel coordinates: a line per cell through its settings to its metric.
function parallelNumbers(task, name) {
  const lines = task.cells.map((cell, i) => ({ i, value: mean(cell, name) })).filter((line) => line.value !== null);
  const values = lines.map((line) => line.value);
  return { name, lines, low: Math.min(...values), high: Math.max(...values), places: task.axes.map(placeOn) };
}
function drawParallel(task, numbers) {
  const count = task.axes.length + 1, W = Math.max(340, 117 * count), H = 280, top = 34, bottom = H - 16, left = 48;
  const heading = `All settings and ${task.heading(numbers.name)}`, drawn = drawing(W, H, heading);
  const X = (k) => left + (k * (W - 2 * left)) / (count - 1), Y = (t) => bottom - t * (bottom - top);
  const last = (value) => (numbers.high === numbers.low ? 0.5 : (value - numbers.low) / (numbers.high - numbers.low));
  const scale = goodness([numbers.low, numbers.high], D.metrics[numbers.name].better);
  for (const { i, value } of numbers.lines) {
    const cell = task.cells[i], points = [...task.axes.map((_, k) => [X(k), Y(numbers.places[k].at(cell.point[k]))]), [X(count - 1), Y(last(value))]];
    const line = svg("polyline", { points: points.map((p) => p.map((v) => v.toFixed(1)).join(",")).join(" "), fill: "none", stroke: colour(0.2 + 0.65 * scale(value)), "stroke-width": cell.mark === "best" || cell.mark === "recommended" ? 3.5 : 1.4, "stroke-opacity": numbers.lines.length > 60 ? 0.45 : 0.85 },
      svg("title", {}, `${task.describe(cell)}: ${number(value, numbers.name)}`));
    line.addEventListener("click", () => openViewer(task, i));
    drawn.append(line);
  }
  task.axes.forEach((axis, k) => {
    drawn.append(rule(X(k), top, X(k), bottom), label(X(k), 14, axis.label, { "text-anchor": "middle", fill: plain("--ink") }));
    for (const i of apart(axis.values.map((_, v) => Y(numbers.places[k].at(v))), 13)) drawn.append(label(X(k) - 5, Y(numbers.places[k].at(i)) + 4, axis.values[i].slice(0, 12), { "text-anchor": "end" }));
  });
  drawn.append(rule(X(count - 1), top, X(count - 1), bottom), label(X(count - 1), 14, task.heading(numbers.name), { "text-anchor": "middle", fill: plain("--ink") }));
  for (const tick of roundTicks(numbers.low, numbers.high, 6)) drawn.append(label(X(count - 1) + 5, Y(last(tick)) + 4, tickText(tick)));
  return savable(el("figure", { class: "map" }, el("figcaption", {}, heading), el("div", { class: "scroll" }, drawn)), () => drawn, heading);
}

function drawSettings(task) {
  const name = task.chosen.metric;
  task.part("slices").replaceChildren(...task.axes.map((_, axis) => {
    const mark = el("span", { style: { "min-height": "10rem", "min-width": "10rem" } });
    return whenNear(mark, () => mark.replaceWith(drawSlice(task, sliceNumbers(task, name, axis))));
  }));
  const mark = el("span");
  task.part("parallel").replaceChildren(...(task.axes.length > 1 ? [mark] : []));
  if (task.axes.length > 1) whenNear(mark, () => mark.replaceWith(drawParallel(task, parallelNumbers(task, name))));
}
function settings(task) {
  const names = task.measured(task.metrics);
  if (task.layout.list || !task.axes.length || !names.length || task.cells.length < 2) { task.part("settings").hidden = true; return; }
  const select = task.part("metric");
  select.append(...names.map((name) => option(name, task.heading(name), name === task.chosen.metric)));
  task.chosen.metric = select.value;
  select.addEventListener("change", () => { task.chosen.metric = select.value; drawSettings(task); });
  drawImportance(task);
  drawSettings(task);
}
