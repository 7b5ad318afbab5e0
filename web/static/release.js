// The page of a release: diagrams that answer to the pointer, in place of the still ones.

import { drawHistogram } from "./charts.js";

for (const place of document.querySelectorAll("[data-chart]")) {
  const data = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  // without the library, the still diagram stays
  drawHistogram(place, data).catch((reason) => console.info(`Diagrams stay still: ${reason}`));
}
