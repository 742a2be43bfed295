// Before and after: one picture over another, uncovered by a slider. Resolves once both are there.
export async function compare(before, after, name) {
  const pictures = await Promise.all([[before, "before"], [after, "after"]].map(async ([source, kind]) => {
    const picture = Object.assign(new Image(), { className: kind, alt: kind === "before" ? "before" : name, src: source });
    await picture.decode();
    return picture;
  }));
  const figure = document.createElement("figure");
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 100, value: 50 });
  slider.setAttribute("aria-label", `Compare: before on the left, ${name} on the right`);
  const span = (kind, text = "") => Object.assign(document.createElement("span"), { className: kind, textContent: text });
  const { naturalWidth: width, naturalHeight: height } = pictures[1];
  figure.className = "compare";
  figure.style.aspectRatio = `${width} / ${height}`;
  figure.style.width = `min(100%, ${(74 * width) / height}vh)`;
  figure.append(...pictures, span("tag left", "before"), span("tag right", name), span("line"), slider);
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
