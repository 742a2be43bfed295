// All cells: picture, loss plot, settings, metrics.
const PAGE = 25;
function columnsOfTable(task) {
  const base = task.chosen.baseline === null ? null : task.cells[task.chosen.baseline];
  const shown = (cell, name) => {
    const own = mean(cell, name);
    if (own === null || base === null || base === cell || mean(base, name) === null) return number(own, name);
    return `${number(own, name)} (${signed(own - mean(base, name), name)})`;
  };
  return [
    ...task.axes.map((axis, i) => ({ id: `axis ${i}`, title: axis.label, text: !axis.numbers, of: (cell) => cell.point[i], show: (cell) => axis.values[cell.point[i]] })),
    ...(task.repeats > 1 ? [{ id: "n", title: "n", of: (cell) => cell.n, show: (cell) => `${cell.n} of ${cell.expected}` }] : []),
    { id: "status", title: "status", text: true, of: (cell) => cell.status, show: (cell) => cell.status.toLowerCase() },
    ...task.measured(task.sorting?.printed ? ["quality", ...task.named] : task.metrics).map((name) => ({ id: name, title: task.heading(name), lower: D.metrics[name].better === "lower", of: (cell) => mean(cell, name), metric: name, show: (cell) => shown(cell, name) })),
  ];
}

function sortTable(task, column) {
  const state = task.sorting;
  state.falling = state.key === column.id ? !state.falling : Boolean(column.metric) && !column.lower;
  state.key = column.id;
  const sign = state.falling ? -1 : 1;
  state.order.sort((a, b) => {
    const x = column.of(task.cells[a]), y = column.of(task.cells[b]);
    if (x === null || y === null) return (x === null) - (y === null);  // what is not known comes last either way
    return x < y ? -sign : x > y ? sign : a - b;
  });
  state.page = 0;
  drawTable(task);
}

function drawTable(task) {
  task.sorting ??= { order: task.cells.map((_, i) => i), key: null, falling: false, page: 0, rows: PAGE };
  const state = task.sorting, columns = columnsOfTable(task);
  const head = el("tr", {}, el("th", { class: "text" }, el("span", { class: "head" }, "image")), el("th", { class: "text" }, el("span", { class: "head" }, "loss")));
  for (const column of columns)
    head.append(el("th", { scope: "col", class: column.text ? "text" : null, "aria-sort": state.key === column.id ? (state.falling ? "descending" : "ascending") : null },
      state.printed ? el("span", { class: "head" }, column.title) : el("button", { type: "button", title: column.metric ? D.metrics[column.metric].meaning : null, on: { click: () => { sortTable(task, column); task.part("rows").querySelector("th[aria-sort] button").focus(); } } }, column.title)));
  const body = el("tbody");
  for (const i of state.order.slice(state.page * state.rows, (state.page + 1) * state.rows)) {
    const cell = task.cells[i], problem = task.problemOf(cell), kind = resultOf(problem);
    const thumbnail = kind ? image(problem.pictures[kind], {}) : "·";
    const row = el("tr", { class: cell.mark || null },
      el("td", {}, el("button", { type: "button", class: "open", "aria-label": `Open ${task.describe(cell)}`, on: { click: () => openViewer(task, i) } }, thumbnail)),
      el("td", {}, sparkline(task, problem)));
    for (const column of columns) {
      const bad = column.id === "status" && cell.status !== "FINISHED";
      const range = column.metric ? interval(cell, column.metric) : "";
      const note = column.id === "status" && cell.mark ? ` ${cell.mark}` : range ? ` ${range}` : "";
      row.append(el("td", { class: [column.text ? "text" : "", bad ? "bad" : ""].join(" ").trim() || null }, column.show(cell), note ? el("small", {}, note) : ""));
    }
    body.append(row);
  }
  task.part("rows").replaceChildren(el("thead", {}, head), body);
  const pages = Math.ceil(state.order.length / state.rows), first = state.page * state.rows;
  task.part("pages").replaceChildren();
  if (pages > 1) {
    const turn = (by, text) => el("button", { type: "button", disabled: state.page + by < 0 || state.page + by >= pages, on: { click: () => { state.page += by; drawTable(task); } } }, text);
    task.part("pages").append(turn(-1, "←"), `${first + 1}–${Math.min(state.order.length, first + state.rows)} of ${state.order.length}`, turn(1, "→"));
  }
}

function saveCsv(task) {
  const quote = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const names = task.measured(task.metrics);
  const head = [...task.axes.map((axis) => axis.key), "status", "n", "expected", ...names.flatMap((name) => [name, `${name}_low`, `${name}_high`])];
  const lines = task.cells.map((cell) => [...task.axes.map((axis, i) => axis.values[cell.point[i]]), cell.status, cell.n, cell.expected,
    ...names.flatMap((name) => cell.values[name] || [null, null, null])].map((value) => quote(value === null ? "" : String(value))).join(","));
  download(new Blob([[head.map(quote).join(","), ...lines].join("\r\n")], { type: "text/csv" }), "cells.csv");
}
