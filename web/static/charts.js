// Diagrams: histograms, points and lines, drawn by uPlot in the colours of the page.
//
// Each function takes an element, replaces its content, and resolves to the uPlot object; if uPlot
// cannot be loaded, it rejects and the content stays. Axes are described by {label, unit, kind},
// kind being "linear" (the default), "log" or "time". Times are MJD (UTC). The summary says in a
// sentence what a diagram shows, for those who do not see it. With the arrow keys one goes from
// value to value, which is written below the diagram.

const MJD_OF_1970 = 40587;
const STYLES = ["uPlot.min.css", "charts.css"];

/** Draw a histogram of {edges, counts, x, y, summary}; there is one edge more than counts. */
export function drawHistogram(element, { edges, counts, x, y, summary }) {
  const paths = (uPlot) => uPlot.paths.stepped({ align: 1 });
  const places = edges.map((edge) => position(edge, x));
  return draw(element, {
    data: [places, [...counts, 0]],
    x, y, summary,
    xRange: [places[0], places.at(-1)],
    yRange: (_, low, high) => [0, high * 1.08 || 1],
    series: [{ paths, fill: true }],
    last: counts.length - 1,
    // the bin that contains the cursor, not the nearest edge
    find: (value) => Math.max(0, places.findLastIndex((place, i) => place <= value && i < counts.length)),
    centre: (i) => (x.kind === "log" ? Math.sqrt(places[i] * places[i + 1]) : (places[i] + places[i + 1]) / 2),
    read: (i) => `${range(edges[i], edges[i + 1], x)}: ${counts[i].toLocaleString("en")} ${(y.label || "").toLowerCase()}`,
  });
}

/** Draw points: x and y have values; names, if given, say what each is; onPick(index) is called with that of a clicked one. */
export function drawPoints(element, { x, y, names, summary, onPick }) {
  const usable = (value, axis) => Number.isFinite(value) && (axis.kind !== "log" || value > 0);
  const order = x.values.map((_, i) => i)
    .filter((i) => usable(x.values[i], x) && usable(y.values[i], y))
    .sort((a, b) => x.values[a] - x.values[b]);
  return draw(element, {
    data: [order.map((i) => position(x.values[i], x)), order.map((i) => y.values[i])],
    x, y, summary,
    series: [{ paths: () => () => null, points: true }],
    last: order.length - 1,
    pick: onPick && ((i) => onPick(order[i])),
    read: (i) => `${names ? names[order[i]] + ": " : ""}${written(x.values[order[i]], x)}, ${written(y.values[order[i]], y)}`,
  });
}

async function draw(element, chart) {
  const { default: uPlot } = await import("./uPlot.esm.js");
  addStyles();
  const place = document.createElement("div");
  place.className = "chart";
  place.tabIndex = 0;
  place.setAttribute("role", "group");
  place.setAttribute("aria-roledescription", "diagram");
  place.setAttribute("aria-label", `${chart.summary || chart.x.label} Arrow keys read out values.`);
  const readout = document.createElement("p");
  readout.className = "readout";
  readout.setAttribute("aria-live", "polite");
  element.replaceChildren(place, readout);

  let current = null; // the value that is read out
  const show = (i) => {
    current = i;
    readout.textContent = i === null ? "" : chart.read(i);
  };
  const height = () => Math.round(Math.min(260, Math.max(180, place.clientWidth * 0.55)));
  const plot = new uPlot({
    width: place.clientWidth || 300,
    height: height(),
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { show: Boolean(chart.series[0].points) },
      dataIdx: (self, _, hovered, value) => (chart.find ? chart.find(value) : hovered),
    },
    scales: {
      x: { time: chart.x.kind === "time", distr: chart.x.kind === "log" ? 3 : 1, range: chart.xRange },
      y: { distr: chart.y.kind === "log" ? 3 : 1, range: chart.yRange },
    },
    axes: [{ ...axis(chart.x, place), size: 34 }, { ...axis(chart.y, place), size: 58 }],
    series: [{}, ...chart.series.map((one) => line(one, uPlot, place))],
    hooks: {
      setCursor: [(self) => {
        const { left, idx } = self.cursor;
        if (left >= 0 && idx !== null && idx !== undefined) show(idx);
        else if (!place.matches(":focus")) show(null);
      }],
    },
  }, chart.data, place);

  place.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || chart.last < 0) return;
    event.preventDefault();
    const i = Math.min(chart.last, Math.max(0, current === null ? 0 : current + step));
    const value = chart.centre ? chart.centre(i) : chart.data[0][i];
    plot.setCursor({ left: plot.valToPos(value, "x"), top: 0 }, false);
    show(i);
  });
  if (chart.pick) plot.over.addEventListener("click", () => current !== null && chart.pick(current));
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: height() })).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw());
  return plot;
}

