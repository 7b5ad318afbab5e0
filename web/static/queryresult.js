// Shows an answer: a table in pages, the sky if there are positions, and diagrams.

const ROWS_PER_PAGE = 25;
const MOST_POINTS = 20_000;
const MJD_OF_1970 = 40587;
const NUMBERS = new Set(["double", "float", "int", "short", "long"]);
const $ = (id) => document.getElementById(id);

/** Show what a query found, or replace what was shown before. */
export function showAnswer({ columns, rows, isCut }, seconds) {
  $("problem").hidden = true;
  $("answer").hidden = false;
  const number = rows.length.toLocaleString("en");
  const took = seconds === undefined ? "" : ` in ${seconds < 0.1 ? "less than 0.1" : seconds.toFixed(1)} s`;
  $("summary").textContent = isCut
    ? `The first ${number} rows${took}; there are more, which the downloads have.`
    : `${rows.length === 1 ? "1 row" : `${number} rows`}${took}.`;
  showTable(columns, rows);
  offerSky(columns, rows);
  offerPlot(columns, rows);
}

/** Say why there is no answer. */
export function showProblem(text, advice) {
  $("answer").hidden = true;
  $("problem").hidden = false;
  const message = part("pre", text);
  message.tabIndex = 0;
  $("problem").replaceChildren(part("strong", advice), message);
}

// -- table -----------------------------------------------------------------------------------

function showTable(columns, rows) {
  const frame = part("div", "", "scroll");
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", "Rows of the answer");
  const table = frame.appendChild(document.createElement("table"));
  const head = table.createTHead().insertRow();
  for (const column of columns) head.append(heading(column));
  const body = table.createTBody();
  const last = Math.max(0, Math.ceil(rows.length / ROWS_PER_PAGE) - 1);
  const place = part("span");
  const buttons = [["Previous rows", -1], ["Next rows", 1]].map(([label, step]) => {
    const button = part("button", label);
    button.type = "button";
    button.addEventListener("click", () => turn(page + step));
    return button;
  });
  let page = 0;
  function turn(to) {
    page = Math.min(last, Math.max(0, to));
    const first = page * ROWS_PER_PAGE;
    const shown = rows.slice(first, first + ROWS_PER_PAGE);
    body.replaceChildren(...shown.map((row) => line(row, columns)));
    place.textContent = `Rows ${first + 1} to ${first + shown.length} of ${rows.length.toLocaleString("en")}`;
    buttons[0].disabled = page === 0;
    buttons[1].disabled = page === last;
  }
  turn(0);
  const pager = part("div", "", "pager");
  pager.append(buttons[0], place, buttons[1]);
  $("table").replaceChildren(...(rows.length ? [frame] : []), ...(last > 0 ? [pager] : []));
}

function heading(column) {
  const cell = document.createElement("th");
  cell.scope = "col";
  const about = (column.description || "").replace(/\s*-- \*TAINTED\*.*/s, "");
  cell.append(column.name);
  if (column.unit) cell.append(part("span", `(${column.unit})`, "unit soft"));
  if (NUMBERS.has(column.datatype) && !column.arraysize) cell.className = "number";
  if (about) {
    cell.title = about;
    cell.append(part("span", ` ${about}`, "hidden"));
  }
  return cell;
}

function line(row, columns) {
  const made = document.createElement("tr");
  columns.forEach((column, i) => made.append(cell(row[i], column)));
  return made;
}

function cell(value, column) {
  const made = document.createElement("td");
  if (value === null || value === undefined) {
    made.append("–");
  } else if (isTime(column)) {
    made.className = "number";
    made.append(String(Number(value.toFixed(8))), part("span", utc(value), "date"));
  } else if (typeof value === "number") {
    made.className = "number";
    made.append(column.datatype === "double" || column.datatype === "float" ? written(value) : String(value));
  } else if (column.name === "alert_id") {
    made.append(link(`/alerts/show?id=${encodeURIComponent(value)}`, value));
  } else if (typeof value === "string" && /^https?:\/\//.test(value)) {
    made.append(link(value, value));
  } else {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const shown = part("bdi", text.length > 200 ? `${text.slice(0, 200)}…` : text, text.length > 40 ? "long" : "");
    if (text.length > 200) shown.title = text.slice(0, 2000);
    made.append(shown);
  }
  return made;
}

const written = (value) => String(Number(value.toPrecision(8)));

const isTime = (column) => column.unit === "d" && column.datatype === "double"
  && /^time(\.(epoch|start|end|creation|processing|release))?(;|$)/.test(column.ucd || "");

function utc(mjd) {
  const moment = new Date(Math.round((mjd - MJD_OF_1970) * 86400) * 1000);
  return Number.isNaN(moment.getTime()) ? "" : `${moment.toISOString().replace("T", " ").slice(0, 19)} UTC`;
}

// -- sky -------------------------------------------------------------------------------------

function offerSky(columns, rows) {
  const ra = position(columns, "pos.eq.ra");
  const dec = position(columns, "pos.eq.dec");
  const found = ra < 0 || dec < 0 ? [] : rows.filter((row) => Number.isFinite(row[ra]) && Number.isFinite(row[dec]));
  const view = $("sky-view");
  view.hidden = found.length === 0;
  lazily(view, async () => {
    const shown = found.slice(0, MOST_POINTS);
    $("sky-note").textContent = shown.length < rows.length
      ? `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows are drawn${found.length < rows.length ? "; some have no position" : ""}.`
      : `All ${rows.length.toLocaleString("en")} rows are drawn.`;
    const error = columns.findIndex((column) => column.unit === "deg" && (column.ucd || "").startsWith("stat.error"));
    const items = shown.map((row) => item(row, columns, ra, dec, error));
    const { openSky } = await import("./skyview.js");
    const { clientWidth, clientHeight } = $("sky");
    const aspect = Math.max(1, clientWidth / clientHeight);
    await openSky($("sky"), { ...around(items, aspect), layers: [{ kind: "points", name: "Answer", items }] });
  }, "The sky cannot be drawn at the moment.", $("sky"));
}

