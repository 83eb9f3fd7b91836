// What is dropped goes to the server as bytes and without its name, and its answer comes back as a piece of this page.
"use strict";
const stage = () => document.getElementById("zoo-stage");
const held = (id) => document.getElementById(id).innerHTML;
let last = 0;

const put = (html) => {
  stage().innerHTML = html;
  document.getElementById("heat").classList.toggle("zoo-shown", stage().querySelector(".zoo-heat") !== null);
};

const ask = async (body, size) => { // a file's bytes, or a form; and the size of the largest file
  const mine = ++last; // an answer that comes after a later picture was dropped is not shown
  if (size > Number(document.querySelector("[data-most]").dataset.most)) {
    stage().removeAttribute("aria-busy");
    return put(held("zoo-too-large"));
  }
  stage().setAttribute("aria-busy", "true");
  let html;
  try {
    const headers = body instanceof FormData ? {} : { "content-type": "application/octet-stream" };
    const answer = await fetch("show", { method: "POST", body, headers });
    html = answer.headers.get("content-type").startsWith("text/html") ? await answer.text() : held("zoo-silent");
  } catch {
    html = held("zoo-silent");
  }
  if (mine !== last) return;
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
  const given = [...new FormData(event.target)].filter(([, file]) => file.size);
  given.sort(([one], [other]) => (other === first) - (one === first));
  const form = new FormData();
  for (const [field, file] of given) form.append(field, file, "picture");
  ask(form, Math.max(0, ...given.map(([, file]) => file.size)));
});
document.addEventListener("click", (event) => {
  const example = event.target.closest(".zoo-example");
  if (!example) return;
  const bytes = Uint8Array.from(atob(example.querySelector("img").src.split(",")[1]), (one) => one.charCodeAt(0));
  ask(bytes, bytes.length);
});
// Anywhere on the page: a browser would leave it for a file that misses its place.
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    document.querySelector("[data-most]").classList.toggle("zoo-over", name === "dragenter" || name === "dragover");
    if (event.target.closest?.("input[type=file]")) return; // the browser fills the field, as if the file were chosen
    event.preventDefault();
    if (name !== "drop" || !event.dataTransfer.files.length) return;
    if (document.querySelector(".zoo-views")) return put(held("zoo-which")); // nothing tells its side and view
    ask(event.dataTransfer.files[0], event.dataTransfer.files[0].size);
  });
}

// The heat map's strength is the browser's business alone: no picture is made anew, or sent again, for it.
const on = document.getElementById("zoo-heat-on");
const strength = document.getElementById("zoo-heat-strength");
const lay = () => {
  document.documentElement.style.setProperty("--heat", on.checked ? strength.value / 100 : 0);
  document.getElementById("zoo-heat-told").value = strength.value;
};
on.addEventListener("input", lay);
strength.addEventListener("input", lay);
lay(); // a browser may have kept what was set before the page was loaded again
