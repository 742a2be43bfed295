// The page: choose a photo, say what is wrong with it, watch one search, take the result home.
import { compare } from "./compare.js";
import { Painting } from "./paint.js";

const $ = (id) => document.getElementById(id);
const POLL = 700; // ms
const ALL = "all"; // faces
const page = { photo: null, face: 0, found: null, maskFile: null, search: null, result: null, choice: null, drawn: "", ready: "" };
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
    Object.assign(page, { photo, face: 0, found: null, result: null, maskFile: null });
    painting.clear();
    $("name").textContent = $("name").title = photo.name;
    $("faces-title").textContent = photo.aligned ? "No face can be seen: the whole square is taken as one"
      : photo.faces === 1 ? "One face found" : `${photo.faces} faces found: which one?`;
    const faces = [...Array(photo.faces).keys()].map((k) =>
      thumbnail("face", k, `photos/${photo.id}/face_${k}.jpg`, `Face ${k + 1}`, "", k === 0, () => choose(k)));
    if (photo.faces > 1) faces.push(thumbnail("face", ALL, `photos/${photo.id}/preview.jpg`, "All faces", "all", false, () => choose(ALL)));
    $("faces").replaceChildren(...faces);
    choose(0);
    look(photo);
  } catch (error) {
    complain(error);
  }
  show(page.photo ? "photo" : "drop");
}

function thumbnail(name, value, source, label, caption, checked, onChange) {
  const input = Object.assign(document.createElement("input"), { type: "radio", name, value, checked });
  input.setAttribute("aria-label", label);
  input.addEventListener("change", onChange);
  const box = document.createElement("label");
  box.append(input, Object.assign(new Image(), { src: source, alt: label, title: label }), caption);
  return box;
}

function choose(face) {
  page.face = face;
  page.maskFile = null;
  painting.clear();
  $("area").src = `photos/${page.photo.id}/${face === ALL ? "preview" : `area_${face}`}.jpg`;
  $("four-row").hidden = face === ALL;
  begin();
  damage();
  show("photo");
}

// What has happened to it, as the server finds it

async function look(photo) {
  try {
    const found = await ask(`photos/${photo.id}/damage`);
    if (page.photo === photo) page.found = found;
  } catch (error) {
    if (page.photo === photo) complain(error);
  }
  if (page.photo !== photo) return; // another one was chosen
  begin();
  damage();
}

// Sliders stand at what was found; for all faces at the largest one's.
function begin() {
  const found = page.found;
  $("corrections").hidden = !found;
  $("found-hint").textContent = !found ? "Looking what has happened to it …"
    : found.nothing ? "Nothing was found that would have to be mended: the photo stays as it is. If you see something, say it here." : "";
  $("found-rows").replaceChildren(...(found?.rows ?? []).flatMap(({ what, found: value, sure }) => {
    const [name, said] = ["dt", "dd"].map((kind) => document.createElement(kind));
    name.textContent = what;
    said.textContent = `${value} (${sure})`;
    return [name, said];
  }));
  if (!found) return;
  $("found-blur").value = page.blur = String(Math.min(25, Math.round((200 * found.blur) / side()) / 2));
  $("found-enlarged").value = page.enlarged = String(Math.min(9, Math.round(10 * found.enlarged) / 10));
  $("found-noise").value = page.noise = String(Math.min(15, Math.round(2 * found.noise) / 2));
  $("found-grey").checked = found.grey;
  $("fill").checked = true;
  $("fill-row").hidden = !found.hides;
  $("hidden").src = found.hides && page.face !== ALL ? `photos/${page.photo.id}/hidden_${page.face}.png` : "";
}

const side = () => page.photo.sides[page.face === ALL ? 0 : page.face]; // px of the face's square

function corrected() {
  const same = (id, value) => $(id).value === value;
  return {
    blur: same("found-blur", page.blur) ? null : Number($("found-blur").value),
    enlarged: same("found-enlarged", page.enlarged) ? null : Number($("found-enlarged").value),
    noise: same("found-noise", page.noise) ? null : Number($("found-noise").value),
    colour: $("found-grey").checked === page.found.grey ? "found" : $("found-grey").checked ? "grey" : "colour",
    fill: $("fill").checked,
  };
}

// What is wrong with it

const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;

function damage() {
  const kind = chosen("damage");
  const paints = kind === "missing" || kind === "auto";
  for (const part of document.querySelectorAll(".detail")) part.hidden = !part.dataset.damage.split(" ").includes(kind);
  const moved = page.found?.rows.some(({ found }) => found.startsWith("motion")) && $("found-blur").value === page.blur;
  $("found-blur-out").textContent = moved ? "by motion, as found" : $("found-blur").value === "0" ? "none" : `${$("found-blur").value} % of the face`;
  $("found-enlarged-out").textContent = $("found-enlarged").value === "1" ? "no" : `${$("found-enlarged").value} times`;
  $("found-noise-out").textContent = $("found-noise").value === "0" ? "none" : `${$("found-noise").value} % of white`;
  $("hidden").hidden = kind !== "auto" || !page.found?.hides || !$("fill").checked || page.face === ALL;
  $("paint-hint").textContent = kind === "auto" ? "Paint over scratches, spots and holes that were missed."
    : "Paint over it in the picture. Without paint, areas that are blanked in black or white are found by themselves.";
  $("blur-row").hidden = $("blur-auto").checked;
  $("blur-out").textContent = `${$("blur").value} % of the face`;
  $("pixels-out").textContent = `${$("pixels").value} px`;
  $("brush-out").textContent = `${$("brush").value} %`;
  painting.brush = $("brush").value / 100;
  $("canvas").hidden = !paints || page.maskFile !== null;
  $("undo").disabled = $("clear").disabled = !painting.strokes.length && page.maskFile === null;
  $("mask-name").hidden = page.maskFile === null;
  $("mask-name").textContent = page.maskFile ? `Mask: ${page.maskFile.name}` : "";
  painting.draw();
}

