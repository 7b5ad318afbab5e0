// What moves a sky view besides the mouse: keys and buttons.

import { part } from "./skycard.js";

// Buttons and keys that move the view, and where it is; Aladin Lite's own cannot be used by keyboard.
export function addControls(sky, withButtons) {
  const { frame, element } = sky;
  frame.tabIndex = 0;
  frame.setAttribute("role", "application");
  frame.setAttribute("aria-label", "Map of the sky. Arrow keys move it, plus and minus zoom.");
  const zoom = (factor) => sky.zoom(factor);
  frame.addEventListener("keydown", (event) => {
    const step = Math.min(sky.view().fov, 180) / 10;
    const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (moves[event.key]) sky.shift(...moves[event.key].map((one) => one * step));
    else if (event.key === "+" || event.key === "=") zoom(1 / 1.5);
    else if (event.key === "-") zoom(1.5);
    else return;
    event.preventDefault();
  });
  if (!withButtons) return;
  const buttons = part("div", "sky-zoom");
  for (const [text, name, factor] of [["+", "Zoom in", 1 / 1.5], ["−", "Zoom out", 1.5]]) {
    const button = Object.assign(part("button", "", text), { type: "button", title: name });
    button.setAttribute("aria-label", name);
    button.addEventListener("click", () => zoom(factor));
    buttons.append(button);
  }
  const place = part("p", "sky-place");
  element.append(buttons, place);
  const tell = () => {
    const { ra, dec, fov } = sky.view();
    place.textContent = `RA ${ra.toFixed(2)}°, Dec ${dec.toFixed(2).replace("-", "−")}° (ICRS), ${Number(fov.toPrecision(3))}° wide`;
  };
  sky.moved.push(tell);
  tell();
}
