// The page /sky: its controls, and the view in the address.

import { openSky } from "./skyview.js";
import { ask, eventItems } from "./skylayers.js";
import { part, utc, written } from "./skycard.js";
import { densityShade, legend, sampleColour, scale } from "./skycolours.js";
import { send } from "./skysamp.js";

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const address = new URLSearchParams(location.search);
const samples = data.samples.map((one, i) => ({ ...one, shade: sampleColour(i), minimum: undefined }));
const ROWS = 25;
let sky;
let newest = 0; // the number of the latest question to the server; older answers are dropped

const chosen = () => samples.filter((one) => one.chosen);

// -- controls ---------------------------------------------------------------------------------

function span() {
  const ranges = chosen().map((one) => one.mjd).filter(([from]) => from !== null);
  return [Math.min(...ranges.map(([from]) => from)), Math.max(...ranges.map(([, to]) => to))];
}

function times() {
  const [first, last] = span();
  const [a, b] = [Number($("from").value), Number($("to").value)].sort((x, y) => x - y);
  const at = (mark) => first + (last - first) * mark / 1000;
  return { mjd_min: a > 0 ? at(a) : undefined, mjd_max: b < 1000 ? at(b) : undefined, from: at(a), to: at(b) };
}

function drawSamples() {
  for (const one of samples) {
    const label = part("label", "sky-check");
    const box = Object.assign(part("input"), { type: "checkbox", checked: one.chosen });
    box.addEventListener("change", () => { one.chosen = box.checked; restart(); });
    const dot = part("span", "sky-swatch");
    dot.style.backgroundColor = one.shade;
    label.append(box, dot, part("span", "", `${one.title} (${one.events.toLocaleString("en")})`));
    $("samples").append(label);
  }
}

// Samples whose values have the same name and unit share a colour scale and a least value.
function scales() {
  const made = new Map();
  for (const one of chosen().filter((each) => each.value && each.values[0] !== null)) {
    const key = `${one.value.label} ${one.value.unit}`;
    const found = made.get(key) ?? { column: one.value, range: [Infinity, -Infinity], of: [] };
    found.range = [Math.min(found.range[0], one.values[0]), Math.max(found.range[1], one.values[1])];
    found.of.push(one);
    made.set(key, found);
  }
  return [...made.values()];
}

function drawMinima() {
  $("minima").replaceChildren(...scales().map(({ column, range, of }, i) => {
    const row = part("div", "sky-row");
    const unit = column.unit ? ` (${column.unit})` : "";
    const label = part("label", "", `Minimum ${column.label.toLowerCase()}${unit}`);
    const box = Object.assign(part("input"), { id: `minimum${i}`, type: "number", min: 0, step: "any", placeholder: String(range[0]) });
    label.htmlFor = box.id;
    box.value = of[0].minimum ?? "";
    box.addEventListener("change", () => {
      for (const one of of) one.minimum = box.value === "" ? undefined : Number(box.value);
      refresh();
    });
    row.append(label, box);
    return row;
  }));
}

function colours() {
  const way = $("colour").value;
  const legends = [];
  const found = new Map(chosen().map((one) => [one.name, () => one.shade]));
  if (way === "time" && chosen().length) {
    const made = scale(span(), { kind: "time" });
    legends.push(made.legend());
    for (const one of chosen()) found.set(one.name, (item) => made.colour(item.mjd));
  } else if (way === "value") {
    for (const each of scales()) {
      const made = scale(each.range, each.column);
      legends.push(made.legend());
      for (const one of each.of) found.set(one.name, (item) => made.colour(item.value));
    }
  }
  return { found, legends };
}

// -- what is drawn ----------------------------------------------------------------------------

