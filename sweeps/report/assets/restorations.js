// The grid of pictures: a card per cell, in the places that the axes give them.
function card(task, index, named) {
  const cell = task.cells[index];
  const view = el("span", { class: "view" });
  const [parts, small] = captionOf(task, cell);
  const node = el("button", { type: "button", class: `card ${cell.mark}`, on: { click: () => openViewer(task, index) },
    "aria-label": `${task.describe(cell)}: ${parts.join(", ") || cell.status.toLowerCase()} ${cell.mark}` }, view,
    el("span", { class: "caption" }, ...parts.map((part) => el("span", {}, part)), small ? el("small", {}, small) : "", named ? el("small", {}, task.describe(cell)) : ""));
  if (cell.mark) node.append(el("span", { class: "badge" }, cell.mark));
  const draw = () => {
    const problem = task.problemOf(cell);
    view.replaceChildren();
    const kind = task.chosen.kind in problem.pictures ? task.chosen.kind : task.chosen.kind === "consistent" ? "restored" : null;
    if (!kind || !(kind in problem.pictures)) { view.append(absence(problem)); return; }
    view.append(image(problem.pictures[kind], { class: "top" }));
    const other = ["consistent", "restored"].includes(kind) ? ["degraded", "original"].find((one) => one in problem.pictures) : resultOf(problem);
    if (!other || !(other in problem.pictures)) return;
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
  task.redraws.push(draw);
  return node;
}

const MANY = 1500;  // cells of a grid whose rows leave the page when they are far from the screen
function passingRow(task, line, draw) {
  let cards = [];  // how those that stand in the page are drawn anew
  task.redraws.push(() => cards.forEach((redraw) => redraw()));
  whileNear(line, "var(--cell)", () => {
    const others = task.redraws.length;
    draw();
    cards = task.redraws.splice(others);
  }, () => { cards = []; });
}

// A table with the two main axes' values as its headings; make(i) draws cell i.
function matrix(task, cells, make, className) {
  const { across, down } = task.layout;
  const at = new Map(cells.map((i) => [`${down === null ? 0 : task.cells[i].point[down]},${across === null ? 0 : task.cells[i].point[across]}`, i]));
  const table = el("table", { class: className });
  const columns = across === null ? [""] : task.axes[across].values;
  const rows = down === null ? [""] : task.axes[down].values;
  const head = el("thead");
  if (across !== null) {
    head.append(el("tr", {}, down === null ? "" : el("td"), el("th", { class: "axis", colspan: columns.length, scope: "colgroup" }, task.axes[across].label)));
    head.append(el("tr", {}, down === null ? "" : el("th", { class: "axis", scope: "col" }, task.axes[down].label),
      ...columns.map((value) => el("th", { scope: "col" }, value))));
  }
  const body = el("tbody");
  rows.forEach((value, r) => {
    const line = el("tr", {}, down === null ? "" : el("th", { scope: "row" }, value));
    const draw = () => columns.forEach((_, c) => {
      const i = at.get(`${r},${c}`);
      line.append(el("td", {}, i === undefined ? "" : make(i)));
    });
    if (className === "matrix" && down !== null && cells.length > MANY) passingRow(task, line, draw); else draw();
    body.append(line);
  });
  table.append(head, body);
  return table;
}

const MOST_PANELS = 4;  // that are shown at once unless all are asked for
function allPanels(task) {
  const groups = new Map();
  task.cells.forEach((cell, i) => {
    const key = task.layout.panels.map((axis) => cell.point[axis]).join(",");
    groups.set(key, [...(groups.get(key) || []), i]);
  });
  return [...groups.values()];
}
function panels(task) {
  const all = allPanels(task);
  return task.chosen.panel < 0 ? all : [all[task.chosen.panel]];
}
const columnsOf = (task) => (task.layout.across === null ? 1 : task.axes[task.layout.across].values.length);

function drawGrid(task) {
  const box = task.part("grid");
  box.replaceChildren();
  task.redraws = [];
  if (!task.cells.length) { box.append(el("p", { class: "hint" }, "There are no runs.")); return; }
  if (!task.layout.grid) { drawRanked(task, box); return; }
  panels(task).forEach((cells, number) => {
    if (task.layout.panels.length) box.append(el("h4", {}, task.describe(task.cells[cells[0]], task.layout.panels)));
    const rows = task.layout.down === null ? 1 : task.axes[task.layout.down].values.length;
    const scroll = el("div", { class: "scroll", style: { "min-height": `calc(${rows} * (var(--cell) + 2.5rem))` } });
    const draw = () => { scroll.append(matrix(task, cells, (i) => card(task, i, false), "matrix")); scroll.style.minHeight = ""; };
    if (number < 1 && task.number < 1) draw(); else whenNear(scroll, draw);
    box.append(scroll);
  });
}
// Runs that are no grid follow one another: the lines of a table in their order, others the best first.
function drawRanked(task, box) {
  const rank = (i) => mean(task.cells[i], "quality") ?? -1e9;
  const ranked = task.cells.map((_, i) => i);
  if (!task.layout.list) ranked.sort((a, b) => rank(b) - rank(a));
  for (let start = 0; start < ranked.length; start += 60) {
    const part = ranked.slice(start, start + 60);
    const gallery = el("div", { class: "gallery", style: { "min-height": start ? "40vh" : "0" } });
    whenNear(gallery, () => gallery.append(...part.map((i) => card(task, i, true))));
    box.append(gallery);
  }
}

function restorations(task) {
  const redraw = () => task.redraws.forEach((draw) => draw());
  segments(task.part("shown"), `shown-${task.number}`, task.kinds.map((kind) => [kind, task.word(kind)]), task.chosen.kind, (kind) => { task.chosen.kind = kind; redraw(); });
  task.part("shown").hidden = task.kinds.length < 2;
  if (task.photos.length > 1) {
    task.part("photo").append(...task.photos.map((name) => option(name, name)));
    task.part("photo").addEventListener("change", () => { task.chosen.photo = task.part("photo").value; redraw(); });
    task.part("photo-choice").hidden = false;
  }
  if (task.layout.grid && task.layout.panels.length) {
    const all = allPanels(task), select = task.part("panel");
    task.part("panel-name").textContent = task.layout.panels.map((i) => task.axes[i].label).join(", ");
    select.append(option(-1, "all"), ...all.map((cells, i) => option(i, task.layout.panels.map((axis) => task.axes[axis].values[task.cells[cells[0]].point[axis]]).join(", "))));
    const wanted = task.verdicts[0].recommended;
    task.chosen.panel = all.length > MOST_PANELS ? Math.max(0, all.findIndex((cells) => cells.includes(wanted))) : -1;
    select.value = task.chosen.panel;
    select.addEventListener("change", () => { task.chosen.panel = Number(select.value); drawGrid(task); heatmaps(task); });
    task.part("panel-choice").hidden = all.length < 2;
  }
  const room = Math.min(task.part("grid").clientWidth || 800, 1200) - 90;
  const across = task.layout.grid ? columnsOf(task) : 6;
  const slider = task.part("size");
  const resize = () => task.root.style.setProperty("--cell", `${slider.value}px`);
  slider.value = Math.max(72, Math.min(240, Math.floor(room / across) - 8));
  slider.addEventListener("input", resize);
  resize();
  drawGrid(task);
}
