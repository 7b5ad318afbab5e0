// The page that draws the answer of a service's form.

import { fetchAnswer, Refused } from "./tap.js";
import { showAnswer, showProblem } from "./queryresult.js";

const { answer } = JSON.parse(document.getElementById("settings").textContent);
try {
  showAnswer(await fetchAnswer(answer));
  document.getElementById("sky-view").open = true;
} catch (reason) {
  const isOurs = reason instanceof Refused;
  showProblem(isOurs ? reason.message : "Please try again.", "There is no answer to draw.");
}
