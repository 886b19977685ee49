// Keeps the page up to date: takes over those parts of each state that differ from what is shown.
"use strict";
const main = document.getElementById("main");
const status = document.getElementById("status");
const source = new EventSource("events");

const say = (text) => {
  if (status.textContent !== text) status.textContent = text;
  document.title = text;
};

source.addEventListener("state", (event) => {
  const state = JSON.parse(event.data);
  const next = document.createElement("template");
  next.innerHTML = state.html;
  const parts = [...next.content.children];
  const ids = new Set(parts.map((part) => part.id));
  for (const part of [...main.children]) if (!ids.has(part.id)) part.remove();
  parts.forEach((part, at) => {
    const shown = document.getElementById(part.id);
    if (!shown) main.insertBefore(part, main.children[at] ?? null);
    else if (shown.outerHTML !== part.outerHTML) {
      const left = [...shown.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
      shown.replaceWith(part);
      part.querySelectorAll(".scroll").forEach((box, i) => { box.scrollLeft = left[i] ?? 0; });
    }
  });
  say(state.status);
  if (state.ended) source.close();
});

source.addEventListener("error", () => say("the connection is lost; these figures are of before"));
