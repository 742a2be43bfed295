// What is far from the screen is drawn when it comes near, or all at once when the page is printed.
const waiting = new Map();
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) drawNow(entry.target);
}, { rootMargin: "600px" });

function whenNear(node, draw) {
  waiting.set(node, draw);
  near.observe(node);
  return node;
}
function drawNow(node) {
  const draw = waiting.get(node);
  near.unobserve(node);
  waiting.delete(node);
  if (draw) draw();
}
function drawAll() {
  printing = true;
  for (const node of passed.keys()) fill(node);
  while (waiting.size) for (const node of [...waiting.keys()]) drawNow(node);  // a drawing may ask for others
}

// Of a long table only the rows near the screen stand in the page; printed, it is whole.
const passed = new Map();  // row -> what fills it, and what is told when it is emptied
let printing = false;
const passing = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!target.isConnected) { passing.unobserve(target); passed.delete(target); }
    else if (isIntersecting) fill(target);
    else if (!printing && !target.contains(document.activeElement)) empty(target);
  }
}, { rootMargin: "600px" });

// A row's first child, its heading, always stands there. side: of its cells, in CSS; the rest of its height is measured.
function whileNear(row, side, draw, onEmpty) {
  passed.set(row, { side, draw, onEmpty, full: false });
  row.style.height = `calc(${side} + 2.5rem)`;
  passing.observe(row);
}
function fill(row) {
  const one = passed.get(row);
  if (!one || one.full) return;
  one.full = true;
  one.draw();
  row.style.height = "";
}
function empty(row) {
  const one = passed.get(row);
  if (!one.full) return;
  one.full = false;
  const rest = row.offsetHeight - row.querySelector("button").offsetWidth;
  for (const node of row.querySelectorAll("img")) { near.unobserve(node); waiting.delete(node); }
  while (row.lastChild !== row.firstChild) row.lastChild.remove();
  row.style.height = `calc(${one.side} + ${rest}px)`;
  one.onEmpty();
}

// A picture's bytes stand in an element of their own, perhaps further down than the browser has read yet.
const later = [];
function load(img, i) {
  const bytes = $(`picture-${i}`);
  if (bytes) img.src = `data:image/webp;base64,${bytes.textContent}`;
  else if (document.readyState === "loading") later.push([img, i]);
  return img;
}
document.addEventListener("DOMContentLoaded", () => { for (const [img, i] of later.splice(0)) load(img, i); });

function image(index, attributes) {
  const node = el("img", { alt: "", ...attributes });
  return whenNear(node, () => load(node, index));
}