async function sendMask() {
  const address = `photos/${page.photo.id}/mask`;
  if (page.maskFile) return ask(address, { method: "POST", body: page.maskFile });
  if (painting.strokes.length) return ask(`${address}?face=${page.face === ALL ? page.photo.faces : page.face}`, { method: "POST", body: await painting.png() });
  return ask(address, { method: "DELETE" });
}

// One search

async function restore(event) {
  event.preventDefault();
  complain(null);
  $("restore").disabled = true;
  try {
    const kind = chosen("damage");
    if (kind === "missing" || kind === "auto") await sendMask();
    const wish = { photo: page.photo.id, face: page.face, damage: kind, blur: $("blur-auto").checked ? null : Number($("blur").value),
      pixels: Number($("pixels").value), likeness: Number($("likeness").value), alternatives: $("four").checked && page.face !== ALL ? 4 : 1,
      ...(kind === "auto" && page.found ? corrected() : {}), ...(kind === "auto" && !page.found ? { blur: null } : {}) };
    const { id } = await ask("searches", { method: "POST", body: JSON.stringify(wish) });
    page.search = { id, kind, frames: 0, began: null };
    $("forming").src = `photos/${page.photo.id}/face_${page.face === ALL ? 0 : page.face}.jpg`; // until the first face is drawn
    $("forming").classList.add("waiting");
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
    $("forming").classList.remove("waiting");
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
  if (!now.best) {
    show("photo");
    if (now.state === "FAILED") complain(new Error(now.reason));
    return;
  }
  const drawn = (name) => name === "restored.png";
  const choices = now.choices.filter((name) => !drawn(name) || search.kind !== "grey"); // grey: its light and dark are known
  page.result = { id: search.id, now, photo: page.photo };
  page.choice = now.best;
  page.drawn = "";
  $("choices").hidden = choices.length < 2;
  $("choices").querySelector("legend").textContent = choices.length > 2
    ? "Alternatives: where they differ, the photo does not say. “As drawn” is the generator’s face without the photo’s own detail."
    : "“As drawn” is the generator’s face without the photo’s own detail.";
  $("choices").querySelector(".thumbnails").replaceChildren(...choices.map((name, k) => {
    const caption = drawn(name) ? "as drawn" : choices.length > 2 ? `${k + 1}${name === now.best ? ", best fit" : ""}` : "finished";
    return thumbnail("choice", name, `searches/${search.id}/${name}`, caption, caption, name === now.best, () => { page.choice = name; result(); });
  }));
  $("ending").textContent = now.state === "KILLED" ? `Stopped early: this is what was reached. Recorded in ${now.folder}`
    : now.before ? `The same photo and settings were restored before: ${now.folder}` : `Recorded in ${now.folder}`;
  $("overshoots").hidden = !now.overshoots || search.kind !== "blur";
  $("mlflow").hidden = !now.tracked;
  $("mlflow").href = `searches/${search.id}/mlflow`;
  show(now.is_whole ? "whole" : "face");
}

async function result() {
  const { id, now, photo } = page.result, picture = `searches/${id}/${page.choice}`, inPhoto = `searches/${id}/photo/${page.choice}`;
  document.querySelector('input[name="view"][value="whole"]').parentElement.hidden = !now.has_photo;
  $("download-photo").hidden = !now.has_photo;
  $("download-photo").href = `${inPhoto}?download`;
  document.querySelector('input[name="view"][value="face"]').parentElement.hidden = now.is_whole;
  $("download-face").hidden = now.is_whole;
  $("download-face").href = `${picture}?download`;
  const pictures = chosen("view") === "whole" ? [`photos/${photo.id}/preview.jpg`, inPhoto] : [`searches/${id}/before`, picture];
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

// A photo with another choice in it is made when somebody asks for it: seconds for a large one.
async function download(event) {
  const link = $("download-photo"), address = link.href;
  if (page.ready === address) return; // made: the browser saves it
  event.preventDefault();
  link.textContent = "Putting it into the photo …";
  link.setAttribute("aria-busy", "true");
  const answer = await fetch(address, { method: "HEAD" }).catch(() => null);
  link.textContent = "Download the photo";
  link.removeAttribute("aria-busy");
  if (!answer?.ok) return complain(new Error("The photo could not be made: is it still there, and is the disk full?"));
  page.ready = address;
  if (link.href === address) link.click();
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
for (const id of ["blur-auto", "blur", "pixels", "brush", "found-blur", "found-enlarged", "found-noise", "fill"]) $(id).addEventListener("input", damage);
for (const input of document.querySelectorAll('input[name="view"]')) input.addEventListener("change", () => show(input.value));
$("undo").addEventListener("click", () => (page.maskFile ? ((page.maskFile = null), damage()) : painting.undo()));
$("clear").addEventListener("click", () => { page.maskFile = null; painting.clear(); });
painting.onChange = damage;
$("area").addEventListener("load", () => painting.draw());
$("controls").addEventListener("submit", restore);
$("download-photo").addEventListener("click", download);
$("stop").addEventListener("click", () => {
  $("stop").disabled = true;
  $("status").textContent = "Stopping …";
  if (page.search) ask(`searches/${page.search.id}/stop`, { method: "POST" }).catch(complain);
});
damage();
