// A model of two latents whose integrals are sums over a grid: z ~ N(0, I), x | z ~ N(g(z), σ²) with
// a quadratic g. What takes long is a generator that yields after each row, so that a widget can do
// some of it in each frame.

const SPACING = 0.04; // of the noise ε under an ELBO, and how far out it goes
const REACH = 6;
const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** log p(z, x) of a model, log p(x), and log p(z|x). */
export function quadraticModel({ coefficients: [a, b, c, d, e], x, sigma }) {
  const logJoint = (z1, z2) => {
    const g = a * z1 * z1 + b * z2 * z2 + c * z1 * z2 + d * z1 + e * z2;
    const miss = (x - g) / sigma;
    return -0.5 * (z1 * z1 + z2 * z2 + miss * miss) - 3 * HALF_LOG_TWO_PI - Math.log(sigma);
  };
  let sum = 0;
  for (let z1 = -REACH; z1 <= REACH; z1 += SPACING) {
    for (let z2 = -REACH; z2 <= REACH; z2 += SPACING) sum += Math.exp(logJoint(z1, z2));
  }
  const evidence = Math.log(sum * SPACING * SPACING);
  return { logJoint, evidence, logPosterior: (z1, z2) => logJoint(z1, z2) - evidence };
}

/** E[log p(z, x) − log q(z)] under a flow q, over a grid of its noise. A generator: returns it. */
export function* elboOf(flow, model) {
  const count = Math.round(REACH / SPACING);
  const at = (i) => (i - count) * SPACING;
  const weight = Float64Array.from({ length: 2 * count + 1 }, (_, i) => Math.exp(-0.5 * at(i) ** 2));
  const total = weight.reduce((sum, one) => sum + one);
  let sum = 0;
  for (let i = 0; i <= 2 * count; i++) {
    let row = 0;
    for (let j = 0; j <= 2 * count; j++) {
      const [z1, z2, logDet] = flow.forward(at(i), at(j));
      const logNoise = -0.5 * (at(i) ** 2 + at(j) ** 2) - 2 * HALF_LOG_TWO_PI;
      row += weight[j] * (model.logJoint(z1, z2) - logNoise + logDet);
    }
    sum += weight[i] * row;
    yield;
  }
  return sum / (total * total);
}

/** A density in the middles of size × size cells of the square from −half to half, row by row from the
 *  top. A generator: returns them. */
export function* densityOn(size, half, logDensity) {
  const values = new Float32Array(size * size);
  const at = (i) => ((2 * i + 1) / size - 1) * half;
  for (let row = 0; row < size; row++) {
    for (let i = 0; i < size; i++) values[row * size + i] = Math.exp(logDensity(at(i), -at(row)));
    yield;
  }
  return values;
}

/** The density that the points with the given share of all mass are above. */
export function levelOfMass(values, share) {
  const sorted = Float32Array.from(values).sort().reverse();
  const wanted = share * sorted.reduce((sum, one) => sum + one, 0);
  let sum = 0;
  return sorted.find((one) => (sum += one) >= wanted);
}

/** Does some work each time it is asked: add(key, generator, finish) at the end of the line, or with
 *  `first` at its head; work(until) goes on until that time and says whether anything is left. */
export function workInSlices() {
  let waiting = [];
  return {
    add(key, generator, finish, first = false) {
      const job = waiting.find((one) => one.key === key) ?? { key, generator, finish };
      waiting = waiting.filter((one) => one !== job);
      waiting[first ? "unshift" : "push"](job);
    },
    work(until) {
      do {
        const { done = false, value } = waiting[0]?.generator.next() ?? {};
        if (done) waiting.shift().finish(value);
      } while (waiting.length && performance.now() < until);
      return waiting.length > 0;
    },
  };
}
