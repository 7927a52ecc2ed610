// What a list cannot say itself: that it was not renewed. Without this script the form loads a page, and the
// browser says so.
"use strict";
(() => {
  const line = () => document.getElementById("unchanged");
  const say = (text) => { if (line()) line().textContent = text; };
  for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(failure, () => say(line()?.dataset.says ?? ""));
  }
  document.addEventListener("htmx:beforeRequest", () => say(""));
})();
