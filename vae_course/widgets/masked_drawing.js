// A network with the weights that its masks leave, and the pattern of a Jacobian.

const RADIUS = 11; // of a unit, in CSS pixels
const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
export const subscript = (number) => [...String(number)].map((digit) => SUBSCRIPTS[digit]).join("");

/** Draws into a chart; units at `place(layer, unit)`. */
export function networkView(shown) {
  let places = []; // places[layer][unit] = [x, y]

  function draw(colours, { degrees, masks, lit, output }) {
    const { context, width, height } = shown.begin(colours);
    const layers = [...degrees, degrees[0]]; // the outputs have the degrees of the inputs
    const x = linearScale(0, layers.length - 1, 46, width - 58);
    places = layers.map((units, layer) => {
      const y = linearScale(0, units.length, 28, height - 2);
      return units.map((_, unit) => [x(layer), y(unit + 0.5)]);
    });
    weights(context, colours, masks, lit);
    layers.forEach((units, layer) =>
      units.forEach((degree, unit) => {
        const on = !lit || lit[layer][unit];
        const colour = layer === layers.length - 1 ? colours.rate : colours.accent;
        circle(context, places[layer][unit], on, colour, colours, degree);
      }),
    );
    const muted = rgb(colours.muted);
    degrees[0].forEach((_, i) => {
      const faint = (on) => rgb(colours.ink, on ? 1 : 0.45);
      const [first, last] = [places[0][i], places.at(-1)[i]];
      label(context, `x${subscript(i + 1)}`, first[0] - RADIUS - 7, first[1], faint(!lit || lit[0][i]), "right");
      const name = `s${subscript(i + 1)}, t${subscript(i + 1)}`;
      label(context, name, last[0] + RADIUS + 7, last[1], faint(output < 0 || output === i), "left");
    });
    label(context, "inputs", places[0][0][0], 8, muted, "center");
    label(context, "outputs", places.at(-1)[0][0], 8, muted, "center");
    const middle = (places[1][0][0] + places.at(-2)[0][0]) / 2;
    label(context, degrees.length > 2 ? "hidden layers" : "hidden layer", middle, 8, muted, "center");
  }

  function weights(context, colours, masks, lit) {
    const strokes = { gone: [], kept: [], lit: [] };
    masks.forEach((mask, layer) =>
      mask.forEach((row, above) =>
        row.forEach((kept, below) => {
          const shining = lit && kept && lit[layer + 1][above] && lit[layer][below];
          strokes[shining ? "lit" : kept ? "kept" : "gone"].push([places[layer][below], places[layer + 1][above]]);
        }),
      ),
    );
    const draw = (lines, style, width, dash) => {
      context.beginPath();
      for (const [[x0, y0], [x1, y1]] of lines) {
        context.moveTo(x0, y0);
        context.lineTo(x1, y1);
      }
      context.strokeStyle = style;
      context.lineWidth = width;
      context.setLineDash(dash);
      context.stroke();
      context.setLineDash([]);
    };
    draw(strokes.gone, rgb(colours.muted, lit ? 0.15 : 0.4), 1, [2, 5]);
    draw(strokes.kept, rgb(colours.accent, lit ? 0.15 : 0.6), 1.25, []);
    draw(strokes.lit, rgb(colours.accent), 2, []);
  }

  function circle(context, [x, y], on, colour, colours, degree) {
    context.beginPath();
    context.arc(x, y, RADIUS, 0, 2 * Math.PI);
    context.fillStyle = rgb(colours.paper);
    context.fill();
    context.lineWidth = on ? 2 : 1;
    context.strokeStyle = rgb(on ? colour : colours.muted, on ? 1 : 0.5);
    context.stroke();
    label(context, String(degree), x, y + 0.5, rgb(on ? colours.ink : colours.muted), "center");
  }

  /** The output nearest to a place, or −1 far from all of them. */
  function outputAt(x, y) {
    const outputs = places.at(-1);
    if (x < outputs[0][0] - 40) return -1;
    const gaps = outputs.map((place) => Math.abs(place[1] - y));
    const nearest = gaps.indexOf(Math.min(...gaps));
    return gaps[nearest] <= 30 ? nearest : -1;
  }

  return { draw, outputAt, places: () => places };
}

/** A square pattern, rows outputs and columns inputs, both in the order of `order`: filled where a
 *  path leads from the input, outlined where one would be allowed, and the diagonal. */
export function patternView(shown) {
  let [cell, rows] = [0, []];

  function draw(colours, { paths, degrees, output }, order) {
    const { context, width } = shown.begin(colours);
    const left = 30;
    cell = (width - left - 2) / order.length;
    rows = order;
    const font = context.font;
    context.font = `${Math.min(12, cell * 0.55)}px ${colours.font}`;
    order.forEach((to, row) => {
      const faded = output >= 0 && output !== to ? 0.3 : 1;
      const y = left + row * cell;
      label(context, `x${subscript(to + 1)}`, left - 6, y + cell / 2, rgb(colours.ink, faded), "right");
      label(context, `x${subscript(to + 1)}`, left + (row + 0.5) * cell, left - 6, rgb(colours.ink), "center", "bottom");
      order.forEach((from, column) => {
        const x = left + column * cell;
        const [px, py, side] = [x + 1.5, y + 1.5, cell - 3];
        if (to === from) {
          context.fillStyle = rgb(colours.rate, 0.75 * faded);
          context.fillRect(px, py, side, side);
        } else if (paths[to][from]) {
          context.fillStyle = rgb(colours.accent, 0.85 * faded);
          context.fillRect(px, py, side, side);
        } else if (degrees[0][from] < degrees[0][to]) {
          context.strokeStyle = rgb(colours.accent, faded);
          context.lineWidth = 1.5;
          context.strokeRect(px + 1, py + 1, side - 2, side - 2);
        } else {
          context.fillStyle = rgb(colours.line, 0.6);
          context.fillRect(px, py, side, side);
        }
      });
    });
    context.font = font;
  }

  /** The output whose row is at a height, or −1. */
  const outputAt = (y) => rows[Math.floor((y - 30) / cell)] ?? -1;

  return { draw, outputAt };
}
