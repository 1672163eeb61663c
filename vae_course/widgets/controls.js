// What every widget is made of: labelled sliders, buttons, pictures with a text for those who
// cannot see them, colours of the page, and frames that are counted.

/** element("p", {className: "vc-note"}, "text", child…): a DOM element with properties and children. */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value); // role, aria-label, data-…
  }
  node.append(...children);
  return node;
}

let identifiers = 0;
/** An id that no other widget on the page has. */
export function uniqueId(prefix = "vc") {
  identifiers += 1;
  return `${prefix}-${Math.random().toString(36).slice(2, 7)}-${identifiers}`;
}

/** The widget's root element, ready to be filled. Notebooks take arrow keys, Enter and letters for
 *  themselves (next cell, run, delete): what is typed inside a widget stays inside it. */
export function widgetRoot(el, name, label) {
  const root = element("div", { className: `vc-widget ${name}`, role: "group" });
  root.setAttribute("aria-label", label);
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab 4's own switch for the same thing
  for (const type of ["keydown", "keyup", "keypress"]) {
    root.addEventListener(type, (event) => event.stopPropagation());
  }
  el.append(root);
  return root;
}

/** A native slider with its label and its live value. `format` makes the text of a value.
 *  Returns {element, label, input, output, value (get and set)}. Setting does not call onInput, and
 *  shows the value as it is, also where the slider's step or range is too coarse for it. */
export function slider({ label, min, max, step, value, format = String, onInput }) {
  const input = element("input", { type: "range", id: uniqueId("vc-slider") });
  Object.assign(input, { min, max, step, value }); // after min and max, or the value is clipped
  const text = element("label", { className: "vc-label", htmlFor: input.id }, label);
  // Not announced by itself: a screen reader reads the slider's own aria-valuetext.
  const output = element("output", { className: "vc-value", htmlFor: input.id, "aria-live": "off" });
  const show = (number) => {
    output.value = format(number);
    input.setAttribute("aria-valuetext", output.value);
  };
  input.addEventListener("input", () => {
    show(Number(input.value));
    onInput?.(Number(input.value));
  });
  show(value);
  return {
    element: element("div", { className: "vc-slider" }, text, input, output),
    label: text,
    input,
    output,
    get value() {
      return Number(input.value);
    },
    set value(number) {
      input.value = number;
      show(number);
    },
  };
}

export function button(label, onClick) {
  const node = element("button", { type: "button", className: "vc-button" }, label);
  node.addEventListener("click", onClick);
  return node;
}

/** A canvas that is announced as a picture, `width` by `height` CSS pixels unless a style sheet
 *  says another width. Drawing coordinates are device pixels, so call `fit()` before drawing: it
 *  follows the element's size on the screen and returns {context, width, height, scale}. */
export function picture(label, width, height) {
  const canvas = element("canvas", { className: "vc-picture", role: "img" });
  canvas.setAttribute("aria-label", label);
  canvas.style.setProperty("--width", `${width}px`);
  canvas.style.aspectRatio = `${width} / ${height}`;
  const context = canvas.getContext("2d");
  const fit = () => {
    const scale = window.devicePixelRatio || 1;
    const shown = canvas.clientWidth || width; // not laid out yet: the size that was asked for
    const pixels = [Math.round(shown * scale), Math.round((shown * scale * height) / width)];
    if (canvas.width !== pixels[0]) canvas.width = pixels[0];
    if (canvas.height !== pixels[1]) canvas.height = pixels[1];
    return { context, width: pixels[0], height: pixels[1], scale };
  };
  return { element: canvas, canvas, context, fit };
}

/** Text for screen readers only, announced at most once in `interval` ms: the last one wins. */
export function liveText(interval = 700) {
  const node = element("div", { className: "vc-visually-hidden", role: "status" });
  let waiting = null;
  let text = "";
  const say = (next) => {
    text = next;
    waiting ??= setTimeout(() => {
      waiting = null;
      node.textContent = text;
    }, interval);
  };
  return { element: node, say, stop: () => clearTimeout(waiting) };
}

/** The widget's colours as [red, green, blue], whatever notation the style sheet uses:
 *  palette(root, ["ink", "paper"]) reads --ink and --paper. */
export function palette(root, names) {
  const style = getComputedStyle(root);
  const context = element("canvas", { width: 1, height: 1 }).getContext("2d", {
    willReadFrequently: true,
  });
  const colours = {};
  for (const name of names) {
    context.fillStyle = style.getPropertyValue(`--${name}`).trim();
    context.fillRect(0, 0, 1, 1);
    colours[name] = [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }
  return colours;
}

/** Calls `redraw` when the page turns dark or light, or the widget changes its size. Returns stop(). */
export function onAppearance(root, redraw) {
  const observer = new MutationObserver(redraw);
  const attributes = ["class", "data-theme", "data-jp-theme-light", "theme"];
  for (const node of [document.documentElement, document.body]) {
    observer.observe(node, { attributes: true, attributeFilter: attributes });
  }
  const resized = new ResizeObserver(redraw);
  resized.observe(root);
  return () => {
    observer.disconnect();
    resized.disconnect();
  };
}

/** Does the reader's system ask for less motion? */
export function reducedMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** request() calls `frame` once, before the next paint, however often it is asked in between, and
 *  keeps how long each of the last 1000 took, in `frames` (ms). */
export function frameLoop(frame) {
  const frames = [];
  let waiting = null;
  const request = () => {
    waiting ??= requestAnimationFrame(() => {
      waiting = null;
      const start = performance.now();
      frame();
      frames.push(performance.now() - start);
      if (frames.length > 1000) frames.shift();
    });
  };
  return { request, frames, stop: () => cancelAnimationFrame(waiting) };
}

/** Draws a widget in the colours of its page: `draw` once before the next paint, however often it was
 *  requested, and not before the widget is on the page; after `recolour` whenever the page turns dark
 *  or light, or the widget changes its size. stop() also stops what is in `others`. */
export function liveDrawing(root, recolour, draw, others) {
  let shown = false;
  const { request, frames, stop } = frameLoop(() => {
    if (shown) draw();
  });
  const stopWatching = onAppearance(root, () => {
    shown = true;
    recolour();
    request();
  });
  return {
    request,
    frames,
    stop() {
      stopWatching();
      stop();
      for (const one of others) one.stop();
    },
  };
}

/** Uniform numbers in (0, 1) from a seed (mulberry32). */
export function uniforms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
}

/** Standard normal numbers from a seed: Box and Muller's two at a time, of which one is used. */
export function normals(seed) {
  const uniform = uniforms(seed);
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** A grey picture, values in [0, 1] row by row, as an ImageData from paper (0) to ink (1). */
export function inkOnPaper(values, width, height, { ink, paper }) {
  const image = new ImageData(width, height);
  for (let i = 0; i < values.length; i++) {
    for (let c = 0; c < 3; c++) {
      image.data[4 * i + c] = paper[c] + values[i] * (ink[c] - paper[c]); // rounds, and clamps
    }
    image.data[4 * i + 3] = 255;
  }
  return image;
}

let scratch = null;
/** Draws an ImageData enlarged to a rectangle in device pixels, each of its pixels a crisp square. */
export function drawCrisp(context, image, x, y, width, height) {
  scratch ??= document.createElement("canvas");
  if (scratch.width !== image.width) scratch.width = image.width;
  if (scratch.height !== image.height) scratch.height = image.height;
  scratch.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(scratch, x, y, width, height);
}
