// The sky with neutrinos and alerts, drawn by Aladin Lite in an element of a page.
//
//   import { openSky } from "…/skyview.js";
//   const sky = await openSky(element, { target: [94.3, -7.8], fov: 20, layers: [...] });
//
// The page needs the style sheet sky.css, and the policy that `pages.sky.policy()` returns. Aladin
// Lite (2.4 MB) is loaded when openSky is called, not before. What the element contains, such as a
// picture for those without scripts, is replaced. If the browser cannot draw the sky, openSky
// leaves the content, adds a message and throws.
//
// Options, all of them optional:
//   target      [right ascension, declination] of the centre (ICRS, deg); the Galactic centre
//   fov         width of the view (deg), at most 360; 360
//   survey      address of a HiPS as background; without it, or if it does not load, the
//               background is a dark sky with a grid of coordinates and the Galactic plane
//   controls    whether buttons to zoom and the coordinates are shown; true
//   layers      what is drawn, in this order; see below
//   onSelect    called with (item, layer) for what was clicked, and with (null) for empty sky;
//               without it, a card with the facts and links of the item appears
//   onMove      called with {ra, dec, fov, radius} when the view has come to rest
//   onProblem   called with a sentence when a layer or the survey does not load; without it, the
//               sentence appears above the sky
//
// Layers; each has a `name`, may have a `colour`, and is hidden with `visible: false`:
//   {kind: "points", items}     items: [{ra, dec, title, …}] with, optionally, `error` (radius in
//                               deg), `colour`, `size` (px), `facts` [[label, text], …] and
//                               `links` [[label, address], …] for the card
//   {kind: "release", release, limit, …}  the brightest events of a release; further parameters of
//                               /sky/events.json may be given as `query`
//   {kind: "alerts", limit}     the newest alerts with their regions; parameters of
//                               /sky/alerts.json as `query`
//   {kind: "circles", items}    items: [{ra, dec, radius}]; `dashed: true` for a second level
//   {kind: "region", moc}       a coverage map as {order: [cells]}; `opacity` of its filling
//   {kind: "density", release}  the density of the events of a release; `opacity`
//
// What openSky returns:
//   add(layer)          draws a further layer, and returns its handle, a promise of an object with
//                       show(boolean), remove(), and `data`, the answer of the server if there was
//   goTo(ra, dec, fov)  moves the view;   view() returns {ra, dec, fov, radius}
//   select(item, layer) does what a click does;   card(item) shows the card of an item
//   mark(item)          draws a ring around an item of a layer of points, instead of another
//   problem(sentence)   shows a sentence above the sky; an empty one removes it
//   layers              the handles by the names of their layers
//   aladin, A           Aladin Lite's own objects

import { kinds } from "./skylayers.js";
import { showCard } from "./skycard.js";
import { addControls } from "./skycontrols.js";
import { Motion } from "./skymotion.js";

const LIBRARY = "/assets/aladin.js";
const GALACTIC_CENTRE = [266.405, -28.936];
const QUIET = 250; // ms without movement after which the view is at rest

export async function openSky(element, options = {}) {
  let A;
  try {
    ({ default: A } = await import(LIBRARY));
    await A.init;
  } catch (reason) {
    say(element, "This browser cannot draw the sky, which needs WebGL 2 and WebAssembly. "
      + "The data can be used without it.");
    throw reason;
  }
  const sky = new Sky(A, element, options);
  await sky.ready;
  return sky;
}

class Sky {
  constructor(A, element, options) {
    const { target = GALACTIC_CENTRE, fov = 360, survey, controls = true, layers = [] } = options;
    this.A = A;
    this.options = options;
    this.layers = {};
    element.replaceChildren();
    element.classList.add("sky");
    this.element = element;
    this.frame = element.appendChild(document.createElement("div"));
    this.frame.className = "sky-frame";
    this.aladin = A.aladin(this.frame, {
      ...PLAIN,
      target: `${target[0]} ${target[1]}`,
      fov: Math.min(Math.max(fov, 0.01), 360),
    });
    paintAround(this.frame);
    this.moved = [];
    addControls(this, controls);
    this.#listen();
    this.#drawBackground(survey);
    this.ready = Promise.all(layers.map((layer) => this.add(layer)));
  }

  view() {
    const [ra, dec] = this.aladin.getRaDec();
    const [width, height] = this.aladin.getFov();
    const radius = Math.min(180, Math.hypot(width, height) / 2);
    return { ra, dec, fov: width, radius: width > 150 ? 180 : radius };
  }

  goTo(ra, dec, fov) {
    this.aladin.gotoRaDec(ra, dec);
    if (fov) this.aladin.setFoV(Math.min(Math.max(fov, 0.01), 360));
  }

  zoom(factor) {
    this.goTo(...this.aladin.getRaDec(), this.view().fov * factor);
  }

  shift(longitude, latitude) {
    const { ra, dec } = this.view();
    const wider = Math.min(1 / Math.cos(dec * Math.PI / 180), 10);
    this.goTo(((ra + longitude * wider) % 360 + 360) % 360, Math.min(Math.max(dec + latitude, -90), 90));
  }