async function refresh() {
  const mine = newest += 1;
  const view = sky.view();
  const { from, to, ...bounds } = times();
  $("times").textContent = chosen().length ? `${utc(from)} to ${utc(to)} UTC` : "";
  const cone = view.radius < 180 ? { ra: view.ra.toFixed(3), dec: view.dec.toFixed(3), radius: Math.min(view.radius, 179).toFixed(3) } : {};
  remember(view);
  const answers = await Promise.all(chosen().map((one) => ask("/sky/events.json", {
    release: one.name, limit: data.limit, ...cone, ...bounds, minimum: one.minimum,
  }).catch((reason) => ({ reason }))));
  if (mine !== newest) return;
  const { found, legends } = colours();
  const items = [];
  chosen().forEach((one, i) => {
    if (answers[i].reason) return;
    const drawn = eventItems(answers[i]);
    for (const item of drawn) {
      item.colour = found.get(one.name)(item);
      if (item.id === address.get("event")) sky.mark(item);
    }
    sky.layers[one.name].replace(drawn);
    items.push(...drawn.map((item) => [item, one]));
  });
  for (const one of samples.filter((each) => !each.chosen)) sky.layers[one.name].replace([]);
  const dropping = chosen().filter((one, i) => answers[i].shown < answers[i].total);
  await drawDensity(dropping, legends);
  $("legend").replaceChildren(...legends);
  $("shown").textContent = said(answers);
  drawTable(items, answers);
}

function said(answers) {
  const good = answers.filter((one) => !one.reason);
  if (good.length < answers.length) return answers.find((one) => one.reason).reason.sentence ?? "The events cannot be loaded at the moment.";
  const [shown, total] = ["shown", "total"].map((key) => good.reduce((sum, one) => sum + one[key], 0));
  const [few, all] = [shown, total].map((one) => one.toLocaleString("en"));
  if (!answers.length) return "No sample is chosen.";
  if (!total) return "There are no events here with these limits.";
  return shown < total ? `${few} of ${all} events in view, the brightest` : total === 1 ? "One event in view" : `All ${all} events in view`;
}

async function drawDensity(dropping, legends) {
  for (const one of samples) {
    const wanted = $("density").checked && dropping.includes(one) && one.peak;
    const name = `density ${one.name}`;
    if (wanted) legends.push(legend("Events per square degree", ["0", one.peak.toPrecision(2)], densityShade));
    if (wanted && !sky.layers[name]) await sky.add({ kind: "density", name, release: one.name });
    else sky.layers[name]?.show(Boolean(wanted));
  }
}

function drawTable(items, answers) {
  const [answer] = answers.filter((one) => !one.reason);
  const body = $("rows");
  if (!body || !answer) return;
  const mine = items.filter(([item]) => item.subtitle === answer.title).slice(0, ROWS);
  body.replaceChildren(...mine.map(([item, one]) => {
    const row = part("tr");
    const name = part("th");
    name.scope = "row";
    const button = Object.assign(part("button", "", item.title), { type: "button" });
    button.addEventListener("click", () => { sky.goTo(item.ra, item.dec); choose(item, one); });
    name.append(button);
    row.append(name, ...item.facts.map(([, value, column]) => part("td", "",
      value === null ? "–" : column.kind === "time" ? utc(value) : written(value, { ...column, unit: "" }))));
    return row;
  }));
  $("which").firstChild.textContent = `${mine.length} of ${answer.total.toLocaleString("en")} events of `;
}

function restart() {
  drawMinima();
  refresh();
}

// -- address ----------------------------------------------------------------------------------

function remember(view = sky.view()) {
  address.set("target", `${view.ra.toFixed(3)} ${view.dec.toFixed(3)}`);
  address.set("fov", String(Number(view.fov.toPrecision(4))));
  address.set("release", chosen().map((one) => one.name).join(","));
  const { mjd_min, mjd_max } = times();
  for (const [name, value] of [["mjd_min", mjd_min?.toFixed(4)], ["mjd_max", mjd_max?.toFixed(4)],
    ["color", $("colour").value === "value" ? "" : $("colour").value],
    ["errors", $("errors").checked ? "" : "0"], ["density", $("density").checked ? "" : "0"], ["alerts", $("alerts").checked ? "" : "0"]]) {
    if (value) address.set(name, value);
    else address.delete(name);
  }
  history.replaceState(null, "", `?${address}`);
}

function recall() {
  const way = address.get("color");
  if (["time", "sample"].includes(way)) $("colour").value = way;
  for (const name of ["errors", "density", "alerts"]) $(name).checked = address.get(name) !== "0";
  if (!chosen().length) return;
  const [first, last] = span();
  for (const [name, id] of [["mjd_min", "from"], ["mjd_max", "to"]]) {
    const value = Number(address.get(name));
    if (address.get(name) && Number.isFinite(value) && last > first) $(id).value = String(Math.round(1000 * (value - first) / (last - first)));
  }
}

