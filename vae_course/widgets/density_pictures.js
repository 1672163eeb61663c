// A density of two variables in a square from −half to half: shades, contours of another density,
// samples as dots, and a point that can be moved.

const POINT_GRASP = 26; // CSS pixels around the point within which a finger takes hold of it

/** `move(z₁, z₂)` is called while the point is dragged, or when another place is clicked. */
function densityPicture(name, half, move) {
  const shown = chart(name, "pf-density");
  const { canvas } = shown;
  const size = () => canvas.clientWidth;
  const toPixel = (z1, z2) => [((z1 / half + 1) / 2) * size(), ((1 - z2 / half) / 2) * size()];
  const toPlane = (x, y) =>
    [(2 * x) / size() - 1, 1 - (2 * y) / size()].map((one) => Math.max(-1, Math.min(1, one)) * half);

  let point = [0, 0];
  const distance = (x, y) => Math.hypot(...toPixel(...point).map((one, i) => one - [x, y][i]));
  let held = null; // where the pointer took hold of the point, from its middle
  let taken = false;
  canvas.addEventListener("pointerdown", (event) => {
    taken = false;
    const near = distance(event.offsetX, event.offsetY) <= POINT_GRASP;
    if (event.button || (event.pointerType === "touch" && !near)) return;
    taken = true;
    canvas.setPointerCapture(event.pointerId);
    const [x, y] = toPixel(...point);
    held = near ? [x - event.offsetX, y - event.offsetY] : [0, 0];
    if (!near) move(...toPlane(event.offsetX, event.offsetY));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (held) move(...toPlane(event.offsetX + held[0], event.offsetY + held[1]));
  });
  for (const type of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(type, () => (held = null));
  }
  // A finger on the point drags it, a tap elsewhere moves it there, and a swipe scrolls the page.
  canvas.addEventListener("click", (event) => {
    if (!taken) move(...toPlane(event.offsetX, event.offsetY));
  });
  canvas.addEventListener(
    "touchstart",
    (event) => {
      const { left, top } = canvas.getBoundingClientRect();
      const { clientX, clientY } = event.touches[0];
      if (distance(clientX - left, clientY - top) <= POINT_GRASP) event.preventDefault();
    },
    { passive: false },
  );

  /** `shades` of the density, or null while it is computed; `lines` of another one, in units of its
   *  cells; `dots` as [z₁, z₂]. */
  function draw(colours, { shades, lines, dots, at }) {
    point = at;
    const { context, width, height } = shown.begin(colours);
    context.fillStyle = rgb(colours.paper);
    context.fillRect(0, 0, width, height);
    line(context, width / 2, 0, width / 2, height, rgb(colours.line));
    line(context, 0, height / 2, width, height / 2, rgb(colours.line));
    if (shades) {
      context.imageSmoothingEnabled = true;
      context.drawImage(shades, 0, 0, width, height);
    }
    context.fillStyle = rgb(colours.ink, 0.8);
    for (const dot of dots) {
      const [x, y] = toPixel(...dot);
      context.fillRect(x - 0.75, y - 0.75, 1.5, 1.5);
    }
    if (lines) {
      context.save();
      context.scale(width, height);
      context.lineWidth = 1 / width;
      context.strokeStyle = rgb(colours.ink, 0.5);
      context.stroke(lines);
      context.restore();
    }
    const [x, y] = toPixel(...point);
    for (const [wide, style] of [[4, rgb(colours.paper)], [1.75, rgb(colours.ink)]]) {
      context.beginPath();
      context.arc(x, y, 6, 0, 2 * Math.PI);
      context.lineWidth = wide;
      context.strokeStyle = style;
      context.stroke();
    }
    const corner = width - 8;
    context.font = `italic 13px "Source Serif 4", "Times New Roman", serif`;
    label(context, "z₁", corner, height / 2 - 9, rgb(colours.muted), "right");
    label(context, "z₂", width / 2 + 16, 11, rgb(colours.muted), "right");
  }

  return { element: shown.element, canvas, draw };
}

/** Densities as a picture in a colour: opaque where they are `highest`, clear where they are 0. */
function shadesOf(values, size, colour, highest) {
  const canvas = element("canvas", { width: size, height: size });
  const image = new ImageData(size, size);
  const [red, green, blue] = colour.split(" ").map(Number);
  for (let i = 0; i < values.length; i++) {
    image.data[4 * i] = red;
    image.data[4 * i + 1] = green;
    image.data[4 * i + 2] = blue;
    image.data[4 * i + 3] = 235 * Math.min(1, values[i] / highest);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Contours of densities, as a path in units of the picture's side. */
function contourPath(values, size, levels) {
  const path = new Path2D();
  const at = (cell) => (cell + 0.5) / size;
  for (const points of contours(values, size, levels)) {
    for (let n = 0; n < points.length; n += 4) {
      path.moveTo(at(points[n]), at(points[n + 1]));
      path.lineTo(at(points[n + 2]), at(points[n + 3]));
    }
  }
  return path;
}
