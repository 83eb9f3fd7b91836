// A dropped picture is sent to the server as bytes, without its name. The answer is a piece of HTML for this page.
"use strict";
const stage = () => document.getElementById("zoo-stage");
const template = (id) => document.getElementById(id).innerHTML;
let last = 0;

const put = (html) => {
  stage().innerHTML = html;
  document.getElementById("heat").classList.toggle("zoo-shown", stage().querySelector(".zoo-heat") !== null);
};

const ask = async (body, size) => { // a file's bytes, or a form; and the size of the largest file
  const request = ++last; // an answer to an earlier picture is not shown once a later one was dropped
  if (size > Number(document.querySelector("[data-most]").dataset.most)) {
    stage().removeAttribute("aria-busy");
    return put(template("zoo-too-large"));
  }
  stage().setAttribute("aria-busy", "true");
  let html;
  try {
    const headers = body instanceof FormData ? {} : { "content-type": "application/octet-stream" };
    const answer = await fetch("show", { method: "POST", body, headers });
    html = answer.headers.get("content-type").startsWith("text/html") ? await answer.text() : template("zoo-silent");
  } catch {
    html = template("zoo-silent");
  }
  if (request !== last) return;
  stage().removeAttribute("aria-busy");
  put(html);
  if (stage().getBoundingClientRect().top > 0.6 * window.innerHeight) stage().scrollIntoView();
};

document.addEventListener("change", (event) => {
  const input = event.target;
  if (!input.matches(".zoo-drop input") || !input.files.length) return;
  ask(input.files[0], input.files[0].size);
  input.value = ""; // so that the same file can be chosen again
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches(".zoo-views")) return;
  event.preventDefault();
  const first = event.target.querySelector("select")?.value;
  const pictures = [...new FormData(event.target)].filter(([, file]) => file.size);
  pictures.sort(([field], [other]) => (other === first) - (field === first));
  const form = new FormData();
  for (const [field, file] of pictures) form.append(field, file, "picture");
  ask(form, Math.max(0, ...pictures.map(([, file]) => file.size)));
});
document.addEventListener("click", (event) => {
  const example = event.target.closest(".zoo-example");
  if (!example) return;
  const bytes = Uint8Array.from(atob(example.querySelector("img").src.split(",")[1]), (character) => character.charCodeAt(0));
  ask(bytes, bytes.length);
});
// Files may be dropped anywhere: the browser would leave the page for a file that is dropped beside the field.
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    document.querySelector("[data-most]").classList.toggle("zoo-over", name === "dragenter" || name === "dragover");
    if (event.target.closest?.("input[type=file]")) return; // the browser fills the field, as if the file were chosen
    event.preventDefault();
    if (name !== "drop" || !event.dataTransfer.files.length) return;
    if (document.querySelector(".zoo-views")) return put(template("zoo-unknown-view"));
    ask(event.dataTransfer.files[0], event.dataTransfer.files[0].size);
  });
}

// The browser sets the heat map's opacity: no picture is drawn or sent again for it.
const on = document.getElementById("zoo-heat-on");
const strength = document.getElementById("zoo-heat-strength");
const setOpacity = () => {
  document.documentElement.style.setProperty("--heat", on.checked ? strength.value / 100 : 0);
  document.getElementById("zoo-heat-value").value = strength.value;
};
on.addEventListener("input", setOpacity);
strength.addEventListener("input", setOpacity);
setOpacity(); // a browser may have kept the settings from before the page was loaded again
