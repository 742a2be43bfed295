// Before and after: one picture over another, uncovered by a slider.
function compare(task, problem, before, after) {
  const names = `${task.word(before)} on the left, ${task.word(after)} on the right`;
  const slider = el("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": `Compare: ${names}` });
  const figure = el("figure", { class: "compare" },
    load(el("img", { class: "before", alt: task.word(before) }), problem.pictures[before]),
    load(el("img", { class: "after", alt: task.word(after) }), problem.pictures[after]),
    el("span", { class: "tag left" }, task.word(before)), el("span", { class: "tag right" }, task.word(after)),
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

// Why a problem has no picture.
function absence(problem, status = problem.status) {
  const word = status === "FINISHED" ? "no picture" : status.toLowerCase();
  return el("span", { class: `absent ${status.toLowerCase()}` }, el("b", {}, word),
    problem.reason ? el("small", {}, problem.reason) : "");
}

const resultOf = (problem) => ["consistent", "restored"].find((kind) => kind in problem.pictures);

// A problem's picture, large: against what it is compared with.
function stage(task, problem, before, after = resultOf(problem)) {
  if (!(after in problem.pictures)) return el("div", { class: "stage" }, absence(problem));
  const other = [before, "degraded", "original"].find((kind) => kind in problem.pictures && kind !== after);
  if (other) return compare(task, problem, other, after);
  return el("figure", { class: "compare" }, load(el("img", { alt: task.word(after) }), problem.pictures[after]));
}
