// The page: a part per task, what all tasks share, and printing.
const SECTIONS = { result: "Result", restorations: "Restorations", heatmaps: "Heatmaps", settings: "Settings", losses: "Losses", table: "Table", unfinished: "Not finished", fixed: "The same in all runs" };

function drawTask(data, number) {
  const root = $("task").content.cloneNode(true).firstElementChild;
  $("main").append(root);
  const task = new Task(data, number, root);
  root.id = `t${number}`;
  if (D.tasks.length > 1) {
    root.querySelector(".task-title").textContent = `${task.title}: ${countOf(task.problems)}`;
    root.querySelector(".task-title").hidden = false;
    $("tasks").append(el("a", { href: `#t${number}` }, task.title));
  }
  verdicts(task);
  restorations(task);
  baselines(task);
  settings(task);
  losses(task);
  drawTable(task);
  task.part("csv").addEventListener("click", () => saveCsv(task));
  unfinished(task);
  for (const [name, text] of Object.entries(task.constants)) task.part("constants").append(el("dt", {}, name), el("dd", {}, text));
  task.part("fixed").hidden = !Object.keys(task.constants).length;
  for (const [name, title] of Object.entries(SECTIONS)) {
    task.part(name).id = `t${number}-${name}`;
    if (!task.part(name).hidden) root.querySelector("nav").append(el("a", { href: `#t${number}-${name}` }, title));
  }
  return task;
}

function about() {
  for (const [name, value] of Object.entries(D.facts)) $("facts").append(el("dt", {}, name), el("dd", {}, value));
  $("intervals").textContent = D.intervals;
  for (const metric of Object.values(D.metrics))
    if (metric.meaning && !metric.term) $("words").append(el("dt", {}, metric.title), el("dd", {}, metric.meaning));
  const words = {
    consistent: "the restoration with what the photo does say put back: known pixels, luminance, low frequencies",
    degraded: "what the search was given: the original after the degradation, or the photo as it arrived",
    "not told apart": "from the best cell: the difference in quality is smaller than the noise",
  };
  for (const [word, meaning] of Object.entries(words)) $("words").append(el("dt", {}, word), el("dd", {}, meaning));
}

viewer();
const tasks = D.tasks.map(drawTask);
$("count").textContent = countOf(D.tasks.flatMap((task) => task.problems)) + (tasks.length > 1 ? ` · ${tasks.length} tasks, each compared only with itself` : "");
$("tasks").hidden = tasks.length < 2;
about();

// On paper everything is drawn: all panels, all rows, every picture, in cells that fit the page.
const PRINTED = 980, LARGEST = 150, COLUMN = 58;  // px of an A4 page across, of a cell, of a table's column
addEventListener("beforeprint", () => {
  for (const task of tasks) {
    const side = parseInt(task.root.style.getPropertyValue("--cell"), 10);
    task.before = { panel: task.chosen.panel, side, rows: task.sorting.rows, page: task.sorting.page };
    if (task.layout.grid) task.root.style.setProperty("--cell", `${Math.min(side, LARGEST, Math.max(20, Math.floor((PRINTED - 90) / columnsOf(task)) - 7))}px`);
    task.chosen.panel = -1;
    Object.assign(task.sorting, { rows: task.cells.length || 1, page: 0, printed: true });  // the telling columns, large enough to be read
    drawGrid(task);
    heatmaps(task);
    drawTable(task);
    task.part("rows").style.zoom = Math.min(1, PRINTED / (COLUMN * (columnsOfTable(task).length + 2)));
  }
  drawAll();
  for (const task of tasks) {  // wide grids are made smaller until their last column is on the page
    const n = columnsOf(task), cell = parseInt(task.root.style.getPropertyValue("--cell"), 10);
    const fit = (selector, column) => task.root.querySelectorAll(selector).forEach((table) => { table.style.zoom = Math.min(1, PRINTED / (90 + n * column)); });
    fit("table.matrix", Math.max(cell + 7, 36));
    fit("table.heat", 44);
    task.root.classList.toggle("tiny", cell < 60);
  }
});
addEventListener("afterprint", () => {
  printing = false;
  for (const task of tasks) {
    task.chosen.panel = task.before.panel;
    task.root.style.setProperty("--cell", `${task.before.side}px`);
    task.root.classList.remove("tiny");
    Object.assign(task.sorting, { rows: task.before.rows, page: task.before.page, printed: false });
    task.part("rows").style.zoom = "";
    drawGrid(task);
    heatmaps(task);
    drawTable(task);
  }
});
