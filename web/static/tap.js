// Queries to this server's TAP service, and their answers.
//
// An answer is {columns, rows, isCut}: columns as DaCHS' JSON has them, with name, unit, ucd,
// datatype and description; rows of values; and whether there were more rows than were asked for.

const FORMAT = "json";

/** What the server said instead of rows. */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Run a query; at most `most` rows are fetched. */
export async function runQuery(adql, { most, signal } = {}) {
  const body = new URLSearchParams({ LANG: "ADQL", QUERY: adql, FORMAT, MAXREC: most });
  return read(await fetch("/tap/sync", { method: "POST", body, signal }));
}

/** Fetch the answer of a service's form, whose address begins with a slash. */
export async function fetchAnswer(address, { signal } = {}) {
  const url = new URL(address, location.origin);
  url.searchParams.set("_FORMAT", "JSON");
  return read(await fetch(url, { signal }));
}

async function read(reply) {
  const text = await reply.text();
  if (!reply.ok || !text.trimStart().startsWith("{")) throw new Refused(message(text), reply.status);
  const { columns, data, queryStatus } = parse(text);
  return { columns, rows: data, isCut: queryStatus === "OVERFLOW" };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    // numbers that JSON does not have, outside of strings
    const numbers = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;
    return JSON.parse(text.replace(numbers, (found) => (found[0] === '"' ? found : "null")));
  }
}

function message(text) {
  const answer = new DOMParser().parseFromString(text, text.includes("<html") ? "text/html" : "text/xml");
  const status = answer.querySelector('INFO[name="QUERY_STATUS"][value="ERROR"]') ?? answer.querySelector(".errors, .errmsg");
  return (status?.textContent ?? "").trim() || "The server did not answer as expected.";
}
