// Layers of a flow in the plane, each of which can be used in part: amount 0 is the identity, 1 the
// whole layer, and every amount between them is a map that can be inverted, too.
//
//   planar    z + a u tanh(wᵀz + b)          log det = log(1 + a wᵀu (1 − tanh²))
//   coupling  y = x exp(a s) + a t           log det = a s        s, t given the other coordinate
//
// A planar layer has an inverse as long as wᵀu ≥ −1; then so has every part of it, as a wᵀu ≥ −a.

/** Points with the log |det J| of the way they came, and two numbers that a layer notes of each. */
export function cloud(x, y) {
  const count = x.length;
  const zeros = () => new Float64Array(count);
  const [xs, ys] = [Float64Array.from(x), Float64Array.from(y)];
  return { count, x: xs, y: ys, logDet: zeros(), first: zeros(), second: zeros() };
}

/** `w`, `u`: two numbers each; u is the one that keeps wᵀu ≥ −1. */
export function planarLayer({ w, u, b }) {
  const product = w[0] * u[0] + w[1] * u[1];
  return {
    /** Notes what every amount of the layer needs. */
    look({ count, x, y, first }) {
      for (let i = 0; i < count; i++) first[i] = Math.tanh(w[0] * x[i] + w[1] * y[i] + b);
    },
    move({ count, x, y, logDet, first }, amount, to) {
      for (let i = 0; i < count; i++) {
        const tanh = first[i];
        to.x[i] = x[i] + amount * u[0] * tanh;
        to.y[i] = y[i] + amount * u[1] * tanh;
        to.logDet[i] = logDet[i] + Math.log1p(amount * product * (1 - tanh * tanh));
      }
    },
    /** The point that `move` brings to (x, y): along w it is the root of a rising function. */
    back([x, y], amount) {
      const wanted = w[0] * x + w[1] * y;
      const reach = Math.abs(amount * product);
      let [low, high] = [wanted - reach, wanted + reach];
      for (let i = 0; i < 60; i++) {
        const middle = (low + high) / 2;
        if (middle + amount * product * Math.tanh(middle + b) < wanted) low = middle;
        else high = middle;
      }
      const tanh = Math.tanh((low + high) / 2 + b);
      return [x - amount * u[0] * tanh, y - amount * u[1] * tanh];
    },
  };
}

/** `moved`: the coordinate that is moved, 0 or 1. conditioner(value) gives s and t for the value of
 *  the other one, which stays. */
export function couplingLayer(moved, conditioner) {
  const names = moved === 0 ? ["y", "x"] : ["x", "y"]; // what stays, what moves
  return {
    look(points) {
      const given = points[names[0]];
      for (let i = 0; i < points.count; i++) {
        [points.first[i], points.second[i]] = conditioner(given[i]);
      }
    },
    move(points, amount, to) {
      const { count, logDet, first, second } = points;
      to[names[0]].set(points[names[0]]);
      const [from, into] = [points[names[1]], to[names[1]]];
      for (let i = 0; i < count; i++) {
        into[i] = from[i] * Math.exp(amount * first[i]) + amount * second[i];
        to.logDet[i] = logDet[i] + amount * first[i];
      }
    },
    back(point, amount) {
      const [s, t] = conditioner(point[1 - moved]);
      return point.with(moved, (point[moved] - amount * t) * Math.exp(-amount * s));
    },
  };
}

/** Points on their way through the layers: the function returned gives them at a depth, in the same
 *  arrays each time. What lies before the last whole layer is computed once and kept, in `stops`. */
export function journey(layers, x, y) {
  const stops = [cloud(x, y)];
  const shown = cloud(x, y);
  layers[0]?.look(stops[0]);
  const at = (depth) => {
    const whole = Math.min(Math.floor(depth), layers.length - 1);
    while (stops.length <= whole) {
      const [last, next] = [stops.at(-1), cloud(x, y)];
      layers[stops.length - 1].move(last, 1, next);
      layers[stops.length].look(next);
      stops.push(next);
    }
    layers[whole].move(stops[whole], depth - whole, shown);
    return shown;
  };
  return Object.assign(at, { stops });
}

/** The points at every whole depth, from the noise to the last layer. */
export function wholeWay(layers, x, y) {
  const at = journey(layers, x, y);
  const last = at(layers.length);
  return [...at.stops, last];
}

/** Where a point at some depth came from. */
export function goBack(layers, depth, point) {
  for (let k = layers.length - 1; k >= 0; k--) {
    if (depth > k) point = layers[k].back(point, Math.min(1, depth - k));
  }
  return point;
}

/** log N(z; 0, I) in the plane. */
export const logNoise = (x, y) => -0.5 * (x * x + y * y) - Math.log(2 * Math.PI);
