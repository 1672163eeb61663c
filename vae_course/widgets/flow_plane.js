// A square window on the plane, −half to half, and what a flow puts there: a density as shading, the
// grid, samples, and one point with a small square around it.

export const PIXELS = 120; // along each side of the shading

/** Opacity of a density that is `share` of the densest: faint parts are still seen. */
const opacity = (share) => 175 * Math.min(1, share) ** 0.75;

export function planeView(label, half) {
  const shown = chart(label, "fw-square");
  const fog = element("canvas", { width: PIXELS, height: PIXELS });
  const image = new ImageData(PIXELS, PIXELS);
  let [drawn, drawnIn] = [null, null];
  let place = null; // scales and context of the frame

  return {
    element: shown.element,
    canvas: shown.canvas,

    begin(colours) {
      const { context, width } = shown.begin(colours);
      const x = linearScale(-half, half, 0, width);
      const y = linearScale(-half, half, width, 0);
      place = { context, width, x, y, colours };
      context.fillStyle = rgb(colours.paper);
      context.fillRect(0, 0, width, width);
    },

    /** The point of the plane under a pointer, wherever it is. */
    under(event) {
      const box = shown.canvas.getBoundingClientRect();
      const part = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      return [half * (2 * part[0] - 1), half * (1 - 2 * part[1])];
    },

    /** A density, PIXELS × PIXELS values, the first row on top; opaque where it is `peak`. What is
     *  the same array as before is not drawn anew, unless it is `moving`. */
    shade(values, peak, moving) {
      const { context, width, colours } = place;
      if (moving || values !== drawn || colours.accent !== drawnIn) {
        const colour = colours.accent.split(" ").map(Number);
        for (let i = 0; i < values.length; i++) {
          image.data[4 * i] = colour[0];
          image.data[4 * i + 1] = colour[1];
          image.data[4 * i + 2] = colour[2];
          image.data[4 * i + 3] = values[i] ? opacity(values[i] / peak) : 0;
        }
        fog.getContext("2d").putImageData(image, 0, 0);
        [drawn, drawnIn] = [values, colours.accent];
      }
      context.imageSmoothingEnabled = true;
      context.drawImage(fog, 0, 0, width, width);
    },

    /** Lines through `points`: each goes up to one of the places `ends`. */
    grid(points, ends) {
      const { context, x, y, colours } = place;
      context.beginPath();
      let from = 0;
      for (const end of ends) {
        context.moveTo(x(points.x[from]), y(points.y[from]));
        for (let i = from + 1; i < end; i++) context.lineTo(x(points.x[i]), y(points.y[i]));
        from = end;
      }
      context.lineWidth = 1;
      context.strokeStyle = rgb(colours.ink, 0.32);
      context.stroke();
    },

    samples(points) {
      const { context, x, y, colours } = place;
      context.fillStyle = rgb(colours.ink, 0.7);
      for (let i = 0; i < points.count; i++) {
        context.fillRect(x(points.x[i]) - 1, y(points.y[i]) - 1, 2, 2);
      }
    },

    square(ring) {
      const { context, x, y, colours } = place;
      context.beginPath();
      for (let i = 0; i < ring.count; i++) context.lineTo(x(ring.x[i]), y(ring.y[i]));
      context.closePath();
      context.fillStyle = rgb(colours.rate, 0.3);
      context.fill();
      context.lineWidth = 2;
      context.strokeStyle = rgb(colours.rate);
      context.stroke();
    },

    dot(point) {
      const { context, x, y, colours } = place;
      context.beginPath();
      context.arc(x(point.x), y(point.y), 5.5, 0, 2 * Math.PI);
      context.fillStyle = rgb(colours.rate);
      context.fill();
      context.lineWidth = 2;
      context.strokeStyle = rgb(colours.paper);
      context.stroke();
    },

    /** How far a pointer is from a point of the plane, in CSS pixels. */
    distance(clientX, clientY, point) {
      const box = shown.canvas.getBoundingClientRect();
      return Math.hypot(
        clientX - box.left - ((point.x + half) / (2 * half)) * box.width,
        clientY - box.top - ((half - point.y) / (2 * half)) * box.height,
      );
    },
  };
}

/** A point of the plane that follows a mouse, a finger and the arrow keys. `where()` is the point
 *  now; preview(point or null) shows another one for as long as the mouse is there; keep(point). */
export function pointable(view, { where, preview, keep }) {
  const { canvas } = view;
  const GRASP = 26; // CSS pixels from the point within which a finger takes hold of it
  let held = false;
  const near = ({ clientX, clientY }) => view.distance(clientX, clientY, where()) <= GRASP;
  canvas.addEventListener("pointermove", (event) => {
    if (held) keep(view.under(event));
    else if (event.pointerType !== "touch") preview(view.under(event));
  });
  canvas.addEventListener("pointerleave", () => preview(null));
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || (event.pointerType === "touch" && !near(event))) return;
    held = true;
    canvas.setPointerCapture(event.pointerId);
    keep(view.under(event));
  });
  for (const type of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(type, () => (held = false));
  }
  canvas.addEventListener("click", (event) => keep(view.under(event))); // a finger that taps
  // A finger on the point drags it; anywhere else it scrolls the page.
  canvas.addEventListener(
    "touchstart",
    (event) => {
      if (near(event.touches[0])) event.preventDefault();
    },
    { passive: false },
  );
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** Lets the arrow keys move a point: step(dx, dy), larger with Shift. */
export function arrowKeys(box, step) {
  box.addEventListener("keydown", (event) => {
    const way = ARROWS[event.key];
    if (!way) return;
    event.preventDefault(); // the page does not scroll
    const length = event.shiftKey ? 0.5 : 0.1;
    step(length * way[0], length * way[1]);
  });
}
