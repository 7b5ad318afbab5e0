// Draws what is around a position, when the visitor opens the sky.

const { where, events, alerts } = JSON.parse(document.getElementById("data").textContent);
const view = document.getElementById("sky-view");

view.addEventListener("toggle", async () => {
  const place = document.getElementById("sky");
  if (!view.open || place.childElementCount) return;
  const aspect = Math.max(1, place.clientWidth / place.clientHeight);
  const layers = [
    { kind: "points", name: "Events", items: events },
    { kind: "points", name: "Alerts", items: alerts, colour: "#ffb454" },
  ].filter((layer) => layer.items.length);
  if (where) layers.unshift({ kind: "circles", name: "Circle", items: [where] });
  try {
    const { openSky } = await import("./skyview.js");
    await openSky(place, where ? { target: [where.ra, where.dec], fov: Math.min(360, where.radius * 2.4 * aspect), layers } : { layers });
  } catch {
    if (!place.textContent) place.textContent = "The sky cannot be drawn at the moment.";
  }
});
