// One cell, large: its pictures, metrics, command, and where its run lies.
const seen = { task: null, cell: 0, before: "degraded", after: null };

function openViewer(task, index) {
  Object.assign(seen, { task, cell: index, after: null });
  drawViewer();
  if (!$("viewer").open) $("viewer").showModal();
}

function choice(task, legend, kinds, chosen, onChange) {
  const set = el("fieldset", {}, el("legend", {}, legend));
  segments(set, legend, kinds.map((kind) => [kind, task.word(kind)]), chosen, onChange);
  return set;
}

function drawViewer() {
  const { task } = seen, cell = task.cells[seen.cell], problem = task.problemOf(cell);
  $("viewer-title").textContent = task.describe(cell) + (cell.mark ? ` — ${cell.mark}` : "");
  const after = seen.after in problem.pictures ? seen.after : resultOf(problem);
  const left = el("div", {}, stage(task, problem, seen.before, after)), right = el("div", {});
  const controls = el("div", { class: "controls" });
  const befores = ["degraded", "original", "mean_face", "first"].filter((kind) => kind in problem.pictures);
  const afters = ["consistent", "restored"].filter((kind) => kind in problem.pictures);
  if (befores.length > 1) controls.append(choice(task, "Left", befores, befores.includes(seen.before) ? seen.before : befores[0], (kind) => { seen.before = kind; drawViewer(); }));
  if (afters.length > 1) controls.append(choice(task, "Right", afters, after, (kind) => { seen.after = kind; drawViewer(); }));
  if (cell.problems.length > 1) {
    const select = el("select", {}, ...cell.problems.map((i) => task.problems[i]).map((p) => option(task.choiceOf(p), `${task.nameOf(p)}${p.status === "FINISHED" ? "" : ` (${p.status.toLowerCase()})`}`, p === problem)));
    select.addEventListener("change", () => { task.chosen.photo = select.value; task.part("photo").value = task.chosen.photo; task.redraws.forEach((draw) => draw()); drawViewer(); });
    controls.append(el("label", {}, "Photo ", select));
  }
  left.append(controls);
  if ("alignment" in problem.pictures) left.append(el("figure", { class: "alignment" }, image(problem.pictures.alignment, { alt: "" }), el("figcaption", { class: "hint" }, "The photo with its landmarks and the square that is cut out, and the aligned crop")));
  right.append(el("dl", { class: "metrics" }, ...metricsOf(task, cell)));
  if (cell.problems.length > 1) {
    const own = task.main.filter((name) => problem.values[name] !== undefined).map((name) => `${task.heading(name)} ${number(problem.values[name], name)}`);
    if (own.length) right.append(el("p", { class: "hint" }, `This photo: ${own.join(" · ")}`));
  }
  if (problem.status !== "FINISHED") right.append(el("p", {}, `This run is ${problem.status.toLowerCase()}${problem.reason ? `: ${problem.reason}` : "."}`));
  if (cell.command) right.append(copyable(cell.command));
  if (task.cells.length > 1) right.append(el("p", {}, el("button", { type: "button", on: { click: () => setBaseline(task, task.chosen.baseline === seen.cell ? null : seen.cell) } }, "Show differences to this cell")));
  if (problem.link) right.append(el("p", {}, el("a", { href: problem.link, target: "_blank", rel: "noopener" }, "Run in MLflow"), el("small", { class: "hint" }, " (while it is served: make ui)")));
  if (problem.folder) right.append(el("p", { class: "run" }, el("a", { href: `file://${problem.folder.split("/").map(encodeURIComponent).join("/")}/`, target: "_blank", rel: "noopener" }, "Folder"), ` ${problem.folder}`));
  $("viewer-body").replaceChildren(left, right);
}

function viewer() {
  const go = (by) => { seen.cell = (seen.cell + by + seen.task.cells.length) % seen.task.cells.length; drawViewer(); };
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
