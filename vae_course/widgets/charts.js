// Charts on a canvas: as wide as their place, measured in CSS pixels, with round numbers on the axes.

/** A canvas that is announced as a picture; the style sheet says how large it is (--height).
 *  begin(colours) clears it and returns {context, width, height}, in CSS pixels. */
export function chart(label, className) {
  const canvas = element("canvas", { className: `vc-picture vc-chart ${className}`, role: "img" });
  canvas.setAttribute("aria-label", label);
  const context = canvas.getContext("2d");
  const begin = (colours) => {
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth || 320, canvas.clientHeight || 160];
    const pixels = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== pixels[0]) canvas.width = pixels[0];
    if (canvas.height !== pixels[1]) canvas.height = pixels[1];
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = `12px ${colours.font}`;
    return { context, width, height };
  };
  return { element: canvas, canvas, begin };
}

/** The widget's colours as CSS text, rgb(r g b), and its font: chartColours(root, ["ink", …]). */
export function chartColours(root, names) {
  const colours = Object.entries(palette(root, names)).map(([name, c]) => [name, c.join(" ")]);
  return { ...Object.fromEntries(colours), font: getComputedStyle(root).fontFamily };
}

export const rgb = (colour, alpha = 1) => `rgb(${colour} / ${alpha})`;

/** A function from [low, high] to [from, to], with the four numbers as its properties. */
export function linearScale(low, high, from, to) {
  const scale = (value) => from + ((value - low) / (high - low)) * (to - from);
  return Object.assign(scale, { low, high, from, to });
}

/** Multiples of 1, 2 or 5 times a power of ten between low and high, about `count` of them, each
 *  with its text: [[0, "0"], [0.5, "0.5"], …]. */
export function roundNumbers(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const numbers = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) {
    const text = i ? signed(i * step, decimals) : "0";
    numbers.push([i * step, text]);
  }
  return numbers;
}

/** A number with a minus sign as wide as a plus sign. */
export const signed = (value, decimals) => value.toFixed(decimals).replace("-", "−");

/** A number in at most `digits` digits, with a minus sign as wide as a plus sign. */
export function inDigits(value, digits = 3) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "—";
  if (Math.abs(value) < 1e-9) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  const decimals = Math.min(Math.max(digits - 1 - size, 0), 4);
  const text = Math.abs(value).toLocaleString("en", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

/** A straight line; `dash` is a list of lengths. */
export function line(context, x0, y0, x1, y1, style, width = 1, dash = []) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.lineWidth = width;
  context.strokeStyle = style;
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
}

/** Text at a place; `align` is left, center or right, `baseline` top, middle or bottom. */
export function label(context, text, x, y, style, align = "left", baseline = "middle") {
  context.textAlign = align;
  context.textBaseline = baseline;
  context.fillStyle = style;
  context.fillText(text, x, y);
}

/** Numbers below a horizontal line at height `y`, each with a tick: `numbers` as roundNumbers gives
 *  them, `x` their scale. */
export function horizontalAxis(context, numbers, x, y, colours) {
  line(context, x.from, y, x.to, y, rgb(colours.line));
  for (const [number, text] of numbers) {
    line(context, x(number), y, x(number), y + 4, rgb(colours.muted));
    label(context, text, x(number), y + 6, rgb(colours.muted), "center", "top");
  }
}

/** Points joined by a line; a jump (null) interrupts it. */
export function curve(context, points, style, width = 2) {
  context.beginPath();
  let pen = false;
  for (const point of points) {
    if (point) context[pen ? "lineTo" : "moveTo"](point[0], point[1]);
    pen = Boolean(point);
  }
  context.lineWidth = width;
  context.lineJoin = "round";
  context.strokeStyle = style;
  context.stroke();
}

/** The area between two lists of points, the second one run backwards. */
export function area(context, above, below, style) {
  context.beginPath();
  for (const [x, y] of above) context.lineTo(x, y);
  for (const [x, y] of [...below].reverse()) context.lineTo(x, y);
  context.closePath();
  context.fillStyle = style;
  context.fill();
}
