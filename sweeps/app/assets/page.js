// The page: choose a photo, say what is wrong with it, watch one search, take the result home.
import { compare } from "./compare.js";
import { Painting } from "./paint.js";

const $ = (id) => document.getElementById(id);
const POLL = 700; // ms
const page = { photo: null, face: 0, maskFile: null, search: null, result: null, alternative: 0, drawn: "" };
const painting = new Painting($("canvas"), $("area"));

async function ask(address, options = {}) {
  const answer = await fetch(address, { ...options, headers: { "x-inversion": "1", ...options.headers } }).catch(() => null);
  if (!answer) throw new Error("The page's server does not answer: it has been ended. Start it again, then reload this page.");
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error ?? `The server answered ${answer.status}.`);
  return said;
}

function complain(error) {
  $("error").textContent = error ? error.message : "";
  $("error").hidden = !error;
  if (error) $("error").scrollIntoView({ block: "nearest" });
}

// A photo and its faces

async function take(file) {
  if (!file) return;
  complain(null);
  page.search = null;
  show("looking");
  try {
    const photo = await ask("photos", { method: "POST", body: file, headers: { "x-name": encodeURIComponent(file.name || "pasted.png") } });
    Object.assign(page, { photo, face: 0, result: null, maskFile: null, alternative: 0 });
    painting.clear();
    $("name").textContent = $("name").title = photo.name;
    $("faces-title").textContent = photo.aligned ? "No face can be seen: the whole square is taken as one"
      : photo.faces === 1 ? "One face found" : `${photo.faces} faces found: which one?`;
    $("faces").replaceChildren(...[...Array(photo.faces).keys()].map((k) =>
      thumbnail("face", k, `photos/${photo.id}/face_${k}.jpg`, `Face ${k + 1}`, k === 0, () => choose(k))));
    choose(0);
  } catch (error) {
    complain(error);
  }
  show(page.photo ? "photo" : "drop");
}

function thumbnail(name, value, source, label, checked, onChange) {
  const input = Object.assign(document.createElement("input"), { type: "radio", name, value, checked });
  input.setAttribute("aria-label", label);
  input.addEventListener("change", onChange);
  const box = document.createElement("label");
  box.append(input, Object.assign(new Image(), { src: source, alt: label, title: label }));
  return box;
}

function choose(face) {
  page.face = face;
  page.maskFile = null;
  painting.clear();
  $("area").src = `photos/${page.photo.id}/area_${face}.jpg`;
  damage();
  show("photo");
}

// What is wrong with it

const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;

function damage() {
  const kind = chosen("damage");
  for (const part of document.querySelectorAll(".detail")) part.hidden = part.dataset.damage !== kind;
  $("blur-row").hidden = $("blur-auto").checked;
  $("blur-out").textContent = `${$("blur").value} % of the face`;
  $("pixels-out").textContent = `${$("pixels").value} px`;
  $("brush-out").textContent = `${$("brush").value} %`;
  painting.brush = $("brush").value / 100;
  $("canvas").hidden = kind !== "missing" || page.maskFile !== null;
  $("undo").disabled = $("clear").disabled = !painting.strokes.length && page.maskFile === null;
  $("mask-name").hidden = page.maskFile === null;
  $("mask-name").textContent = page.maskFile ? `Mask: ${page.maskFile.name}` : "";
  painting.draw();
}

async function sendMask() {
  const address = `photos/${page.photo.id}/mask`;
  if (page.maskFile) return ask(address, { method: "POST", body: page.maskFile });
  if (painting.strokes.length) return ask(`${address}?face=${page.face}`, { method: "POST", body: await painting.png() });
  return ask(address, { method: "DELETE" });
}

// One search

async function restore(event) {
  event.preventDefault();
  complain(null);
  $("restore").disabled = true;
  try {
    const kind = chosen("damage");
    if (kind === "missing") await sendMask();
    const wish = { photo: page.photo.id, face: page.face, damage: kind, blur: $("blur-auto").checked ? null : Number($("blur").value),
      pixels: Number($("pixels").value), likeness: Number($("likeness").value), alternatives: $("four").checked ? 4 : 1 };
    const { id } = await ask("searches", { method: "POST", body: JSON.stringify(wish) });
    page.search = { id, frames: 0, began: null };
    $("forming").removeAttribute("src");
    $("stop").disabled = false;
    show("search");
    $("stage").scrollIntoView({ block: "nearest" });
    await follow(page.search);
  } catch (error) {
    complain(error);
  }
  $("restore").disabled = false;
}

