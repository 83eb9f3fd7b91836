// Tooltips of charts, by pointer and arrow keys: each chart has the positions and texts of its points.
const tip = document.getElementById("tip");
for (const chart of document.querySelectorAll(".plot > svg")) {
  const points = JSON.parse(chart.dataset.tips);
  const pointer = chart.querySelector(".pointer");
  let at = -1;
  const hide = () => { tip.hidden = true; pointer.setAttribute("hidden", ""); };
  const showPoint = place => {
    at = place;
    const [x, y, text] = points[place];
    pointer.setAttribute("cx", x);
    pointer.setAttribute("cy", y);
    pointer.removeAttribute("hidden");
    tip.textContent = text;
    tip.hidden = false;
    const spot = pointer.getBoundingClientRect();
    const left = Math.min(Math.max(spot.x + spot.width / 2 - tip.offsetWidth / 2, 8), document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = `${left}px`;
    tip.style.top = `${spot.y - tip.offsetHeight - 8 < 0 ? spot.bottom + 8 : spot.y - tip.offsetHeight - 8}px`;
  };
  if (!points.length) continue;
  chart.addEventListener("pointermove", event => {
    const spot = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
    const distances = points.map(([x, y]) => Math.hypot(x - spot.x, y - spot.y));
    const nearest = distances.indexOf(Math.min(...distances));
    if (distances[nearest] < 40) showPoint(nearest);
    else hide();
  });
  chart.addEventListener("pointerleave", hide);
  chart.addEventListener("blur", hide);
  chart.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") hide();
    if (!step) return;
    event.preventDefault();
    showPoint((at + step + points.length) % points.length);
  });
}
