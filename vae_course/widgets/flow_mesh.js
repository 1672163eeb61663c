// A net over the noise that a flow carries along: its meshes make the picture of the density, its
// threads the grid. And squares whose area can be measured before and after.

export const REACH = 4.5; // the net covers noise from −4.5 to 4.5: all but 2e-5 of it
const CELL = 0.5; // side of a cell of the grid, in the noise
const PER_CELL = 4; // threads of the net for one side of a cell
export const SIDE = (2 * REACH * PER_CELL) / CELL + 1; // 73 threads each way

/** The knots of the net, row by row from below: [x, y]. */
export function netKnots() {
  const at = (i) => -REACH + (i * CELL) / PER_CELL;
  const every = Array.from({ length: SIDE * SIDE }, (_, i) => i);
  return [every.map((i) => at(i % SIDE)), every.map((i) => at(Math.floor(i / SIDE)))];
}

/** The places of the knots on the lines of the grid, up to `reach` from the middle: one list a line. */
export function gridLines(reach = 3) {
  const [first, last] = [-1, 1].map((sign) => ((REACH + sign * reach) * PER_CELL) / CELL);
  const lines = [];
  for (let across = first; across <= last; across += PER_CELL) {
    const along = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    lines.push(along.map((i) => across * SIDE + i), along.map((i) => i * SIDE + across));
  }
  return lines;
}

/** A square of side `side` around a point of the noise: points along its edge, [x, y]. */
export function squareAround([x, y], side) {
  const half = side / 2;
  const part = Array.from({ length: 8 }, (_, i) => (side * i) / 8 - half); // of one edge
  return [
    [...part.map((t) => x + t), ...part.map(() => x + half), ...part.map((t) => x - t), ...part.map(() => x - half)],
    [...part.map(() => y - half), ...part.map((t) => y + t), ...part.map(() => y + half), ...part.map((t) => y - t)],
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

/** exp(log q₀ − log |det J|) at each knot. `noise` holds log q₀. */
export function knotDensities(noise, logDet, into) {
  for (let i = 0; i < noise.length; i++) into[i] = Math.exp(noise[i] - logDet[i]);
  return into;
}

/** The density on a square of size × size pixels that shows −half to half, the first row on top:
 *  between three knots it is filled in linearly. */
export function shade({ x, y }, density, half, size, into) {
  into.fill(0);
  const pixel = size / (2 * half);
  for (let row = 0; row + 1 < SIDE; row++) {
    for (let column = 0; column + 1 < SIDE; column++) {
      const at = row * SIDE + column;
      triangle(at, at + 1, at + SIDE);
      triangle(at + SIDE + 1, at + SIDE, at + 1);
    }
  }
  return into;

  function triangle(a, b, c) {
    if (density[a] + density[b] + density[c] < 1e-4) return;
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
    const toB = density[b] - density[a];
    const toC = density[c] - density[a];
    for (let j = top; j <= bottom; j++) {
      let ofB = ((left - ax) * cy - cx * (j - ay)) / twice;
      let ofC = (bx * (j - ay) - (left - ax) * by) / twice;
      for (let i = left; i <= right; i++, ofB += cy / twice, ofC -= by / twice) {
        if (ofB >= -1e-9 && ofC >= -1e-9 && ofB + ofC <= 1 + 1e-9) {
          into[j * size + i] = density[a] + ofB * toB + ofC * toC;
        }
      }
    }
  }
}
