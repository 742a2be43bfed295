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
  while (waiting.size) for (const node of [...waiting.keys()]) drawNow(node);  // a drawing may ask for others
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