async function follow(search) {
  for (;;) {
    const now = await ask(`searches/${search.id}`);
    if (page.search !== search) return; // another photo was chosen: this one goes on without being watched
    if (!["waiting", "running"].includes(now.state)) return end(search, now);
    progress(search, now);
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}

function progress(search, now) {
  const waits = now.state === "waiting";
  if (now.frames > search.frames) {
    search.frames = now.frames;
    $("forming").src = `searches/${search.id}/frame?${now.frames}`;
  }
  if (now.step && now.step < now.steps) {
    $("bar").value = now.step / now.steps;
    search.began ??= { step: now.step, at: performance.now() };
  } else {
    $("bar").removeAttribute("value");
  }
  const speed = search.began && (now.step - search.began.step) / (performance.now() - search.began.at);
  const left = speed > 0 ? `, about ${spell((now.steps - now.step) / speed / 1000)} left` : "";
  $("status").textContent = waits ? `Waiting: ${now.ahead} ${now.ahead === 1 ? "restoration" : "restorations"} before this one`
    : !now.step ? "Starting …" : now.step < now.steps ? `Step ${now.step} of ${now.steps}${left}` : "Finishing at the photo’s own size …";
  $("queue").textContent = now.queue > 1 ? `${now.queue} restorations in the queue; one is searched at a time.` : "";
}

const spell = (seconds) => (seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`);

async function end(search, now) {
  page.search = null;
  $("queue").textContent = "";
  if (!now.files.includes("restored.png")) {
    show("photo");
    if (now.state === "FAILED") complain(new Error(now.reason.replace(/^\w+Error: /, "")));
    return;
  }
  const alternatives = now.files.filter((name) => /^sample_\d+\.png$/.test(name)).length;
  page.result = { id: search.id, now, photo: page.photo, face: ["result.png", "consistent.png", "restored.png"].find((name) => now.files.includes(name)) };
  page.alternative = 0;
  $("alternatives").hidden = alternatives < 2;
  $("alternatives").querySelector(".thumbnails").replaceChildren(...[...Array(alternatives).keys()].map((k) =>
    thumbnail("alternative", k + 1, `searches/${search.id}/sample_${k + 1}.png`, `Alternative ${k + 1}`, false, () => { page.alternative = k + 1; result(); })));
  $("ending").textContent = now.state === "KILLED" ? `Stopped early: this is what was reached. Recorded in ${now.folder}`
    : now.before ? `The same photo and settings were restored before: ${now.folder}` : `Recorded in ${now.folder}`;
  $("mlflow").hidden = !now.tracked;
  $("mlflow").href = `searches/${search.id}/mlflow`;
  show("face");
}

async function result() {
  const { id, now, face, photo } = page.result, k = page.alternative, view = chosen("view");
  const picture = k ? `searches/${id}/sample_${k}.png` : `searches/${id}/${face}`;
  const inPhoto = now.files.includes("photo_restored.png");
  document.querySelector('input[name="view"][value="whole"]').parentElement.hidden = !inPhoto;
  $("download-photo").hidden = !inPhoto;
  $("download-photo").href = `searches/${id}/photo/${k}?download`;
  $("download-face").href = `${picture}?download`;
  const whole = view === "whole";
  const pictures = whole ? [`photos/${photo.id}/preview.jpg`, `searches/${id}/photo/${k}`] : [`searches/${id}/before`, picture];
  if (page.drawn === pictures[1]) return;
  page.drawn = pictures[1];
  $("compare-place").setAttribute("aria-busy", "true");
  try {
    const figure = await compare(...pictures, "restored");
    if (page.drawn === pictures[1]) $("compare-place").replaceChildren(figure);
  } catch {
    complain(new Error("The picture could not be loaded."));
  }
  $("compare-place").removeAttribute("aria-busy");
}

// What the stage shows: drop, looking, photo, search, face, whole

function show(what) {
  const isResult = what === "face" || what === "whole";
  $("drop").hidden = what !== "drop";
  $("looking").hidden = what !== "looking";
  $("settings").hidden = !page.photo || what === "looking";
  document.querySelector("main").classList.toggle("empty", !page.photo);
  $("views").hidden = !page.result || what === "looking" || what === "search";
  if (!$("views").hidden) document.querySelector(`input[name="view"][value="${what}"]`).checked = true;
  $("view-photo").hidden = what !== "photo";
  $("view-search").hidden = what !== "search";
  $("view-result").hidden = !isResult;
  if (isResult) result();
  if (what === "photo") requestAnimationFrame(() => painting.draw());
}

// Wiring

for (const [button, input] of [["choose", "file"], ["another", "file"], ["mask-choose", "mask-file"]])
  $(button).addEventListener("click", () => { $(input).value = ""; $(input).click(); });
$("file").addEventListener("change", () => take($("file").files[0]));
$("mask-file").addEventListener("change", () => { page.maskFile = $("mask-file").files[0] ?? null; damage(); });
document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dragging"); });
document.addEventListener("dragleave", () => document.body.classList.remove("dragging"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  take(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => take([...event.clipboardData.files].find((file) => file.type.startsWith("image/"))));
for (const input of document.querySelectorAll('input[name="damage"]'))
  input.addEventListener("change", () => { damage(); if (!page.search) show("photo"); });
for (const id of ["blur-auto", "blur", "pixels", "brush"]) $(id).addEventListener("input", damage);
for (const input of document.querySelectorAll('input[name="view"]')) input.addEventListener("change", () => show(input.value));
$("undo").addEventListener("click", () => (page.maskFile ? ((page.maskFile = null), damage()) : painting.undo()));
$("clear").addEventListener("click", () => { page.maskFile = null; painting.clear(); });
painting.onChange = damage;
$("area").addEventListener("load", () => painting.draw());
$("controls").addEventListener("submit", restore);
$("stop").addEventListener("click", () => {
  $("stop").disabled = true;
  $("status").textContent = "Stopping …";
  if (page.search) ask(`searches/${page.search.id}/stop`, { method: "POST" }).catch(complain);
});
damage();
