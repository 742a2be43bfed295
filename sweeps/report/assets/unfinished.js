// What did not finish, and why, with the photo where any run has recorded it.
const MOST_SHOWN = 200;
function photoOf(task, problem) {
  const same = [problem, ...task.problems.filter((other) => other.photo === problem.photo)];
  for (const kind of ["original", "degraded"]) {
    const found = same.find((other) => kind in other.pictures);
    if (found) return found.pictures[kind];
  }
  return null;
}

function unfinished(task) {
  const bad = task.problems.filter((problem) => problem.status !== "FINISHED");
  task.part("unfinished").hidden = !bad.length;
  for (const problem of bad.slice(0, MOST_SHOWN)) {
    const reached = resultOf(problem), given = photoOf(task, problem);
    const picture = reached ? image(problem.pictures[reached], {}) : given !== null ? image(given, { class: "given" }) : el("span", { class: "blank" });
    task.part("problems").append(el("figure", { class: "problem" }, picture,
      el("figcaption", {}, el("b", {}, problem.status.toLowerCase()), ` ${task.describe(problem)}${task.repeats > 1 || (problem.photo && !task.layout.list) ? `, ${task.nameOf(problem)}` : ""}`, problem.reason ? el("span", { class: "reason" }, problem.reason) : "")));
  }
  if (bad.length > MOST_SHOWN) task.part("problems").append(el("p", { class: "hint" }, `and ${bad.length - MOST_SHOWN} more`));
}
