// Contours of values on a grid.

/** The lines on which a grid's values equal each of the rising levels, as points x₀, y₀, x₁, y₁, … in
 *  units of cells. A side of a cell is crossed where its corners lie on different sides of a level. */
export function contours(values, columns, levels) {
  const lines = levels.map(() => []);
  const below = Uint8Array.from(values, (value) => levels.filter((level) => level < value).length);
  const cross = (line, level, a, b, x, y, dx, dy) => {
    if (a > level === b > level) return;
    const t = (level - a) / (b - a);
    line.push(x + t * dx, y + t * dy);
  };
  for (let at = 0; at + columns + 1 < values.length; at++) {
    const [x, y] = [at % columns, Math.floor(at / columns)];
    if (x === columns - 1) continue;
    const above = at + columns;
    const first = Math.min(below[at], below[at + 1], below[above], below[above + 1]);
    const last = Math.max(below[at], below[at + 1], below[above], below[above + 1]);
    for (let k = first; k < last; k++) {
      const [line, level] = [lines[k], levels[k]];
      cross(line, level, values[at], values[at + 1], x, y, 1, 0);
      cross(line, level, values[at + 1], values[above + 1], x + 1, y, 0, 1);
      cross(line, level, values[above], values[above + 1], x, y + 1, 1, 0);
      cross(line, level, values[at], values[above], x, y, 0, 1);
    }
  }
  return lines;
}
