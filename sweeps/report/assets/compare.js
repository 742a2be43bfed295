// A problem's two pictures, one over the other.
function compare(task, problem, before, after) {
  const [under, over] = [before, after].map((kind) => load(el("img", {}), problem.pictures[kind]));
  return beforeAfter(under, over, task.word(before), task.word(after));
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