function choose(item, layer) {
  if (item?.id && layer?.kind !== "alerts") address.set("event", item.id);
  else address.delete("event");
  history.replaceState(null, "", `?${address}`);
  sky.card(item, layer);
}

async function showEvent(id) {
  for (const one of chosen()) {
    const answer = await ask("/sky/events.json", { release: one.name, event: id }).catch(() => null);
    if (!answer?.shown) continue;
    const [item] = eventItems(answer);
    if (!data.target) sky.goTo(item.ra, item.dec, 20);
    choose(item, one);
    refresh();
    return;
  }
  sky.problem(`The event “${id.slice(0, 60)}” is not in the samples that are chosen.`);
}

// -- start ------------------------------------------------------------------------------------

function queryOf(one) {
  const { names, table } = one;
  const { ra, dec, radius } = sky.view();
  const { mjd_min, mjd_max } = times();
  const terms = [];
  if (radius < 180) terms.push(`1 = CONTAINS(POINT('ICRS', ${names.ra}, ${names.dec}), CIRCLE('ICRS', ${ra.toFixed(4)}, ${dec.toFixed(4)}, ${radius.toFixed(4)}))`);
  if (mjd_min) terms.push(`${names.mjd} >= ${mjd_min}`);
  if (mjd_max) terms.push(`${names.mjd} <= ${mjd_max}`);
  if (one.minimum !== undefined) terms.push(`${names.value} >= ${one.minimum}`);
  const query = `SELECT * FROM ${table}${terms.length ? ` WHERE ${terms.join(" AND ")}` : ""}`;
  return `${location.origin}/tap/sync?${new URLSearchParams({ LANG: "ADQL", REQUEST: "doQuery", QUERY: query })}`;
}

function listen() {
  for (const id of ["from", "to", "colour"]) $(id).addEventListener("change", refresh);
  for (const id of ["from", "to"]) {
    $(id).addEventListener("input", () => { const { from, to } = times(); $("times").textContent = `${utc(from)} to ${utc(to)} UTC`; });
  }
  $("density").addEventListener("change", refresh);
  $("errors").addEventListener("change", () => {
    for (const one of samples) { sky.layers[one.name].setErrors($("errors").checked); }
    remember();
  });
  $("alerts").addEventListener("change", () => { sky.layers.alerts?.show($("alerts").checked); remember(); });
  $("whole").addEventListener("click", () => { sky.goTo(266.405, -28.936, 360); });
  $("samp").addEventListener("click", async () => {
    $("said").textContent = "Waiting for the program; please allow the connection there.";
    try {
      await send(chosen().map((one) => ({ name: one.title, url: queryOf(one) })));
      $("said").textContent = "Sent.";
    } catch {
      $("said").textContent = "No such program answers. Please start TOPCAT or Aladin on this computer, and try again.";
    }
  });
  $("place").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const { ra, dec } = await ask("/sky/target.json", { target: $("target").value });
      sky.goTo(ra, dec, Math.min(sky.view().fov, 20));
      sky.problem("");
    } catch (reason) {
      sky.problem(reason.sentence ?? "The name cannot be looked up at the moment.");
    }
  });
}

async function start() {
  recall();
  sky = await openSky($("sky"), {
    target: data.target ?? undefined,
    fov: data.fov === 360 && innerWidth < 600 ? 180 : data.fov, // upright, the whole sky is tiny
    survey: data.survey,
    layers: [
      { kind: "alerts", name: "alerts", visible: $("alerts").checked },
      ...samples.map((one) => ({ kind: "points", name: one.name, items: [], errors: $("errors").checked })),
    ],
    onMove: refresh,
    onSelect: choose,
  });
  if (data.problems.length) sky.problem(data.problems.join(" "));
  drawSamples();
  drawMinima();
  listen();
  $("controls").hidden = false;
  await refresh();
  const event = address.get("event");
  if (event) await showEvent(event);
  document.documentElement.dataset.sky = "ready";
}

start().catch((reason) => console.info("The sky is not drawn:", reason));
