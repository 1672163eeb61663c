// A small map of a divergence over q = [μ, log σ]: dark where it is low, its contours, its optima,
// and q on it.

const COLUMNS = 49;
const ROWS = 33;
const LEVELS = [0.1, 0.2, 0.35, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20]; // nats
const TICKS = { mu: [-2, 0, 2], sigma: [0.25, 0.5, 1] };

/** divergence([μ, log σ]) on a grid over the map, row by row, the first row at the bottom. */
function onGrid(divergence, [left, right], [bottom, top]) {
  const values = new Float64Array(COLUMNS * ROWS);
  for (let i = 0; i < values.length; i++) {
    const mu = left + ((i % COLUMNS) / (COLUMNS - 1)) * (right - left);
    const logSigma = bottom + (Math.floor(i / COLUMNS) / (ROWS - 1)) * (top - bottom);
    values[i] = divergence([mu, logSigma]);
  }
  return values;
}

/** A map in `shown`, over the ranges of μ and log σ. place(event) is the q under a pointer. */
function divergenceMap(shown, mus, logSigmas) {
  let [values, lines, shade] = [null, [], null];
  const inside = ({ width, height, scale }) => {
    const [left, bottom] = [30 * scale, height - 20 * scale];
    const x = (mu) => left + ((mu - mus[0]) / (mus[1] - mus[0])) * (width - left);
    const y = (logSigma) =>
      bottom - ((logSigma - logSigmas[0]) / (logSigmas[1] - logSigmas[0])) * bottom;
    return { x, y, left, bottom };
  };
  return {
    chart(divergence) {
      values = onGrid(divergence, mus, logSigmas);
      shade = null;
      lines = contours(values, COLUMNS, LEVELS);
    },
    /** [level, points [μ, log σ] on its contour], for each level. */
    contours() {
      const across = (mus[1] - mus[0]) / (COLUMNS - 1);
      const up = (logSigmas[1] - logSigmas[0]) / (ROWS - 1);
      const point = (line, n) => [mus[0] + line[n] * across, logSigmas[0] + line[n + 1] * up];
      return lines.map((line, k) => [
        LEVELS[k],
        Array.from({ length: line.length / 2 }, (_, n) => point(line, 2 * n)),
      ]);
    },
    place(event) {
      const fitted = shown.fit();
      const { left, bottom } = inside(fitted);
      const { scale, width } = fitted;
      const right = (event.offsetX * scale - left) / (width - left);
      const up = 1 - (event.offsetY * scale) / bottom;
      return [
        mus[0] + right * (mus[1] - mus[0]),
        logSigmas[0] + up * (logSigmas[1] - logSigmas[0]),
      ];
    },
    draw(colours, colour, optima, q) {
      const fitted = shown.fit();
      const { context, width, height, scale } = fitted;
      const { x, y, left, bottom } = inside(fitted);
      context.fillStyle = colourOf(colours.paper);
      context.fillRect(0, 0, width, height);
      const stepX = (width - left) / (COLUMNS - 1);
      const stepY = bottom / (ROWS - 1);
      context.save();
      context.beginPath();
      context.rect(left, 0, width - left, bottom);
      context.clip();
      if (shade?.colour !== String(colour)) shade = shaded(values, colour);
      context.imageSmoothingEnabled = true; // a value is in the middle of its pixel
      const corner = [left - stepX / 2, -stepY / 2];
      context.drawImage(shade.canvas, ...corner, COLUMNS * stepX, ROWS * stepY);
      context.restore();
      context.strokeStyle = colourOf(colour);
      context.lineWidth = scale;
      lines.forEach((line, k) => {
        context.globalAlpha = 0.8 - (0.6 * k) / LEVELS.length;
        context.beginPath();
        for (let n = 0; n < line.length; n += 4) {
          context.moveTo(left + line[n] * stepX, bottom - line[n + 1] * stepY);
          context.lineTo(left + line[n + 2] * stepX, bottom - line[n + 3] * stepY);
        }
        context.stroke();
      });
      context.globalAlpha = 1;
      context.fillStyle = colourOf(colours.muted);
      context.font = `${11 * scale}px system-ui, sans-serif`;
      context.textAlign = "center";
      for (const mu of TICKS.mu) context.fillText(minus(String(mu)), x(mu), height - 5 * scale);
      context.textAlign = "right";
      for (const sigma of TICKS.sigma) {
        context.fillText(String(sigma), left - 4 * scale, y(Math.log(sigma)) + 4 * scale);
      }
      context.font = `italic ${14 * scale}px "Source Serif 4", "Times New Roman", serif`;
      context.fillText("σ", left - 4 * scale, 13 * scale);
      context.fillText("μ", width - 6 * scale, height - 5 * scale);
      context.lineWidth = 2 * scale;
      optima.forEach(([mu, logSigma]) => {
        const [arm, here, there] = [5 * scale, x(mu), y(logSigma)];
        context.beginPath();
        context.moveTo(here - arm, there - arm);
        context.lineTo(here + arm, there + arm);
        context.moveTo(here - arm, there + arm);
        context.lineTo(here + arm, there - arm);
        context.strokeStyle = colourOf(colour);
        context.stroke();
      });
      context.beginPath();
      context.arc(x(q[0]), y(q[1]), 5 * scale, 0, 2 * Math.PI);
      context.fillStyle = colourOf(colours.accent);
      context.fill();
      context.strokeStyle = colourOf(colours.paper);
      context.stroke();
    },
  };
}

/** e^−KL of a grid's values as a small picture: opaque colour where KL is 0, clear where it is large. */
function shaded(values, colour) {
  const canvas = element("canvas", { width: COLUMNS, height: ROWS });
  const image = new ImageData(COLUMNS, ROWS);
  values.forEach((value, i) => {
    const pixel = (ROWS - 1 - Math.floor(i / COLUMNS)) * COLUMNS + (i % COLUMNS);
    for (let c = 0; c < 3; c++) image.data[4 * pixel + c] = colour[c];
    image.data[4 * pixel + 3] = 110 * Math.exp(-value);
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return { canvas, colour: String(colour) };
}
