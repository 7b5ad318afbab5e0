// Colours of events: a scale from dim to bright that differs in lightness as well as in hue, and
// one colour for each sample.

import { number, utc } from "./skycard.js";

const STOPS = [[64, 92, 196], [56, 160, 186], [98, 205, 142], [226, 214, 92], [255, 250, 214]];
const SAMPLES = ["#63c5ce", "#ff9d6c", "#b79cff", "#8fd16f", "#ff8fb3", "#e6d35c"];

export const sampleColour = (index) => SAMPLES[index % SAMPLES.length];

export function shade(fraction) {
  const at = Math.min(Math.max(fraction, 0), 1) * (STOPS.length - 1);
  const low = Math.min(Math.floor(at), STOPS.length - 2);
  const mixed = STOPS[low].map((one, i) => Math.round(one + (at - low) * (STOPS[low + 1][i] - one)));
  return `rgb(${mixed.join(",")})`;
}

// A function from values to colours, and its legend. Energies and hits spread over powers of ten.
export function scale([least, most], column) {
  const isTime = column.kind === "time";
  const logarithmic = !isTime && least > 0;
  const place = (value) => (logarithmic ? Math.log10(value) : value);
  const [from, to] = [place(least), place(most)];
  const span = to > from ? to - from : 1;
  return {
    colour: (value) => (value === null || value === undefined ? "#9fadba" : shade((place(value) - from) / span)),
    legend: () => legend(isTime ? "Time (UTC)" : `${column.label}${column.unit ? ` (${column.unit})` : ""}`,
      isTime ? [utc(least).slice(0, 10), utc(most).slice(0, 10)] : [number(least), number(most)]),
  };
}

export function legend(title, ends, colours = shade) {
  const box = document.createElement("div");
  box.className = "sky-legend";
  const name = document.createElement("div");
  name.textContent = title;
  const bar = document.createElement("canvas");
  [bar.width, bar.height] = [128, 1];
  bar.setAttribute("aria-hidden", "true");
  const context = bar.getContext("2d");
  for (let i = 0; i < 128; i += 1) {
    context.fillStyle = colours(i / 127);
    context.fillRect(i, 0, 1, 1);
  }
  const marks = document.createElement("div");
  marks.className = "ends";
  for (const text of ends) marks.append(Object.assign(document.createElement("span"), { textContent: text }));
  box.append(name, bar, marks);
  return box;
}

// The colours of the tiles in /sky/hips, which `pages/sky/pictures.py` makes.
export function densityShade(fraction) {
  const stops = [[10, 34, 48], [24, 122, 138], [244, 244, 190]];
  const at = fraction * 2;
  const low = Math.min(Math.floor(at), 1);
  return `rgb(${stops[low].map((one, i) => Math.round(one + (at - low) * (stops[low + 1][i] - one))).join(",")})`;
}
