// The front page: "Explore the sky" puts Aladin Lite in the place of the picture, and nothing of
// it is loaded before. Without scripts, or in a new window, the button leads to /sky.

const button = document.getElementById("explore");
const place = document.getElementById("sky");
const said = document.getElementById("said");
const data = JSON.parse(document.getElementById("data").textContent);
const FAILED = "The sky cannot be drawn in this browser, which needs WebGL 2 and WebAssembly; "
  + "this picture stays.";

function styled() {
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: data.style });
  return new Promise((loaded, failed) => {
    sheet.addEventListener("load", loaded);
    sheet.addEventListener("error", failed);
    document.head.append(sheet);
  });
}

function whole({ ra, dec, fov }) {
  const view = { target: `${ra.toFixed(3)} ${dec.toFixed(3)}`, fov: Number(fov.toPrecision(4)) };
  return `/sky?${new URLSearchParams(view)}`;
}

async function open() {
  const picture = [...place.childNodes];
  said.textContent = "The sky is being loaded…";
  place.setAttribute("aria-busy", "true");
  try {
    const [{ openSky }] = await Promise.all([import(data.script), styled()]);
    const sky = await openSky(place, {
      fov: innerWidth < 600 ? 180 : 360, // upright, the whole sky is tiny
      survey: data.survey,
      layers: [...data.releases.map((one) => ({ kind: "release", ...one })), data.alerts],
      onMove: (view) => { button.href = whole(view); },
    });
    for (const one of document.querySelectorAll(".of-picture")) one.hidden = true;
    button.textContent = "Whole window";
    button.href = whole(sky.view());
    button.removeEventListener("click", clicked);
    said.textContent = "";
    sky.frame.focus({ preventScroll: true });
    if (place.getBoundingClientRect().bottom > innerHeight) place.scrollIntoView({ block: "center" });
    document.documentElement.dataset.sky = "ready";
  } catch (reason) {
    console.info("The sky is not drawn:", reason);
    place.classList.remove("sky");
    place.replaceChildren(...picture);
    said.textContent = FAILED;
  }
  place.removeAttribute("aria-busy");
}

function clicked(event) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (!place.hasAttribute("aria-busy")) open();
}

button.addEventListener("click", clicked);
