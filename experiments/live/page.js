"use strict";
// Asks for the state of a run every second and shows it. Nothing is loaded from anywhere but this server.

const COLORS = ["#2a78d6", "#e07b1f", "#2f9e58", "#c2457f", "#8a63d2", "#8c6d4a", "#5b7083", "#b09a15"];
const EVERY = 1000; // milliseconds
const SMALL = 480; // pixels: narrower pictures are enlarged with every pixel a square

const WIDE = 2; // times as wide as high: such pictures get a row of their own

const $ = (id) => document.getElementById(id);
const view = { run: null, chosen: "", following: true, position: 0, hidden: new Set(), shown: "", others: "" };

// ------------------------------------------------------------------------------------------------ asking

async function ask() {
  try {
    const answer = await fetch(`/state?run=${encodeURIComponent(view.chosen)}`, { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.statusText);
    show(await answer.json());
  } catch {
    say("The program that shows this page has ended; once it is started again, the page goes on.", true);
  }
  setTimeout(ask, document.hidden ? 5 * EVERY : EVERY);
}

function say(text, trouble = false) {
  const line = $("state");
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle("trouble", trouble);
}

// ----------------------------------------------------------------------------------------------- showing

function show(state) {
  showChoice(state.runs, state.run ? state.run.name : "");
  view.run = state.run;
  $("run").hidden = !state.run;
  $("bar").hidden = !state.run || !state.run.steps;
  if (!state.run) {
    $("title").textContent = `Looking for a run in ${state.folder}`;
    say("There is none yet: no file called losses.csv, there or in its folders. This page goes on looking.");
    return;
  }
  $("title").textContent = state.run.title || readable(state.run.name) || state.folder;
  document.title = `${state.run.step} · ${$("title").textContent}`;
  say(progress(state.run), state.run.going_on && state.run.silent > 60);
  if (state.run.steps) $("bar").value = state.run.step / state.run.steps;
  showPicture();
  showOthers();
  showLegend();
  draw();
  showMetrics(state.run.metrics);
}

// "a/b/losses.csv" as "a/b", "a/x_losses.csv" as "a/x"
const readable = (name) => name.replace(/[_/]?losses\.csv$/, "");

function showChoice(names, chosen) {
  const list = $("runs");
  const wanted = names.join("\n");
  if (list.dataset.names !== wanted && document.activeElement !== list) {
    list.dataset.names = wanted;
    list.replaceChildren(...names.map((name) => new Option(readable(name) || ".", name)));
  }
  if (document.activeElement !== list) list.value = chosen;
  $("choice").hidden = names.length < 2;
}

function progress(run) {
  const parts = [run.steps ? `step ${run.step} of ${run.steps}` : `step ${run.step}`];
  if (!run.going_on) parts.push("the run has ended");
  else if (run.silent > 60) parts.push(`no sign of life for ${duration(run.silent)}`);
  else if (run.remaining !== null) parts.push(`${duration(run.remaining)} to go`);
  if (run.device) parts.push(run.device);
  return parts.join(" · ");
}

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

// ---------------------------------------------------------------------------------------------- pictures

const address = (picture) =>
  `/picture?run=${encodeURIComponent(view.run.name)}&file=${encodeURIComponent(picture.file)}&t=${picture.time}`;

// Plots, animations and panels come under "More pictures"; what shows the run's progress is gone through.
function series() {
  const numbered = view.run.pictures.filter((picture) => picture.step !== null);
  const last = view.run.pictures.filter((picture) => picture.step === null && isResult(picture.file));
  return [...numbered, ...last];
}

function isResult(file) {
  const prefix = view.run.name.split("/").pop().replace(/losses\.csv$/, "");
  const stem = file.replace(/\.\w+$/, "");
  return `${stem}_` === prefix || ["samples_final", "final", "latest"].includes(stem.slice(prefix.length));
}

function showPicture() {
  const pictures = series();
  $("pictures").hidden = pictures.length === 0;
  if (pictures.length === 0) return;
  if (view.following || view.position >= pictures.length) view.position = pictures.length - 1;
  const slider = $("position");
  slider.max = pictures.length - 1;
  slider.value = view.position;
  $("newest").setAttribute("aria-pressed", view.following);
  const picture = pictures[view.position];
  const text = picture.step === null ? picture.file : `step ${picture.step}`;
  $("caption").textContent = `${text} (${view.position + 1} of ${pictures.length})`;
  place($("picture"), picture, text);
  $("whole").href = address(picture);
}

function place(image, picture, text) {
  const source = address(picture);
  if (image.getAttribute("src") === source) return;
  image.onload = () => {
    image.classList.toggle("small", image.naturalWidth < SMALL);
    image.closest("section, figure").classList.toggle("wide", image.naturalWidth > WIDE * image.naturalHeight);
  };
  image.alt = text;
  image.src = source;
}

function showOthers() {
  const main = new Set(series().map((picture) => picture.file));
  const others = view.run.pictures.filter((picture) => !main.has(picture.file));
  $("more").hidden = others.length === 0;
  const wanted = others.map(address).join("\n");
  if (!$("more").open || view.others === wanted) return;
  view.others = wanted;
  $("others").replaceChildren(...others.map((picture) => {
    const figure = document.createElement("figure");
    const image = new Image();
    const caption = document.createElement("figcaption");
    place(image, picture, picture.file);
    caption.textContent = picture.file;
    figure.append(image, caption);
    return figure;
  }));
}

function move(by) {
  const last = series().length - 1;
  view.position = Math.min(last, Math.max(0, view.position + by));
  view.following = view.position === last;
  showPicture();
}

// ------------------------------------------------------------------------------------------------ losses

const newestOf = (values) => values.filter((value) => value !== null).pop();

// A number with three significant digits, short: 0.0312, 1.45e6
function short(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(2).replace(/\.?0*e\+?/, "e");
  return String(Number(value.toPrecision(3)));
}

function showLegend() {
  const names = Object.keys(view.run.curves);
  const legend = $("legend");
  if (legend.dataset.names !== names.join("\n")) {
    legend.dataset.names = names.join("\n");
    legend.replaceChildren(...names.map((name, i) => {
      const label = document.createElement("label");
      const box = document.createElement("input");
      const line = document.createElement("i");
      box.type = "checkbox";
      box.checked = !view.hidden.has(name);
      box.onchange = () => {
        if (box.checked) view.hidden.delete(name); else view.hidden.add(name);
        draw();
      };
      line.style.background = COLORS[i % COLORS.length];
      label.append(box, line, document.createElement("span"));
      return label;
    }));
  }
  names.forEach((name, i) => {
    const value = newestOf(view.run.curves[name]);
    legend.children[i].lastChild.textContent = value === undefined ? name : `${name} ${short(value)}`;
    legend.children[i].hidden = value === undefined;
  });
}

function draw() {
  if (!view.run) return;
  const canvas = $("curves");
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.clearRect(0, 0, width, height);
  const logarithmic = $("logarithmic").checked;
  const scale = logarithmic ? (value) => (value > 0 ? Math.log10(value) : null) : (value) => value;
  const names = Object.keys(view.run.curves);
  const steps = view.run.steps_of_curves;
  const curves = names.map((name) => view.run.curves[name].map((value) => (value === null ? null : scale(value))));
  const seen = curves.filter((_, i) => !view.hidden.has(names[i])).flat().filter((value) => value !== null);
  if (seen.length === 0) return;
  const low = Math.min(...seen), high = Math.max(...seen), span = high - low || 1;
  const box = { left: 48, right: width - 6, top: 8, bottom: height - 22 };
  const first = steps[0], stretch = steps[steps.length - 1] - first || 1;
  const x = (step) => box.left + (step - first) / stretch * (box.right - box.left);
  const y = (value) => box.bottom - (value - low) / span * (box.bottom - box.top);
  drawAxes(pen, box, { low, span, first, stretch, logarithmic, y });
  curves.forEach((values, i) => {
    if (view.hidden.has(names[i])) return;
    pen.strokeStyle = COLORS[i % COLORS.length];
    pen.lineWidth = 1.6;
    pen.beginPath();
    let down = false;
    values.forEach((value, k) => {
      if (value === null) return;
      if (down) pen.lineTo(x(steps[k]), y(value)); else pen.moveTo(x(steps[k]), y(value));
      down = true;
    });
    pen.stroke();
  });
}

function drawAxes(pen, box, axes) {
  const style = getComputedStyle(document.body);
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = style.getPropertyValue("--faint");
  pen.strokeStyle = style.getPropertyValue("--line");
  for (let i = 0; i <= 4; i++) {
    const value = axes.low + axes.span * i / 4;
    const height = axes.y(value);
    pen.beginPath();
    pen.moveTo(box.left, height);
    pen.lineTo(box.right, height);
    pen.stroke();
    pen.textAlign = "right";
    pen.fillText(short(axes.logarithmic ? 10 ** value : value), box.left - 5, height + 4);
  }
  pen.textAlign = "left";
  pen.fillText(String(Math.round(axes.first)), box.left, box.bottom + 17);
  pen.textAlign = "right";
  pen.fillText(`step ${Math.round(axes.first + axes.stretch)}`, box.right, box.bottom + 17);
}

function showMetrics(metrics) {
  const names = Object.keys(metrics);
  $("metrics").hidden = names.length === 0;
  $("figures").replaceChildren(...names.map((name) => {
    const row = document.createElement("tr");
    for (const text of [name, metrics[name]]) row.insertCell().textContent = text;
    return row;
  }));
}

// ---------------------------------------------------------------------------------------------- controls

$("runs").onchange = () => {
  view.chosen = $("runs").value;
  view.following = true;
  view.hidden.clear();
  $("runs").blur();
};
$("earlier").onclick = () => move(-1);
$("later").onclick = () => move(1);
$("newest").onclick = () => move(Infinity);
$("position").oninput = () => move(Number($("position").value) - view.position);
$("logarithmic").onchange = draw;
$("more").ontoggle = () => view.run && showOthers();
window.onresize = draw;
document.onkeydown = (event) => {
  if (!view.run || event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
  const by = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  if (by === undefined) return;
  event.preventDefault();
  move(by);
};
ask();
