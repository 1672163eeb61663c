// A net over the noise that a flow carries along: its meshes make the picture of the density. The
// lines of a grid, too, and squares whose area can be measured. Where a flow stretches a mesh or a
// line on its way, more points are put in: what is drawn stays close to the exact image.

export const REACH = 4.5; // the net covers noise from −4.5 to 4.5: all but 2e-5 of it
const CELL = 0.5; // side of a cell of the grid, in the noise
const STEP = 0.125; // side of a mesh
const SIDE = (2 * REACH) / STEP + 1; // 73 threads each way
const LONGEST = 0.3; // of a side of a mesh or a piece of a line, once it is stretched
export const FAINTEST = Math.log(0.004); // density that is seen

/** The knots of the net, row by row from below, and the two triangles of each mesh. */
export function netKnots() {
  const every = Array.from({ length: SIDE * SIDE }, (_, i) => i);
  const x = every.map((i) => -REACH + STEP * (i % SIDE));
  const y = every.map((i) => -REACH + STEP * Math.floor(i / SIDE));
  return { x, y, triangles: halves(0, SIDE, SIDE) };
}

/** Two triangles for each mesh of a net of columns × rows knots, whose first knot is `first`. */
function halves(first, columns, rows) {
  const triangles = [];
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const at = first + row * columns + column;
      triangles.push(at, at + 1, at + columns, at + columns + 1, at + columns, at + 1);
    }
  }
  return triangles;
}

/** How many pieces the line of two points needs: by their longest distance at the stops at which
 *  one of them can be seen. */
function pieces(stops, seen, a, b) {
  let longest = 0;
  stops.forEach(({ x, y }, k) => {
    if (seen(k, a) || seen(k, b)) longest = Math.max(longest, Math.hypot(x[a] - x[b], y[a] - y[b]));
  });
  return Math.max(1, Math.min(6, Math.ceil(longest / LONGEST)));
}

/** A finer net for each mesh that is stretched on its way where it is dense enough to be seen, and the
 *  triangles of those that are not: [fine net, triangles]. `noise` holds log q₀ at the knots. */
export function patches({ x, y }, noise, stops, half) {
  const inside = (value) => Math.abs(value) < half;
  const seen = (k, i) =>
    noise[i] - stops[k].logDet[i] > FAINTEST && inside(stops[k].x[i]) && inside(stops[k].y[i]);
  const fine = { x: [], y: [], triangles: [] };
  const others = [];
  for (let at = 0; at + SIDE < x.length; at++) {
    if (at % SIDE === SIDE - 1) continue;
    const need = (...sides) => Math.max(...sides.map(([a, b]) => pieces(stops, seen, at + a, at + b)));
    const columns = need([0, 1], [SIDE, SIDE + 1]);
    const rows = need([0, SIDE], [1, SIDE + 1]);
    if (columns * rows === 1) {
      others.push(at, at + 1, at + SIDE, at + SIDE + 1, at + SIDE, at + 1);
      continue;
    }
    fine.triangles.push(...halves(fine.x.length, columns + 1, rows + 1));
    for (let i = 0; i < (columns + 1) * (rows + 1); i++) {
      fine.x.push(x[at] + (STEP * (i % (columns + 1))) / columns);
      fine.y.push(y[at] + (STEP * Math.floor(i / (columns + 1))) / rows);
    }
  }
  return [fine, others];
}

/** The lines of the grid from −3 to 3: their points, and where in the list each line ends. */
export function gridLines() {
  const lines = { x: [], y: [], ends: [] };
  for (let across = -3; across <= 3; across += CELL) {
    for (const [first, second] of [["x", "y"], ["y", "x"]]) {
      for (let along = -3; along <= 3; along += STEP) {
        lines[first].push(along);
        lines[second].push(across);
      }
      lines.ends.push(lines.x.length);
    }
  }
  return lines;
}

/** The same lines with more points where they are stretched on their way. */
export function finerLines({ x, y, ends }, stops) {
  const fine = { x: [], y: [], ends: [] };
  for (let i = 0; i < x.length; i++) {
    const last = ends.includes(i + 1);
    const count = last ? 1 : pieces(stops, () => true, i, i + 1);
    for (let part = 0; part < count; part++) {
      fine.x.push(last ? x[i] : x[i] + ((x[i + 1] - x[i]) * part) / count);
      fine.y.push(last ? y[i] : y[i] + ((y[i + 1] - y[i]) * part) / count);
    }
    if (last) fine.ends.push(fine.x.length);
  }
  return fine;
}