function position(columns, ucd) {
  const main = columns.findIndex((column) => column.ucd === `${ucd};meta.main`);
  return main >= 0 ? main : columns.findIndex((column) => (column.ucd || "").startsWith(ucd));
}

function item(row, columns, ra, dec, error) {
  const name = columns.findIndex((column) => /^meta\.id/.test(column.ucd || ""));
  const facts = columns.slice(0, 12).map((column, i) => [
    column.name, row[i] === null ? "–" : `${isTime(column) ? utc(row[i]) : typeof row[i] === "number" ? written(row[i]) : String(row[i]).slice(0, 80)}${column.unit && !isTime(column) ? ` ${column.unit}` : ""}`,
  ]);
  const made = { ra: row[ra], dec: row[dec], title: name >= 0 ? String(row[name]).slice(0, 80) : "", facts };
  if (error >= 0 && row[error] > 0 && row[error] < 90) made.error = row[error];
  return made;
}

/** The view that has all items: its centre and width, for a frame that is wider than high. */
function around(items, aspect) {
  const vectors = items.map(({ ra, dec }) => {
    const [a, d] = [ra, dec].map((angle) => (angle * Math.PI) / 180);
    return [Math.cos(d) * Math.cos(a), Math.cos(d) * Math.sin(a), Math.sin(d)];
  });
  const sum = [0, 1, 2].map((i) => vectors.reduce((total, one) => total + one[i], 0));
  const length = Math.hypot(...sum);
  if (length < 0.2 * items.length) return { fov: 360 };
  const centre = sum.map((one) => one / length);
  const least = Math.min(...vectors.map((one) => one.reduce((total, x, i) => total + x * centre[i], 0)));
  const radius = (Math.acos(Math.min(1, Math.max(-1, least))) * 180) / Math.PI;
  const ra = ((Math.atan2(centre[1], centre[0]) * 180) / Math.PI + 360) % 360;
  return { target: [ra, (Math.asin(centre[2]) * 180) / Math.PI], fov: Math.min(360, Math.max(2, radius * 2.4 * aspect)) };
}

// -- diagram ---------------------------------------------------------------------------------

function offerPlot(columns, rows) {
  const usable = columns.map((column, i) => ({ column, i })).filter(({ column, i }) => (
    NUMBERS.has(column.datatype) && !column.arraysize && rows.some((row) => Number.isFinite(row[i]))
  ));
  $("plot-view").hidden = usable.length === 0;
  if (!usable.length) return;
  const label = ({ name, unit }) => (unit ? `${name} (${unit})` : name);
  $("plot-x").replaceChildren(...usable.map(({ column, i }) => new Option(label(column), i)));
  $("plot-y").replaceChildren(new Option("number of rows", ""), ...usable.map(({ column, i }) => new Option(label(column), i)));
  const draw = () => drawPlot(columns, rows).catch(() => { $("plot").textContent = "The diagram cannot be drawn."; });
  $("plot-x").onchange = draw;
  $("plot-y").onchange = draw;
  lazily($("plot-view"), draw, "The diagram cannot be drawn.", $("plot"));
}

async function drawPlot(columns, rows) {
  const { drawHistogram, drawPoints } = await import("./charts.js");
  const [x, y] = [$("plot-x").value, $("plot-y").value];
  const axis = (i) => ({ label: columns[i].name, unit: isTime(columns[i]) ? "" : columns[i].unit, kind: isTime(columns[i]) ? "time" : "linear" });
  if (y === "") {
    const values = rows.map((row) => row[x]).filter(Number.isFinite);
    await drawHistogram($("plot"), {
      ...binned(values), x: axis(x), y: { label: "Rows" },
      summary: `Histogram of ${columns[x].name} for ${values.length} rows.`,
    });
    return;
  }
  const both = rows.filter((row) => Number.isFinite(row[x]) && Number.isFinite(row[y]));
  await drawPoints($("plot"), {
    x: { ...axis(x), values: both.map((row) => row[x]) },
    y: { ...axis(y), kind: "linear", values: both.map((row) => row[y]) },
    summary: `${columns[y].name} against ${columns[x].name} for ${both.length} rows.`,
  });
}

function binned(values) {
  let [low, high] = values.reduce(([a, b], one) => [Math.min(a, one), Math.max(b, one)], [Infinity, -Infinity]);
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const bins = Math.max(5, Math.min(50, Math.ceil(Math.sqrt(values.length))));
  const edges = Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins);
  const counts = new Array(bins).fill(0);
  for (const one of values) counts[Math.min(bins - 1, Math.floor(((one - low) / (high - low)) * bins))] += 1;
  return { edges, counts };
}

// -- helpers ---------------------------------------------------------------------------------

/** Fill a part of the page when it is opened; at once if it is open. */
function lazily(view, fill, complaint, place) {
  let isFilled = false;
  view.ontoggle = async () => {
    if (!view.open || isFilled) return;
    isFilled = true;
    try {
      await fill();
    } catch {
      if (!place.textContent) place.textContent = complaint;
    }
  };
  if (view.open) view.ontoggle();
}

function link(address, text) {
  const made = part("a", text.length > 80 ? `${text.slice(0, 80)}…` : text);
  made.href = address;
  made.rel = "noopener noreferrer";
  return made;
}

function part(tag, text = "", name = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}
