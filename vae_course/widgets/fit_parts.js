// What the widgets that fit a Gaussian q share: its sliders, dragging it in a picture, a plot of
// densities, and playing a path.

const minus = (text) => text.replace("-", "−");
/** A number as text, with a minus sign, and never "−0.00". */
const fixed = (value, digits) => minus(value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1"));
const withSign = (value) => fixed(value, 2).replace(/^(?=[1-9]|0\.(0[1-9]|[1-9]))/, "+");
const clip = (value, [low, high]) => Math.min(high, Math.max(low, value));
const colourOf = (colour, alpha = 1) => `rgb(${colour.join(" ")} / ${alpha})`;

/** Sliders of q, in the order of [μ, log σ]; σ's moves by equal ratios. */
function gaussianSliders(mus, sigmas, onInput) {
  const [low, high] = sigmas.map(Math.log);
  const settings = [
    { label: "μ", min: mus[0], max: mus[1], step: 0.01, format: (value) => fixed(value, 2) },
    { label: "σ", min: low, max: high, step: 0.01, format: (value) => Math.exp(value).toFixed(2) },
  ];
  return settings.map(({ label, ...options }, i) =>
    slider({
      label: mathematical(label),
      ...options,
      value: 0,
      onInput: (value) => onInput(i, value),
    }),
  );
}

/** A plot on a canvas: `draw()` clears it and gives what draws in the coordinates z (to the right)
 *  and density (upwards, from 0 to `top`). Everything is in device pixels. */
function densityPlot(shown, [low, high], colours, top) {
  const { context, width, height, scale } = shown.fit();
  const ground = height - 20 * scale;
  const x = (z) => ((z - low) / (high - low)) * width;
  const y = (density) => ground - (density / top) * (ground - 12 * scale);
  context.fillStyle = colourOf(colours.paper);
  context.fillRect(0, 0, width, height);
  context.lineWidth = scale;
  context.strokeStyle = colourOf(colours.line);
  context.fillStyle = colourOf(colours.muted);
  context.font = `${11 * scale}px system-ui, sans-serif`;
  context.textAlign = "center";
  for (let z = Math.ceil(low); z <= high; z++) {
    if (z > low) line(x(z), z === 0 ? 0 : ground, x(z), ground + 4 * scale);
    if (z > low && z < high) context.fillText(minus(String(z)), x(z), height - 4 * scale);
  }
  line(0, ground, width, ground);

  function line(x0, y0, x1, y1) {
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
  }
  function curve(density, { colour, fill = 0, dash = [], weight = 2 }) {
    context.save();
    context.beginPath();
    context.rect(0, 0, width, ground + weight * scale);
    context.clip();
    context.beginPath();
    for (let pixel = 0; pixel <= width; pixel += scale) {
      const z = low + (pixel / width) * (high - low);
      context.lineTo(pixel, Math.min(2 * height, y(density(z)))); // a logarithm may be anywhere
    }
    context.strokeStyle = colourOf(colour);
    context.lineWidth = weight * scale;
    context.setLineDash(dash.map((length) => length * scale));
    context.stroke();
    context.lineTo(width, ground);
    context.lineTo(0, ground);
    context.fillStyle = colourOf(colour, fill);
    context.fill();
    context.restore();
  }
  function dot(z, density, colour, radius = 5) {
    context.beginPath();
    context.arc(x(z), y(density), radius * scale, 0, 2 * Math.PI);
    context.fillStyle = colourOf(colour);
    context.fill();
    context.strokeStyle = colourOf(colours.paper);
    context.lineWidth = 2 * scale;
    context.stroke();
  }
  return { curve, dot };
}

/** Drag on a canvas: move(dx, dy) in parts of its width and height since the last event; a mouse
 *  moves freely, a finger sideways, so that the page can scroll; two fingers: pinch(ratio). */
function draggable(canvas, { start, move, pinch }) {
  canvas.classList.add("vc-drag");
  const pointers = new Map();
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
    start(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const before = pointers.size === 2 && spread();
    pointers.set(event.pointerId, event);
    if (before) return pinch(spread() / before);
    const dx = (event.clientX - last.clientX) / canvas.clientWidth;
    const dy = (event.clientY - last.clientY) / canvas.clientHeight;
    if (pointers.size === 1) move(dx, event.pointerType === "touch" ? 0 : dy, event);
  });
  for (const type of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(type, (event) => pointers.delete(event.pointerId));
  }
}

/** Shows the points of a path one after the other, within about two seconds; where motion is
 *  unwelcome four of them, half a second apart. The last is always shown. */
function player(show, finished) {
  let stopLast = () => {};
  const play = (path) => {
    const last = path.length - 1;
    const still = reducedMotion();
    const duration = 2000;
    const begin = performance.now();
    let waiting = null;
    stopLast = () => (still ? clearTimeout(waiting) : cancelAnimationFrame(waiting));
    const wait = () => {
      waiting = still ? setTimeout(step, duration / 4) : requestAnimationFrame(step);
    };
    const step = () => {
      const part = Math.min(1, (performance.now() - begin) / duration);
      show(path[Math.round(last * part)]);
      if (part < 1) wait();
      else finished();
    };
    wait();
  };
  return { play, stop: () => stopLast() };
}