  async add(layer) {
    try {
      const handle = await kinds[layer.kind](this, layer);
      handle.layer = layer;
      if (layer.visible === false) handle.show(false);
      this.layers[layer.name ?? layer.kind] = handle;
      return handle;
    } catch (reason) {
      this.problem(reason.sentence ?? `${layer.name ?? "A layer"} cannot be shown at the moment.`);
      return { show() {}, remove() {}, layer, problem: reason };
    }
  }

  select(item, layer) {
    if (this.options.onSelect) this.options.onSelect(item, layer);
    else this.card(item);
  }

  card(item) {
    this.mark(item);
    return showCard(this.element, item);
  }

  mark(item) {
    if (this.selected) this.selected.isSelected = false;
    this.selected = item;
    if (item) item.isSelected = true;
    this.aladin.view.requestRedraw();
  }

  problem(sentence) {
    if (this.options.onProblem) this.options.onProblem(sentence);
    else say(this.element, sentence);
  }

  #listen() {
    const motion = new Motion(
      (level) => this.#lighten(level), () => this.options.onMove?.(this.view()), QUIET,
    );
    const moved = () => {
      for (const tell of this.moved) tell();
      motion.moved();
    };
    this.aladin.on("positionChanged", moved);
    this.aladin.on("zoomChanged", moved);
    this.aladin.on("resizeChanged", moved);
    this.aladin.on("objectClicked", (found) => {
      const layer = found?.catalog?.layer ?? found?.overlay?.layer;
      this.select(found ? found.data ?? found.item ?? null : null, layer);
    });
  }

  #lighten(level) {
    for (const handle of Object.values(this.layers)) handle.lighten?.(level > 0);
    if (level > 1) this.aladin.hideCooGrid();
    else this.aladin.showCooGrid();
  }

  #drawBackground(survey) {
    const overlay = this.A.graphicOverlay({ color: "#7d93a8", lineWidth: 1.5, name: "plane" });
    this.aladin.addOverlay(overlay);
    const plane = Array.from({ length: 121 }, (_, i) => galacticToIcrs(i * 3, 0));
    overlay.add(this.A.polyline(plane, { color: "#7d93a8" }));
    if (!survey) return;
    const failed = () => this.problem("The survey in the background cannot be loaded at the moment.");
    checkSurvey(survey).then(() => {
      this.aladin.setBaseImageLayer(this.A.HiPS(survey, { errorCallback: failed }));
    }, failed);
  }
}

const AROUND = [14 / 255, 29 / 255, 42 / 255];
const PLAIN = {
  survey: [],
  hipsList: [],
  projection: "AIT",
  cooFrame: "ICRSd",
  log: false,
  mode: "dark",
  backgroundColor: "#060d15",
  showCooGrid: true,
  gridOptions: { color: "rgb(70, 98, 122)", opacity: 0.55, labelSize: 12, thickness: 1 },
  reticleColor: "#ffb454",
  reticleSize: 16,
  showReticle: false,
  showZoomControl: false,
  showFov: false,
  showCooLocation: false,
  showFrame: false,
  showStatusBar: false,
  showProjectionControl: false,
  showLayersControl: false,
  showFullscreenControl: false,
  showContextMenu: false,
};

// Beyond the edge of the sky, Aladin Lite paints a grey that no option changes.
function paintAround(frame) {
  const gl = frame.querySelector("canvas.aladin-imageCanvas")?.getContext("webgl2");
  if (!gl) return;
  const paint = gl.clearColor.bind(gl);
  gl.clearColor = (red, green, blue, alpha) => paint(...(alpha ? AROUND : [red, green, blue]), alpha);
  gl.clearColor(0, 0, 0, 1);
}

// A survey that does not answer leaves Aladin Lite waiting; its properties are small.
async function checkSurvey(address) {
  const answer = await fetch(`${address.replace(/\/$/, "")}/properties`,
    { signal: AbortSignal.timeout(8000) });
  if (!answer.ok) throw new Error(`${answer.status}`);
}

// From the Galactic frame, by the poles of the IAU in ICRS (deg).
function galacticToIcrs(l, b) {
  const radians = Math.PI / 180;
  const [poleRa, poleDec, node] = [192.85948, 27.12825, 122.93192].map((one) => one * radians);
  const [x, y] = [l * radians, b * radians];
  const dec = Math.asin(Math.sin(y) * Math.sin(poleDec)
    + Math.cos(y) * Math.cos(poleDec) * Math.cos(node - x));
  const ra = poleRa + Math.atan2(Math.cos(y) * Math.sin(node - x),
    Math.sin(y) * Math.cos(poleDec) - Math.cos(y) * Math.sin(poleDec) * Math.cos(node - x));
  return [((ra / radians) % 360 + 360) % 360, dec / radians];
}

function say(element, sentence) {
  let place = element.querySelector(":scope > .sky-message");
  if (!place) {
    place = element.appendChild(document.createElement("p"));
    place.className = "sky-message";
    place.setAttribute("role", "status");
  }
  place.textContent = sentence;
}
