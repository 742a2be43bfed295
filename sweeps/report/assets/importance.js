// How much of the differences in quality each setting makes, as bars.
function drawImportance(task) {
  if (!task.importance) return;
  const rows = task.importance.shares.map(([name, share]) => el("div", { class: "bar-row" },
    el("span", { class: "bar-name" }, name),
    el("span", { class: "bar-track" }, el("span", { class: "bar-fill", style: { width: `${(100 * share).toFixed(1)}%` } })),
    el("span", { class: "bar-value" }, `${(100 * share).toFixed(0)} %`)));
  task.part("importance").append(el("figure", { class: "map importance" },
    el("figcaption", {}, "Importance of the settings for quality"), ...rows, el("p", { class: "hint" }, `${task.importance.method}.`)));
}
