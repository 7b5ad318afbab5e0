// Says that there are new alerts, and leaves it to the reader to look at them.

const last = JSON.parse(document.getElementById("last").textContent);
const note = document.getElementById("new");
const found = new Set();
const source = new EventSource(`/alerts/live?after=${last}`);

source.addEventListener("alerts", event => {
  for (const one of JSON.parse(event.data)) found.add(one.alert);
  const what = found.size === 1 ? "1 new or updated alert" : `${found.size} new or updated alerts`;
  note.firstElementChild.textContent = `${what} – show`;
  note.hidden = false;
});
addEventListener("pagehide", () => source.close());
