// The drawing pad: strokes of a mouse, a finger or a pen, and the picture that the encoder sees.
//
// MNIST's digits were fitted into a box of 20 pixels and centred by their centre of mass in a
// picture of 28 (LeCun et al. 1998). A drawing is treated in the same way, whatever its size and
// place on the pad, and is drawn anew with the width of MNIST's strokes.

const SIDE = 28; // pixels
const BOX = 20; // pixels: the longer side of the ink
const STROKE = 2.6; // pixels: mean width of MNIST's strokes, 2 · ink / outline
const CENTRE = 14.5; // MNIST's mean centre of mass: the centre of pixel 14, counted from 0
const SMALLEST = 0.2; // of the pad: a smaller drawing is not enlarged further, a dot stays a dot

/** Strokes (lists of [x, y], the pad being 1 wide) as SIDE × SIDE numbers 0 or 1, row by row. */
export function pictureOfStrokes(strokes) {
  const points = strokes.flat();
  if (points.length === 0) return new Float32Array(SIDE * SIDE);
  const [x, width] = middleAndLength(points.map((point) => point[0]));
  const [y, height] = middleAndLength(points.map((point) => point[1]));
  const scale = (BOX - STROKE) / Math.max(width, height, SMALLEST);
  const boxed = place(strokes, [x, y], scale, [CENTRE, CENTRE]);
  return ink(place(boxed, centreOfMass(ink(boxed)), 1, [CENTRE, CENTRE]));
}

function middleAndLength(values) {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  return [(low + high) / 2, high - low];
}

/** Strokes scaled, and moved so that the point `from` comes to lie at `to`. */
function place(strokes, from, scale, to) {
  return strokes.map((stroke) =>
    stroke.map(([x, y]) => [(x - from[0]) * scale + to[0], (y - from[1]) * scale + to[1]]),
  );
}

/** A pixel is ink if its centre is no further than half a stroke's width from a stroke. */
function ink(strokes) {
  const pixels = new Float32Array(SIDE * SIDE);
  const reach = STROKE / 2 + 1e-6; // the box ends at centres of pixels: rounding must not decide
  for (const stroke of strokes) {
    stroke.forEach((end, i) => {
      const start = stroke[Math.max(i - 1, 0)];
      const [left, right] = pixelRange(start[0], end[0], reach);
      const [top, bottom] = pixelRange(start[1], end[1], reach);
      for (let row = top; row <= bottom; row++) {
        for (let column = left; column <= right; column++) {
          const distance = distanceToSegment(column + 0.5, row + 0.5, start, end);
          if (distance <= reach) pixels[row * SIDE + column] = 1;
        }
      }
    });
  }
  return pixels;
}

function pixelRange(a, b, reach) {
  const first = Math.floor(Math.min(a, b) - reach);
  const last = Math.ceil(Math.max(a, b) + reach);
  return [Math.max(first, 0), Math.min(last, SIDE - 1)];
}

function distanceToSegment(x, y, [x1, y1], [x2, y2]) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const squared = dx * dx + dy * dy;
  const along = squared ? ((x - x1) * dx + (y - y1) * dy) / squared : 0;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x - x1 - t * dx, y - y1 - t * dy);
}

function centreOfMass(pixels) {
  let [mass, x, y] = [0, 0, 0];
  pixels.forEach((value, i) => {
    mass += value;
    x += value * ((i % SIDE) + 0.5);
    y += value * (Math.floor(i / SIDE) + 0.5);
  });
  return [x / mass, y / mass];
}

/** The pad. `onDraw(x)` gets the picture as the strokes grow. `show(x)` puts a given picture on the
 *  pad; the first stroke after that starts a drawing of its own. */
export function drawingPad({ label, onDraw }) {
  const { canvas, context, fit } = picture(label, 200, 200);
  canvas.classList.add("at-pad");
  let strokes = [];
  let given = null;
  let pen = null; // the pointer that draws

  const add = (event) => {
    const box = canvas.getBoundingClientRect();
    const inside = (t) => Math.min(1, Math.max(0, t));
    strokes.at(-1).push([
      inside((event.clientX - box.left) / box.width),
      inside((event.clientY - box.top) / box.height),
    ]);
  };
  const changed = () => onDraw(pictureOfStrokes(strokes));
  canvas.addEventListener("pointerdown", (event) => {
    if (pen !== null || event.button !== 0) return;
    event.preventDefault();
    pen = event.pointerId;
    canvas.setPointerCapture(pen);
    given = null; // a given digit gives way to the drawing
    strokes.push([]);
    add(event);
    changed();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pen) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const point of between.length ? between : [event]) add(point);
    changed();
  });
  for (const type of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(type, (event) => {
      if (event.pointerId === pen) pen = null;
    });
  }

  const draw = ({ ink: black, paper, muted }) => {
    const { width, height } = fit();
    if (given) {
      drawCrisp(context, inkOnPaper(given, SIDE, SIDE, { ink: black, paper }), 0, 0, width, height);
      return;
    }
    context.fillStyle = `rgb(${paper})`;
    context.fillRect(0, 0, width, height);
    if (strokes.length === 0) {
      context.fillStyle = `rgb(${muted})`;
      context.font = `${0.09 * height}px ${getComputedStyle(canvas).fontFamily}`;
      context.textAlign = "center";
      context.fillText("draw a digit here", width / 2, height / 2);
    }
    context.strokeStyle = `rgb(${black})`;
    context.lineWidth = 0.075 * width;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of strokes) {
      context.beginPath();
      context.moveTo(stroke[0][0] * width, stroke[0][1] * height);
      for (const [x, y] of stroke) context.lineTo(x * width, y * height);
      context.stroke();
    }
  };
  return {
    element: canvas,
    draw,
    show: (x) => ([given, strokes] = [x, []]),
    clear() {
      [given, strokes] = [null, []];
      changed();
    },
  };
}