/** A square of side `side` around a point of the noise: points along its edge, [x, y]. */
export function squareAround([x, y], side) {
  const half = side / 2;
  const part = Array.from({ length: 24 }, (_, i) => (side * i) / 24 - half); // of one edge
  const [low, high] = [(middle) => part.map(() => middle - half), (middle) => part.map(() => middle + half)];
  const [up, down] = [(middle) => part.map((t) => middle + t), (middle) => part.map((t) => middle - t)];
  return [
    [...up(x), ...high(x), ...down(x), ...low(x)],
    [...low(y), ...up(y), ...high(y), ...down(y)],
  ];
}

/** The area inside a ring of points. */
export function areaInside({ count, x, y }) {
  let twice = 0;
  for (let i = 0, next = 1; i < count; i++, next = (i + 1) % count) {
    twice += x[i] * y[next] - x[next] * y[i];
  }
  return Math.abs(twice) / 2;
}

/** Draws a density on a square of size × size pixels that shows −half to half, the first row on top.
 *  `logs` holds its logarithm at the knots, and between three of them it is filled in linearly.
 *  Triangles where it is below `least` are left out. */
export function shade({ x, y }, triangles, logs, least, half, size, into) {
  const pixel = size / (2 * half);
  for (let i = 0; i < triangles.length; i += 3) triangle(triangles[i], triangles[i + 1], triangles[i + 2]);

  function triangle(a, b, c) {
    if (Math.max(logs[a], logs[b], logs[c]) < least) return;
    const ax = (x[a] + half) * pixel - 0.5; // the middle of a pixel has whole coordinates
    const ay = (half - y[a]) * pixel - 0.5;
    const bx = (x[b] - x[a]) * pixel;
    const by = (y[a] - y[b]) * pixel;
    const cx = (x[c] - x[a]) * pixel;
    const cy = (y[a] - y[c]) * pixel;
    const twice = bx * cy - cx * by;
    if (twice === 0) return;
    const left = Math.max(0, Math.ceil(ax + Math.min(0, bx, cx)));
    const right = Math.min(size - 1, Math.floor(ax + Math.max(0, bx, cx)));
    const top = Math.max(0, Math.ceil(ay + Math.min(0, by, cy)));
    const bottom = Math.min(size - 1, Math.floor(ay + Math.max(0, by, cy)));
    const toB = logs[b] - logs[a];
    const toC = logs[c] - logs[a];
    for (let j = top; j <= bottom; j++) {
      let ofB = ((left - ax) * cy - cx * (j - ay)) / twice;
      let ofC = (bx * (j - ay) - (left - ax) * by) / twice;
      for (let i = left; i <= right; i++, ofB += cy / twice, ofC -= by / twice) {
        if (ofB >= -1e-9 && ofC >= -1e-9 && ofB + ofC <= 1 + 1e-9) {
          into[j * size + i] = Math.exp(logs[a] + ofB * toB + ofC * toC);
        }
      }
    }
  }
}

/** A net with room for the log-density at its knots, and its way through the layers. */
export function wanderingNet(layers, { x, y, triangles }, least) {
  const noise = Float64Array.from(x, (value, i) => logNoise(value, y[i]));
  return { noise, triangles, least, logs: new Float64Array(x.length), at: journey(layers, x, y) };
}

/** Draws the density of a net of which the knots are `now` somewhere: log q₀ − log |det J|. */
export function shadeNet({ noise, triangles, logs, least }, now, half, size, into) {
  for (let i = 0; i < noise.length; i++) logs[i] = noise[i] - now.logDet[i];
  shade(now, triangles, logs, least, half, size, into);
}

/** Fills in single pixels that were missed between a net and a finer one. */
export function mend(shades, size) {
  for (let i = size; i < shades.length - size; i++) {
    if (shades[i]) continue;
    const [left, right] = [shades[i - 1], shades[i + 1]];
    const [above, below] = [shades[i - size], shades[i + size]];
    if (left && right) shades[i] = (left + right) / 2;
    else if (above && below) shades[i] = (above + below) / 2;
  }
}
