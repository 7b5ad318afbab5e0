// The exercises: queries run without leaving the page, angles, and skies with scrambled directions.

const blazars = JSON.parse(document.getElementById("blazars").textContent);
const MOST_ROWS = 100;

/** Send a query by TAP, and return the answer as JSON; what the server refuses is an Error. */
async function ask(adql, rows = MOST_ROWS) {
  const body = new URLSearchParams({ LANG: "ADQL", FORMAT: "json", MAXREC: rows, QUERY: adql });
  const answer = await fetch("/tap/sync", { method: "POST", body });
  const text = await answer.text();
  if (text.trimStart().startsWith("{")) return JSON.parse(text);
  const info = new DOMParser().parseFromString(text, "text/xml").querySelector("INFO[value=ERROR]");
  throw new Error(info ? info.textContent : "The server does not answer this query.");
}

function make(name, text, parent, attributes = {}) {
  const made = document.createElement(name);
  if (text !== null) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

function written(value) {
  if (value === null) return "–";
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(8))) : String(value);
}

/** Show an answer as a table, with units, and descriptions of columns in their titles. */
function show({ columns, data }, place) {
  place.replaceChildren();
  const scroll = make("div", null, place, { class: "scroll", tabindex: 0, role: "region", "aria-label": "Answer" });
  const table = make("table", null, scroll);
  const head = make("tr", null, make("thead", null, table));
  columns.forEach((one, i) => {
    const label = one.unit ? `${one.name} (${one.unit})` : one.name;
    const kind = data.some((row) => typeof row[i] === "number") ? "number" : "text";
    make("th", label, head, { scope: "col", title: one.description || "", class: kind });
  });
  const body = make("tbody", null, table);
  for (const row of data) {
    const line = make("tr", null, body);
    for (const value of row) {
      make("td", written(value), line, typeof value === "number" ? { class: "number" } : {});
    }
  }
  const count = data.length === 1 ? "1 row" : `${data.length} rows`;
  make("p", data.length === MOST_ROWS ? `The first ${count}.` : `${count}.`, place, { class: "soft count" });
}

function wait(place, text) {
  place.replaceChildren();
  make("p", text, place, { class: "waiting" });
}

async function run(form) {
  const place = form.querySelector(".result");
  wait(place, "The server looks it up …");
  try {
    show(await ask(form.elements.QUERY.value), place);
  } catch (problem) {
    place.replaceChildren();
    make("p", problem.message, place, { class: "problem" });
  }
}

for (const form of document.querySelectorAll("form.query")) {
  wait(form.querySelector(".result"), "The answer appears here.");
  const more = form.querySelector(".more");
  more.addEventListener("click", () => {
    more.href = `/query?run=1&adql=${encodeURIComponent(form.elements.QUERY.value)}`;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(form);
  });
}

// the queries about a blazar have its position in them
function choose(name) {
  const { ra, dec } = blazars.find((one) => one.name === name);
  for (const id of ["near", "chance"]) {
    const box = document.getElementById(`adql-${id}`);
    box.value = box.value
      .replace(/DISTANCE\(ra, decl, [^)]*\)/g, `DISTANCE(ra, decl, ${ra}, ${dec})`)
      .replace(/gavo_background_events\('(\w+)', [-\d.]+,/g, `gavo_background_events('$1', ${dec},`);
  }
  for (const one of document.querySelectorAll(".source-name")) one.textContent = name;
}

for (const link of document.querySelectorAll("a.near")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    choose(link.dataset.blazar);
    document.getElementById("blazar").value = link.dataset.blazar;
    const form = document.getElementById("query-near");
    run(form);
    form.scrollIntoView({ block: "nearest" });
  });
}

// angles, all in degrees
const radians = (degrees) => (degrees * Math.PI) / 180;
function angle(ra1, dec1, ra2, dec2) {
  const [a, d1, d2] = [radians(ra2 - ra1), radians(dec1), radians(dec2)];
  const y = Math.hypot(Math.cos(d2) * Math.sin(a), Math.cos(d1) * Math.sin(d2) - Math.sin(d1) * Math.cos(d2) * Math.cos(a));
  return (Math.atan2(y, Math.sin(d1) * Math.sin(d2) + Math.cos(d1) * Math.cos(d2) * Math.cos(a)) * 180) / Math.PI;
}

const separation = document.getElementById("separation");
separation?.addEventListener("submit", (event) => {
  event.preventDefault();
  const place = separation.querySelector(".angle");
  const [ra1, dec1, ra2, dec2] = ["ra1", "dec1", "ra2", "dec2"].map((name) => Number(separation.elements[name].value.replace("−", "-").replace(",", ".")));
  const inside = (value, low, high) => value >= low && value <= high;
  if (![ra1, ra2].every((ra) => inside(ra, 0, 360)) || ![dec1, dec2].every((dec) => inside(dec, -90, 90))) {
    place.textContent = "Right ascensions are numbers from 0 to 360, declinations from −90 to 90.";
    return;
  }
  place.textContent = "They are ";
  make("strong", `${angle(ra1, dec1, ra2, dec2).toFixed(2)}°`, place);
  place.append(" apart.");
});

// scrambled skies
let events = null;
let skies = [];
const dice = document.getElementById("dice");

async function throwDice(number) {
  const summary = document.getElementById("summary");
  if (!events) {
    summary.textContent = "Loading the events …";
    events = (await ask("SELECT ra, decl FROM ant20_01.main", 100000)).data;
  }
  const name = document.getElementById("blazar").value;
  const radius = Number(document.getElementById("radius").value);
  if (!(radius > 0 && radius <= 20)) throw new Error("Please choose a radius between 0 and 20 degrees.");
  const { ra, dec } = blazars.find((one) => one.name === name);
  const near = events.filter((one) => Math.abs(one[1] - dec) < radius);
  const observed = near.filter((one) => angle(ra, dec, one[0], one[1]) < radius).length;
  for (let sky = 0; sky < number; sky += 1) {
    skies.push(near.reduce((sum, one) => sum + (angle(ra, dec, 360 * Math.random(), one[1]) < radius), 0));
  }
  const above = skies.filter((n) => n >= observed).length;
  const mean = skies.reduce((sum, n) => sum + n, 0) / skies.length;
  const times = skies.length === 1 ? "1 scrambled sky" : `${skies.length.toLocaleString("en")} scrambled skies`;
  const text = `The real sky has ${observed} ${observed === 1 ? "event" : "events"} within ${radius}° of ${name}. In ${above.toLocaleString("en")} of ${times} there were as many or more. On average there were ${mean.toFixed(2)}; the last sky had ${skies.at(-1)}.`;
  summary.textContent = text;
  const most = Math.max(observed, ...skies);
  const counts = Array.from({ length: most + 1 }, (_, n) => skies.filter((one) => one === n).length);
  const edges = Array.from({ length: most + 2 }, (_, n) => n - 0.5);
  const { drawHistogram } = await import("./charts.js");
  await drawHistogram(document.getElementById("histogram"), {
    edges, counts, x: { label: "Events in the circle" }, y: { label: "Skies" }, summary: text,
  });
}

if (dice) {
  dice.hidden = false;
  const begin = (number) => throwDice(number).catch((problem) => {
    document.getElementById("summary").textContent = problem.message;
  });
  dice.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("once").addEventListener("click", () => begin(1));
  document.getElementById("often").addEventListener("click", () => begin(1000));
  document.getElementById("radius").addEventListener("change", () => { skies = []; });
  document.getElementById("blazar").addEventListener("change", (event) => {
    skies = [];
    choose(event.target.value);
  });
}

const print = document.getElementById("print");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
