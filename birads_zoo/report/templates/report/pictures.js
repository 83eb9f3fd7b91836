// Pictures and heat maps. A map comes as a small grey picture; its colours and opacity are computed here.
const shape = data.width / data.height;
const explainers = data.heat.explainers;
const heat = { on: false, by: 0 };
const ramp = [[0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39], [252, 255, 164]];  // eight colours of "inferno"

function colour(level) {
  const at = level / 255 * (ramp.length - 1), low = Math.min(Math.floor(at), ramp.length - 2), part = at - low;
  return ramp[low].map((value, i) => value + part * (ramp[low + 1][i] - value));
}
const palette = Array.from({ length: 256 }, (_, level) => colour(level));

function mapOf(row) {
  return heat.on && explainers.length ? data.heat.maps[row.row]?.[heat.by] : undefined;
}

function paint(canvas, text) {
  const grey = new Image();
  grey.onload = () => {
    canvas.width = grey.naturalWidth;
    canvas.height = grey.naturalHeight;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(grey, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < pixels.data.length; i += 4) {
      const level = pixels.data[i], [red, green, blue] = palette[level];
      pixels.data.set([red, green, blue, level], i);  // opacity grows with the map
    }
    context.putImageData(pixels, 0, 0);
  };
  grey.src = `data:image/jpeg;base64,${text}`;
}

function fill(frame, row) {
  let picture = frame.querySelector("img");
  if (!picture) {
    picture = make("img");
    picture.alt = "";
    frame.prepend(picture);
  }
  const source = `data:image/jpeg;base64,${row.picture}`;
  if (picture.src !== source) picture.src = source;
  frame.querySelector("canvas")?.remove();
  const map = mapOf(row);
  frame.classList.toggle("unexplained", heat.on && !map);
  if (map) {
    const canvas = make("canvas");
    paint(canvas, map[0]);
    picture.after(canvas);
  }
}
