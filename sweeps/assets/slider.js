// Before and after: one picture over another, uncovered by a slider. The app's page imports it, the report holds a copy.
// before, after: images. left, right: what they are.
export function beforeAfter(before, after, left, right) {
  const figure = document.createElement("figure");
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 100, value: 50 });
  slider.setAttribute("aria-label", `Compare: ${left} on the left, ${right} on the right`);
  const span = (kind, text = "") => Object.assign(document.createElement("span"), { className: kind, textContent: text });
  figure.className = "compare";
  Object.assign(before, { className: "before", alt: left });
  Object.assign(after, { className: "after", alt: right });
  figure.append(before, after, span("tag left", left), span("tag right", right), span("line"), slider);
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
