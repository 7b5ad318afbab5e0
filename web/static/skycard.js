// The card of what was clicked in the sky: title, values with units, links. Everything is text.

const LINK = /^(https?:\/\/|\/(?!\/))/;

export function showCard(element, item) {
  element.querySelector(":scope > .sky-card")?.remove();
  if (!item?.title) return null;
  const card = part("section", "sky-card");
  card.setAttribute("aria-label", item.title);
  card.append(closing(card), titled(item));
  const facts = (item.facts ?? []).filter(([, value]) => value !== null && value !== "");
  if (facts.length) {
    const list = part("dl", "facts");
    for (const [name, value, column] of facts) {
      const term = part("dt", "", column?.kind === "time" ? "Time" : name);
      if (column?.description) term.title = column.description;
      list.append(term, part("dd", "", written(value, column)));
    }
    card.append(list);
  }
  const links = part("p", "sky-links");
  for (const [text, address] of item.links ?? []) {
    if (!LINK.test(address)) continue;
    const link = part("a", "", text);
    link.href = address;
    links.append(link, " ");
  }
  if (links.childNodes.length) card.append(links);
  element.append(card);
  return card;
}

function titled(item) {
  const heading = part("h3");
  const name = part("bdi", "", item.title.length > 60 ? `${item.title.slice(0, 58)}…` : item.title);
  name.title = item.title;
  heading.append(name);
  if (!item.subtitle) return heading;
  const both = part("div");
  both.append(heading, part("p", "soft", item.subtitle));
  return both;
}

function closing(card) {
  const button = part("button", "sky-close", "×");
  button.type = "button";
  button.setAttribute("aria-label", "Close");
  button.addEventListener("click", () => card.remove());
  card.addEventListener("keydown", (event) => { if (event.key === "Escape") card.remove(); });
  return button;
}

// A value with the unit of its column, with as many digits as are significant.
export function written(value, column = {}) {
  if (typeof value !== "number") return String(value);
  const unit = column.unit ? ` ${column.unit}` : "";
  if (column.kind === "time") return `${utc(value)} UTC (MJD ${value.toFixed(column.digits ?? 4)})`;
  return `${number(value, column.digits)}${unit}`;
}

export function number(value, digits) {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return value.toLocaleString("en");
  if (digits !== undefined && Math.abs(value) < 1e6) return value.toFixed(digits);
  if (value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3)) {
    const [mantissa, power] = value.toExponential(2).split("e");
    const raised = String(Number(power)).replace(/[-\d]/g, (one) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(one)]);
    return `${Number(mantissa)} × 10${raised}`;
  }
  return String(Number(value.toPrecision(4)));
}

// A time (MJD, UTC) as people write it; JavaScript's calendar ends far from any event.
export function utc(mjd) {
  const moment = new Date(Math.round((mjd - 40587) * 86400) * 1000);
  if (Number.isNaN(moment.getTime())) return `MJD ${mjd}`;
  return moment.toISOString().slice(0, 19).replace("T", " ");
}

export function part(tag, name = "", text = undefined) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}
