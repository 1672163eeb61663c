// The masks of a MADE, and what follows from them: see vae_course/flows/masks.py.

/** Numbers 0 … count − 1 in a random order. */
export function shuffled(count, uniform) {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** The degree of each unit: inputs first, then the hidden layers, each sorted. `order` names the
 *  inputs in the order in which they come. Spread evenly over 1 … D − 1, or drawn by `uniform`. */
export function unitDegrees(order, hidden, uniform = null) {
  const most = Math.max(1, order.length - 1);
  const inputs = order.map((_, feature) => order.indexOf(feature) + 1);
  const degree = (unit) => 1 + (uniform ? Math.floor(uniform() * most) : unit % most);
  const layer = (size) => Array.from({ length: size }, (_, unit) => degree(unit)).sort((a, b) => a - b);
  return [inputs, ...hidden.map(layer)];
}

/** One mask for each layer of weights, mask[output][input]: true where the weight survives. */
export function masksOf(degrees) {
  const [inputs, last] = [degrees[0], degrees.at(-1)];
  const hidden = degrees.slice(1).map((after, layer) =>
    after.map((m) => degrees[layer].map((before) => m >= before)),
  );
  return [...hidden, inputs.map((k) => last.map((m) => k > m))];
}

/** How many paths lead from each input to each output: paths[output][input]. */
export function pathCounts(masks) {
  const size = masks[0][0].length;
  const identity = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => +(i === j)));
  return masks.reduce(
    (before, mask) =>
      mask.map((row) =>
        before[0].map((_, input) => row.reduce((sum, kept, unit) => sum + (kept ? before[unit][input] : 0), 0)),
      ),
    identity,
  );
}

/** Which units lead to an output, layer by layer: lit[layer][unit], the inputs first, outputs last. */
export function ancestors(masks, output) {
  const lit = [masks.at(-1).map((_, unit) => unit === output)];
  for (const mask of [...masks].reverse()) {
    lit.unshift(mask[0].map((_, unit) => mask.some((row, above) => lit[0][above] && row[unit])));
  }
  return lit;
}

/** In how many steps all features can be found if each needs those that it depends on: the longest
 *  chain of dependences. `order` names the features so that each comes after what it needs. */
export function stepsNeeded(paths, order) {
  const step = [];
  for (const feature of order) {
    step[feature] = 1 + Math.max(0, ...order.filter((from) => paths[feature][from]).map((from) => step[from]));
  }
  return Math.max(...step);
}
