// The kinds of layers of a sky view; skyview.js says what each one takes.

const EVENT_COLOUR = "#63c5ce";
const ALERT_COLOUR = "#ffb454";
const RETRACTED = "#93a1ad";
const MOST_ERROR_CIRCLES = 400; // in view, beyond which circles hide what they are about

export const kinds = { points, release, alerts, circles, region, density };

export class Problem extends Error {
  constructor(sentence) {
    super(sentence);
    this.sentence = sentence;
  }
}

// The answer of this server; if it refuses, its reason.
export async function ask(address, query = {}, signal = undefined) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const answer = await fetch(`${address}?${new URLSearchParams(given)}`, { signal });
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(found.problem ?? "This server does not answer at the moment.");
  return found;
}

async function points(sky, layer) {
  const catalogue = sky.A.catalog({
    name: layer.name ?? "points",
    sourceSize: 12,
    shape: (source, context, view) => drawPoint(source.data, source, context, view, handle),
    selectionColor: "#ffffff",
    onClick: undefined,
  });
  catalogue.layer = layer;
  const handle = {
    errors: layer.errors ?? true,
    show: (visible) => (visible ? catalogue.show() : catalogue.hide()),
    remove: () => sky.aladin.removeOverlay(catalogue),
    setErrors(wanted) {
      handle.errors = wanted;
      catalogue.reportChange();
    },
    replace(items) {
      handle.crowded = items.length > MOST_ERROR_CIRCLES;
      catalogue.removeAll();
      catalogue.addSources(items.map((item) => {
        const source = sky.A.source(item.ra, item.dec, item);
        item.shade = item.colour ?? layer.colour ?? EVENT_COLOUR;
        return source;
      }));
    },
  };
  sky.aladin.addCatalog(catalogue);
  handle.replace(layer.items ?? []);
  return handle;
}

// A dot, and a circle around it where the error is larger than the dot.
function drawPoint(item, source, context, view, handle) {
  const size = item.size ?? (handle.crowded && view.fov[0] > 60 ? 2 : 3);
  context.fillStyle = item.shade;
  context.beginPath();
  context.arc(source.x, source.y, size, 0, 2 * Math.PI);
  context.fill();
  if (item.isSelected) {
    context.strokeStyle = "#ffffff";
    context.lineWidth = 2;
    context.beginPath();
    context.arc(source.x, source.y, size + 5, 0, 2 * Math.PI);
    context.stroke();
  }
  if (!handle.errors || !item.error) return;
  const radius = item.error * view.width / view.fov[0];
  if (radius < size + 2 || (handle.crowded && radius < 12)) return;
  context.strokeStyle = item.shade;
  context.lineWidth = 1;
  context.globalAlpha = 0.6;
  context.beginPath();
  context.arc(source.x, source.y, radius, 0, 2 * Math.PI);
  context.stroke();
  context.globalAlpha = 1;
}

async function release(sky, layer) {
  const query = { release: layer.release, limit: layer.limit, ...layer.query };
  const data = await ask("/sky/events.json", query);
  const handle = await points(sky, { ...layer, items: eventItems(data, layer) });
  return { ...handle, data };
}

// The columns of an answer of /sky/events.json as items, with facts and links for their cards.
export function eventItems(data, layer = {}) {
  return data.events.id.map((id, i) => ({
    id,
    title: id,
    subtitle: data.title,
    ra: data.events.ra[i],
    dec: data.events.dec[i],
    mjd: data.events.mjd[i],
    error: data.events.error[i],
    value: data.events.value[i],
    colour: layer.colour,
    facts: data.columns.map((one) => [one.label, data.events[one.key][i], one]),
    links: data.links.map(([text, address]) => [text, filled(address, data.events, i)]),
  }));
}

// An address with {id}, {ra} and {dec} of an event in it.
function filled(address, events, i) {
  return address.replace(/\{(id|ra|dec)\}/g, (_, key) => encodeURIComponent(events[key][i]));
}

async function alerts(sky, layer) {
  const data = await ask("/sky/alerts.json", { limit: layer.limit, ...layer.query });
  const colour = layer.colour ?? ALERT_COLOUR;
  const found = data.alerts.map((one) => ({ ...one, colour: one.retracted ? RETRACTED : colour, size: 4 }));
  const parts = [await points(sky, { ...layer, colour, items: found, errors: false })];
  const rings = (key) => found.filter((one) => one[key] && !one.moc_90)
    .map((one) => ({ ra: one.ra, dec: one.dec, radius: one[key] }));
  parts.push(await circles(sky, { name: `${layer.name} 90 %`, colour, items: rings("radius_90") }));
  parts.push(await circles(sky, { name: `${layer.name} 50 %`, colour, dashed: true, items: rings("radius_50") }));
  for (const one of found) {
    if (one.moc_90) parts.push(await region(sky, { name: one.title, colour, moc: one.moc_90, opacity: 0.15 }));
    if (one.moc_50) parts.push(await region(sky, { name: one.title, colour, moc: one.moc_50, opacity: 0.3 }));
  }
  return {
    data,
    show: (visible) => parts.forEach((one) => one.show(visible)),
    remove: () => parts.forEach((one) => one.remove()),
  };
}

async function circles(sky, layer) {
  const colour = layer.colour ?? ALERT_COLOUR;
  const overlay = sky.A.graphicOverlay({
    name: layer.name ?? "circles", color: colour, lineWidth: 1.5,
    ...(layer.dashed ? { lineDash: [5, 4] } : {}),
  });
  sky.aladin.addOverlay(overlay);
  for (const { ra, dec, radius } of layer.items) {
    if (radius > 0 && radius < 180) overlay.add(sky.A.circle(ra, dec, radius, { color: colour }));
  }
  return shown(sky, overlay);
}

async function region(sky, layer) {
  const colour = layer.colour ?? ALERT_COLOUR;
  const opacity = layer.opacity ?? 0.2;
  const map = sky.A.MOCFromJSON(layer.moc, {
    name: layer.name ?? "region", color: colour, opacity, fill: true, perimeter: true, lineWidth: 1.5,
  });
  sky.aladin.addMOC(map);
  return shown(sky, map);
}

async function density(sky, layer) {
  const address = `${location.origin}/sky/hips/${layer.release}`;
  const survey = sky.A.HiPS(address, { name: layer.name ?? "density", imgFormat: "png" });
  const id = `density-${layer.release}`;
  sky.aladin.setOverlayImageLayer(survey, id);
  const opacity = layer.opacity ?? 0.75;
  let [isShown, isLeftOut] = [true, false];
  const apply = () => survey.setOpacity(isShown && !isLeftOut ? opacity : 0);
  apply();
  return {
    show(visible) { isShown = visible; apply(); },
    lighten(leftOut) { isLeftOut = leftOut; apply(); },
    remove: () => sky.aladin.removeImageLayer(id),
  };
}

function shown(sky, overlay) {
  return {
    show: (visible) => (visible ? overlay.show() : overlay.hide()),
    remove: () => sky.aladin.removeOverlay(overlay),
  };
}
