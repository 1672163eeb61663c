// Densities of one variable, integrals over them, and the way uphill: the mathematics of the widgets
// that fit a Gaussian q = N(μ, σ²). Everything in nats. q is written as [μ, log σ].

export const LOG_ROOT_2PI = 0.5 * Math.log(2 * Math.PI);

/** log N(z; mean, σ²), σ given by its logarithm. */
export function logNormal(z, mean, logSigma) {
  const epsilon = (z - mean) / Math.exp(logSigma);
  return -0.5 * epsilon * epsilon - logSigma - LOG_ROOT_2PI;
}

/** log(eᵃ + eᵇ) without overflow. */
export function logSumExp(a, b) {
  const highest = Math.max(a, b);
  return highest + Math.log1p(Math.exp(-Math.abs(a - b)));
}

/** The rule of trapezoids for averages over ε ~ N(0, 1): E[f(ε)] is the sum of weights[i] f(nodes[i]).
 *  For smooth f its error shrinks faster than any power of the step. The nodes are 0, h, −h, 2h, −2h …
 *  so that an odd f sums to exactly 0: at a point of symmetry no rounding error starts a movement. */
export function normalRule(step, reach = 9) {
  const count = 2 * Math.round(reach / step) + 1;
  const nodes = Float64Array.from({ length: count }, (_, i) => step * Math.ceil(i / 2) * (-1) ** (i + 1));
  const density = nodes.map((epsilon) => Math.exp(logNormal(epsilon, 0, 0)));
  const total = density.reduce((a, b) => a + b);
  return { nodes, weights: density.map((value) => value / total) };
}

/** ∫ q(z) f(z) dz and its derivatives by μ and log σ, for q = [μ, log σ] and f with derivative slope:
 *  pathwise, at z = μ + σε. `at(z)` gives [f, slope]. */
export function gaussianAverage({ nodes, weights }, [mu, logSigma], at) {
  const sigma = Math.exp(logSigma);
  let [value, byMu, byLogSigma] = [0, 0, 0];
  for (let i = 0; i < nodes.length; i++) {
    const [f, slope] = at(mu + sigma * nodes[i]);
    value += weights[i] * f;
    byMu += weights[i] * slope;
    byLogSigma += weights[i] * slope * sigma * nodes[i];
  }
  return { value, gradient: [byMu, byLogSigma] };
}

/** ∫ f(z) dz from low to high by the rule of trapezoids: for an f that vanishes at both ends. */
export function integral(f, low, high, count = 4000) {
  const step = (high - low) / count;
  let total = 0;
  for (let i = 0; i <= count; i++) total += f(low + i * step);
  return total * step;
}

const LONGEST = 0.1; // step in [μ, log σ]: q walks, it does not jump from one mode to another

/** Gradient ascent on objective(q) = {value, gradient} from q = [μ, log σ]. A step that does not
 *  raise the value is halved until it does. Returns all points on the way; at the last one the
 *  gradient is 0, up to `tolerance`. */
export function ascend(objective, start, { rate = 0.1, tolerance = 1e-6 } = {}) {
  const path = [start];
  let here = objective(start);
  while (path.length < 2000 && Math.hypot(...here.gradient) > tolerance) {
    rate = Math.min(rate, LONGEST / Math.hypot(...here.gradient));
    const next = path.at(-1).map((value, i) => value + rate * here.gradient[i]);
    const there = objective(next);
    if (there.value > here.value) {
      path.push(next);
      here = there;
      rate *= 1.3;
    } else {
      rate /= 2;
      if (rate < 1e-12) break; // rounding hides what is still to gain
    }
  }
  return path;
}
