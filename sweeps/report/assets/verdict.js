// The result: a recommendation per problem, with the command, the metrics and the picture.
function verdicts(task) {
  const box = task.part("verdicts");
  for (const verdict of task.verdicts) {
    const words = el("div", { class: "words" });
    if (verdict.problem) words.append(el("h4", {}, verdict.problem));
    words.append(el("p", { class: "reason" }, verdict.reason));
    const proof = el("div", { class: "proof" });
    if (verdict.recommended !== null) {
      const cell = task.cells[verdict.recommended];
      if (verdict.command) words.append(copyable(verdict.command));
      words.append(el("dl", { class: "metrics" }, ...metricsOf(task, cell, ofFinal(task, cell))));
      const shown = cell.problems.map((i) => task.problems[i]).find(resultOf);
      if (shown) proof.append(stage(task, shown, "degraded"));
    }
    box.append(el("div", { class: task.verdicts.length > 2 ? "verdict small" : "verdict" }, words, proof));
  }
  task.part("formula").textContent = task.formula;
  task.part("why").textContent = task.why;
}

function countOf(problems) {
  const count = (status) => problems.filter((problem) => problem.status === status).length;
  const parts = [`${count("FINISHED")} of ${problems.length} runs finished`];
  for (const status of ["FAILED", "KILLED", "RUNNING", "MISSING"])
    if (count(status)) parts.push(`${count(status)} ${status.toLowerCase()}`);
  return parts.join(" · ");
}
