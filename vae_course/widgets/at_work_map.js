// Two windows on the latent plane: the map, on which the posterior is a speck, and the lens, which
// magnifies the posterior. Both are squares; z₁ grows to the right and z₂ upwards.

/** A window `2 · half` wide around `centre`, on a canvas `size` device pixels wide. */
function planeWindow(centre, half, size) {
  const unit = size / (2 * half);
  return {
    unit, // device pixels for 1 in the latent plane
    x: (z1) => size / 2 + (z1 - centre[0]) * unit,
    y: (z2) => size / 2 - (z2 - centre[1]) * unit,
    z: (x, y) => [centre[0] + (x - size / 2) / unit, centre[1] - (y - size / 2) / unit],
  };
}

function ellipse(context, plane, mean, sigma, deviations) {
  context.beginPath();
  const [rx, ry] = sigma.map((s) => s * deviations * plane.unit);
  context.ellipse(plane.x(mean[0]), plane.y(mean[1]), rx, ry, 0, 0, 2 * Math.PI);
}

function dot(context, x, y, radius, fill, edge) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
  if (!edge) return;
  context.lineWidth = radius / 2.5;
  context.strokeStyle = edge;
  context.stroke();
}

const rgb = (colour, alpha = 1) => `rgb(${colour.join(" ")} / ${alpha})`;

/** Ten hues of one lightness; the label beside the points says which is which. */
const classColour = (k, dark) => `oklch(${dark ? 0.78 : 0.55} 0.11 ${(k * 108 + 20) % 360})`;

/** The picture behind the map: posterior means of training digits, or a grid of decodings. */
export function mapBackdrop({ size, scale, half, colours, dark, points, labels, grid }) {
  const canvas = element("canvas", { width: size, height: size });
  const context = canvas.getContext("2d");
  const plane = planeWindow([0, 0], half, size);
  context.fillStyle = rgb(colours.paper);
  context.fillRect(0, 0, size, size);
  if (grid) {
    const cell = size / grid.side;
    const faint = colours.ink.map((c, i) => Math.round(0.6 * c + 0.4 * colours.paper[i]));
    grid.pictures.forEach((values, i) => {
      const image = inkOnPaper(values, 28, 28, { ink: faint, paper: colours.paper });
      const [row, column] = [Math.floor(i / grid.side), i % grid.side];
      drawCrisp(context, image, column * cell, row * cell, cell, cell);
    });
  } else {
    for (let i = 0; i < labels.length; i++) {
      const [x, y] = [plane.x(points[2 * i]), plane.y(points[2 * i + 1])];
      dot(context, x, y, 1.7 * scale, classColour(labels[i], dark));
    }
  }
  prior(context, plane, size, scale, colours);
  if (!grid) classNames(context, plane, scale, colours, dark, points, labels);
  return canvas;
}

function prior(context, plane, size, scale, { ink, muted, paper }) {
  context.setLineDash([4 * scale, 4 * scale]);
  context.lineWidth = scale;
  context.strokeStyle = rgb(muted);
  for (const radius of [1, 2]) {
    ellipse(context, plane, [0, 0], [1, 1], radius);
    context.stroke();
  }
  context.setLineDash([]);
  context.font = `${11 * scale}px system-ui, sans-serif`;
  context.textAlign = "center";
  const write = (text, x, y) => halo(context, text, x, y, rgb(muted), rgb(paper), 3 * scale);
  for (const radius of [1, 2]) {
    const at = radius * Math.SQRT1_2;
    write(`${radius}σ`, plane.x(at), plane.y(-at) + 4 * scale);
  }
  context.textAlign = "left";
  write("dashed: prior p(z)", 6 * scale, size - 8 * scale);
  context.textAlign = "right";
  write("z₁ →", size - 6 * scale, size - 8 * scale);
  context.textAlign = "left";
  write("z₂ ↑", 6 * scale, 15 * scale);
}

function halo(context, text, x, y, fill, edge, width) {
  context.lineWidth = width;
  context.lineJoin = "round";
  context.strokeStyle = edge;
  context.strokeText(text, x, y);
  context.fillStyle = fill;
  context.fillText(text, x, y);
}

