// The page of an alert: the sky that can be moved takes the place of the picture when asked for.

import { openSky } from "./skyview.js";

const data = document.getElementById("sky-data");
const picture = document.querySelector(".region .picture");

if (data && picture) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "primary";
  button.textContent = "Move and zoom this sky";
  document.querySelector(".sky-actions").prepend(button);
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = "Loading the sky …";
    const frame = document.createElement("div");
    frame.className = "alert-sky";
    picture.before(frame);
    try {
      await openSky(frame, JSON.parse(data.textContent));
      picture.hidden = true;
      button.remove();
    } catch {
      button.remove(); // the frame has the reason
    }
  });
}
