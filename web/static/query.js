// The page of queries: the query follows the form, and is run here.

import { Refused, runQuery } from "./tap.js";
import { showAnswer, showProblem } from "./queryresult.js";

const MOST_ROWS = 10_000; // which are shown; a download has all
const $ = (id) => document.getElementById(id);
const builder = $("builder");
const editor = $("editor");
const settings = JSON.parse($("settings").textContent);
let address = settings.own ? null : "/query"; // of the form, while the query is the one it wrote
let written = $("adql").value;
let pending = Promise.resolve();
let running = null;

// -- the form writes the query ---------------------------------------------------------------

const formAddress = (path) => `${path}?${new URLSearchParams(new FormData(builder))}`;

async function write() {
  const reply = await fetch(formAddress("/query/adql.json"));
  if (!reply.ok) throw new Error("no query");
  const found = await reply.json();
  address = found.address;
  $("adql").value = written = found.adql;
  showCode(found);
  for (const place of document.querySelectorAll(".wrong")) {
    place.textContent = found.problems[place.id.replace("problem-", "")] ?? "";
  }
  return found.problems;
}

function showCode({ python, shell }) {
  $("python").textContent = python;
  $("shell").textContent = shell;
}

builder.addEventListener("change", (event) => {
  if (event.target.id === "what") { // another table has other columns
    location.assign(formAddress("/query"));
    return;
  }
  const about = event.target.closest(".condition")?.querySelector(".about");
  if (about && event.target.name === "column") about.textContent = event.target.selectedOptions[0].title;
  pending = write().catch(() => {});
});

builder.addEventListener("submit", async (event) => {
  event.preventDefault();
  await pending;
  const problems = await write().catch(() => null);
  if (problems && !Object.keys(problems).length) run();
});

// -- conditions ------------------------------------------------------------------------------

$("more").hidden = false;
$("more").addEventListener("click", () => {
  const all = document.querySelectorAll(".condition");
  const copy = all[all.length - 1].cloneNode(true);
  for (const one of copy.querySelectorAll("[id], [for], [aria-describedby]")) {
    for (const name of ["id", "for", "aria-describedby"]) {
      const value = one.getAttribute(name);
      if (value) one.setAttribute(name, value.replace(/\d+$/, all.length));
    }
  }
  copy.querySelector("select").value = "";
  copy.querySelector("input").value = "";
  for (const place of copy.querySelectorAll("p")) place.textContent = "";
  $("conditions").append(copy);
  copy.querySelector("select").focus();
});

// -- the query is run ------------------------------------------------------------------------

$("adql").addEventListener("change", async () => {
  if ($("adql").value === written) return;
  address = null;
  const reply = await fetch(`/query/adql.json?${new URLSearchParams({ adql: $("adql").value })}`).catch(() => null);
  if (reply?.ok) showCode(await reply.json());
});

editor.addEventListener("submit", (event) => {
  if (event.submitter && event.submitter.id !== "run") return; // a download
  event.preventDefault();
  run();
});

$("adql").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
});

async function run() {
  running?.abort();
  const own = running = new AbortController();
  const query = $("adql").value;
  const started = performance.now();
  $("run").textContent = "Running …";
  $("answer").classList.add("busy");
  remember(query);
  try {
    const answer = await runQuery(query, { most: MOST_ROWS, signal: own.signal });
    showAnswer(answer, (performance.now() - started) / 1000);
    $("answer-title").focus({ preventScroll: true });
    $("answer").scrollIntoView({ block: "nearest" });
  } catch (reason) {
    if (own.signal.aborted) return;
    const isOurs = reason instanceof Refused;
    const advice = isOurs && reason.status === 503
      ? "The server is busy. Try again in ten seconds."
      : isOurs ? "The server did not run this query. It says:" : "The server cannot be reached.";
    showProblem(isOurs ? reason.message : String(reason.message ?? reason), advice);
    $("problem").scrollIntoView({ block: "nearest" });
  } finally {
    if (running === own) {
      $("run").textContent = "Run";
      $("answer").classList.remove("busy");
    }
  }
}

function remember(query) {
  const isOfForm = address && query === written;
  const url = new URL(isOfForm ? address : "/query", location.origin);
  if (!isOfForm) url.searchParams.set("adql", query);
  url.searchParams.set("run", "1");
  if (url.href.length > 8000) return; // too long for an address
  history.replaceState(null, "", url);
  $("link").href = url.href;
  $("link").textContent = "Link to this query";
  $("link").hidden = false;
}

$("write").textContent = "Write and run";
if (!settings.own) address = `/query${location.search}`;
if (settings.run) run();
