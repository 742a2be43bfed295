// One metric's mean over the grid, or its difference to a chosen cell.
function heatmapNumbers(task, name) {
  const base = task.chosen.baseline === null ? null : mean(task.cells[task.chosen.baseline], name);
  const value = (i) => { const own = mean(task.cells[i], name); return own === null ? null : base === null ? own : own - base; };
  const all = task.cells.map((_, i) => value(i)).filter((v) => v !== null);
  const better = D.metrics[name].better;
  const scale = all.length ? goodness(all, better === "zero" && base !== null ? "higher" : better) : () => 0;
  return {
    heading: base === null ? task.heading(name) : `${task.heading(name)}, difference to ${task.describe(task.cells[task.chosen.baseline])}`,
    name,
    value,
    colour: (i) => colour(scale(value(i))),
    text: (i) => {
      const cell = task.cells[i];
      if (value(i) === null) return cell.status === "FINISHED" ? "–" : cell.status.toLowerCase();
      return base === null ? number(value(i), name) : signed(value(i), name);
    },
    panels: panels(task),
  };
}

function drawHeatmap(task, numbers) {
  const figure = el("figure", { class: "map" }, el("figcaption", { title: D.metrics[numbers.name].meaning }, numbers.heading));
  const dense = columnsOf(task) > 14;
  for (const cells of numbers.panels) {
    if (task.layout.panels.length) figure.append(el("p", { class: "hint" }, task.describe(task.cells[cells[0]], task.layout.panels)));
    const make = (i) => {
      const cell = task.cells[i], known = numbers.value(i) !== null, said = `${task.describe(cell)}: ${numbers.text(i)}`;
      const button = el("button", { type: "button", class: `${known ? "" : "none "}${cell.mark}`, title: `${said} ${interval(cell, numbers.name)}`,
        "aria-label": `${said} ${cell.mark}`, on: { click: () => openViewer(task, i) } }, numbers.text(i));
      if (known) { button.style.background = numbers.colour(i); button.style.color = inkOn(numbers.colour(i)); }
      return button;
    };
    figure.append(el("div", { class: "scroll" }, matrix(task, cells, make, `heat${dense ? " dense" : columnsOf(task) > 7 ? " many" : ""}`)));
  }
  return savable(figure, () => heatmapSvg(task, numbers), numbers.heading);
}

// The same as a drawing that can be saved.
function heatmapSvg(task, numbers) {
  const { across, down } = task.layout, side = 58, tall = 34, left = 90;
  const columns = across === null ? [""] : task.axes[across].values, rows = down === null ? [""] : task.axes[down].values;
  const block = rows.length * tall + 62;
  const drawn = drawing(Math.max(left + columns.length * side + 10, 260), 24 + numbers.panels.length * block, numbers.heading);
  const ink = { fill: "#24292f", stroke: "none" }, middle = { "text-anchor": "middle" };
  drawn.append(label(4, 15, numbers.heading, { ...ink, "font-size": 13 }));
  numbers.panels.forEach((cells, number) => {
    const top = 24 + number * block + 40;
    if (task.layout.panels.length) drawn.append(label(left, top - 28, task.describe(task.cells[cells[0]], task.layout.panels), ink));
    if (across !== null) drawn.append(label(left + (columns.length * side) / 2, top - 16, task.axes[across].label, { ...ink, ...middle }));
    if (down !== null) drawn.append(label(left - 8, top - 4, task.axes[down].label, { ...ink, "text-anchor": "end" }));
    columns.forEach((value, c) => drawn.append(label(left + (c + 0.5) * side, top - 3, value, { ...ink, ...middle })));
    rows.forEach((value, r) => drawn.append(label(left - 8, top + (r + 0.6) * tall, value, { ...ink, "text-anchor": "end" })));
    for (const i of cells) {
      const cell = task.cells[i], x = left + (across === null ? 0 : cell.point[across]) * side, y = top + (down === null ? 0 : cell.point[down]) * tall;
      const known = numbers.value(i) !== null, framed = cell.mark ? { stroke: "#bc4c00", "stroke-width": 2.5, "stroke-dasharray": { best: null, recommended: "6 3", alike: "2 2" }[cell.mark] } : {};
      drawn.append(svg("rect", { x: x + 2, y: y + 2, width: side - 4, height: tall - 4, rx: 3, fill: known ? numbers.colour(i) : "#f0f2f4", ...framed }));
      drawn.append(label(x + side / 2, y + tall / 2 + 4, numbers.text(i), { fill: known ? inkOn(numbers.colour(i)) : "#6e7781", stroke: "none", ...middle }));
    }
  });
  return drawn;
}

function heatmaps(task) {
  const box = task.part("maps");
  box.replaceChildren();
  const main = task.measured(task.main), others = task.measured(task.metrics).filter((name) => !main.includes(name));
  if (!main.length) { box.append(el("p", { class: "hint" }, "Nothing has finished.")); return; }
  if (!task.layout.grid) { task.part("heatmaps").hidden = true; return; }  // random search: see its slices
  const map = (name) => drawHeatmap(task, heatmapNumbers(task, name));
  for (const name of main) {
    const mark = el("span", { style: { "min-height": "10rem", "min-width": "10rem" } });
    box.append(whenNear(mark, () => mark.replaceWith(map(name))));
  }
  if (!others.length) return;
  const select = el("select", { class: "controls", "aria-label": "Another metric" }, option("", "more metrics …"), ...others.map((name) => option(name, task.heading(name))));
  select.addEventListener("change", () => {
    if (!select.value) return;
    select.before(map(select.value));
    select.selectedOptions[0].remove();
    select.value = "";
    if (select.length === 1) select.remove();
  });
  box.append(select);
}

const MOST_BASELINES = 400;
function setBaseline(task, index) {
  task.chosen.baseline = index;
  task.part("baseline").value = index === null ? "" : index;
  heatmaps(task);
  drawTable(task);
}
function baselines(task) {
  const select = task.part("baseline");
  select.append(option("", "nothing"), ...task.cells.slice(0, MOST_BASELINES).map((cell, i) => option(i, task.describe(cell))));
  select.addEventListener("change", () => setBaseline(task, select.value === "" ? null : Number(select.value)));
  select.parentNode.hidden = task.cells.length < 2;
  heatmaps(task);
}