function line(one, uPlot, place) {
  return {
    label: one.label,
    paths: one.paths && one.paths(uPlot),
    stroke: () => colour(place, "--accent"),
    fill: one.fill ? () => colour(place, "--accent") + "33" : undefined,
    width: 1.5,
    dash: one.dash,
    points: { show: Boolean(one.points), size: 6, stroke: () => colour(place, "--accent"), fill: () => colour(place, "--accent") + "66" },
  };
}

function axis({ label, unit, kind }, place) {
  const values = (_, splits) => splits.map((value) => (value === null ? "" : number(value)));
  return {
    label: unit ? `${label} (${unit})` : label,
    labelFont: `12px ${getComputedStyle(place).fontFamily}`,
    font: `11px ${getComputedStyle(place).fontFamily}`,
    labelSize: 20,
    stroke: () => colour(place, "--soft"),
    grid: { stroke: () => colour(place, "--line"), width: 1 },
    ticks: { stroke: () => colour(place, "--line"), width: 1, size: 5 },
    values: kind === "time" ? times : values,
    ...(kind === "log" ? { splits: powers } : {}),
  };
}

/** Return the powers of ten on a logarithmic axis; 1, 2 and 5 times them if there are few. */
function powers(_, axisIndex, low, high) {
  const found = [];
  const few = Math.log10(high / low) < 2;
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const factor of few ? [1, 2, 5] : [1]) found.push(Number(`${factor}e${power}`));
  }
  return found.filter((value) => value >= low && value <= high);
}

/** Label times on an axis: as years, months, days or hours, whichever its step is. */
function times(_, splits, axisIndex, space, step) {
  const [start, end] = step >= 360 * 86400 ? [0, 4] : step >= 28 * 86400 ? [0, 7] : step >= 86400 ? [0, 10] : step >= 60 ? [11, 16] : [11, 19];
  return splits.map((seconds) => (seconds === null ? "" : new Date(seconds * 1000).toISOString().replace("T", " ").slice(start, end)));
}

const colour = (place, name) => getComputedStyle(place).getPropertyValue(name).trim();

const position = (value, { kind }) => (kind === "time" ? (value - MJD_OF_1970) * 86400 : value);

function written(value, { kind, unit }) {
  if (value === null || value === undefined) return "–";
  if (kind === "time") return utc(value);
  return `${number(value)}${unit ? " " + unit : ""}`;
}

function range(low, high, { kind, unit }) {
  if (kind !== "time") return `${number(low)} to ${number(high)}${unit ? " " + unit : ""}`;
  const whole = [low, high].every((value) => Number.isInteger(value));
  return [low, high].map((value) => (whole ? utc(value).slice(0, 10) : utc(value))).join(" to ");
}

function utc(mjd) {
  return new Date((mjd - MJD_OF_1970) * 86400e3).toISOString().replace("T", " ").slice(0, 19);
}

/** Write a number with at most four digits; large and small ones as 1.2 × 10⁵. */
export function number(value) {
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e5)) {
    return value.toLocaleString("en", { maximumSignificantDigits: 4 });
  }
  const [mantissa, power] = value.toExponential(1).split("e");
  const digits = String(Number(power)).replace(/./g, (one) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(one)]);
  return `${mantissa === "1.0" ? "" : mantissa.replace(".0", "") + " × "}10${digits}`;
}

function addStyles() {
  for (const name of STYLES) {
    const href = new URL(name, import.meta.url).href;
    if (document.querySelector(`link[href="${href}"]`)) continue;
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = href;
    document.head.append(link);
  }
}