/** Each class's numeral, at the median of its points. */
function classNames(context, plane, scale, { paper }, dark, points, labels) {
  context.font = `700 ${17 * scale}px system-ui, sans-serif`;
  context.textAlign = "center";
  for (let k = 0; k < 10; k++) {
    const members = [...labels.keys()].filter((i) => labels[i] === k);
    const median = [0, 1].map((axis) => {
      const values = members.map((i) => points[2 * i + axis]).sort((a, b) => a - b);
      return values[Math.floor(values.length / 2)];
    });
    const [x, y] = [plane.x(median[0]), plane.y(median[1]) + 6 * scale];
    halo(context, String(k), x, y, classColour(k, dark), rgb(paper), 4 * scale);
  }
}

/** The map with the posterior and z on it. The square is what the lens shows. */
export function drawMap({ context, width: size, scale }, half, backdrop, state, colours) {
  const plane = planeWindow([0, 0], half, size);
  context.drawImage(backdrop, 0, 0);
  const { mu, sigma, z, lensHalf } = state;
  for (const deviations of [2, 1]) {
    ellipse(context, plane, mu, sigma, deviations);
    context.fillStyle = rgb(colours.accent, 0.45);
    context.fill();
  }
  const side = 2 * lensHalf * plane.unit;
  context.lineWidth = 1.5 * scale;
  context.strokeStyle = rgb(colours.accent);
  const [left, top] = [plane.x(mu[0]) - side / 2, plane.y(mu[1]) - side / 2];
  context.strokeRect(left, top, side, side);
  const [x, y] = [plane.x(z[0]), plane.y(z[1])];
  dot(context, x, y, 4.5 * scale, rgb(colours["accent-2"]), rgb(colours.paper));
}

/** The lens: ellipses at 1σ and 2σ, how σ ⊙ ε leads from μ to z, earlier draws, and behind them the
 *  true posterior where it has been computed. */
export function drawLens({ context, width: size, scale }, half, state, colours) {
  const { mu, sigma, z, lensHalf, draws, posterior } = state;
  const plane = planeWindow(mu, lensHalf, size);
  context.fillStyle = rgb(colours.paper);
  context.fillRect(0, 0, size, size);
  if (posterior) {
    context.imageSmoothingEnabled = true;
    context.drawImage(posterior.shade(colours.ink), 0, 0, size, size);
  }
  context.lineWidth = 1.5 * scale;
  context.strokeStyle = rgb(colours.accent);
  context.fillStyle = rgb(colours.accent, 0.12);
  for (const deviations of [2, 1]) {
    ellipse(context, plane, mu, sigma, deviations);
    context.fill();
    context.stroke();
  }
  for (const epsilon of draws) {
    const [x, y] = epsilon.map((e, i) => mu[i] + sigma[i] * e);
    dot(context, plane.x(x), plane.y(y), 2 * scale, rgb(colours["accent-2"], 0.55));
  }
  const [x0, y0, x, y] = [plane.x(mu[0]), plane.y(mu[1]), plane.x(z[0]), plane.y(z[1])];
  context.strokeStyle = rgb(colours["accent-2"]);
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x, y0);
  context.lineTo(x, y);
  context.stroke();
  dot(context, x0, y0, 3 * scale, rgb(colours.accent));
  dot(context, x, y, 5 * scale, rgb(colours["accent-2"]), rgb(colours.paper));
  context.font = `${11 * scale}px system-ui, sans-serif`;
  context.textAlign = "left";
  const times = `× ${(half / lensHalf).toPrecision(2)}`; // larger than on the map, per unit of z
  halo(context, times, 5 * scale, 14 * scale, rgb(colours.muted), rgb(colours.paper), 3 * scale);
  context.font = `italic ${13 * scale}px Georgia, serif`;
  context.textAlign = "center";
  const below = y > y0 ? -1 : 1; // the letters keep clear of the path between the points
  const write = (letter, left, top, name) =>
    halo(context, letter, left, top, rgb(colours[name]), rgb(colours.paper), 3 * scale);
  write("μ", x0, y0 + (below > 0 ? 15 : -8) * scale, "accent");
  write("z", x, y + (below > 0 ? -10 : 17) * scale, "accent-2");
}
