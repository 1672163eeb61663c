// Importance weights where everything is known: in each of d dimensions the true posterior is
// N(0, 1) and q = N(m, s²). With z = m + s ε,
//
//   log w − log p(x) = Σ_j log p(z_j|x) − log q(z_j) = d log s + ½ (1 − s²) Σ ε² − m s Σ ε − ½ d m²
//
// Every linear-Gaussian model looks like this, in coordinates in which its posterior is N(0, I).

export const SAMPLE_COUNTS = [
  1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000,
];

/** Shift and scale of each of d dimensions. `total`: as given for one dimension, and smaller for
 *  more, so that both parts of KL(q ‖ p(z|x)), that of the shift and that of the scale, add up to
 *  what they are for one. */
export function mismatch({ shift, scale, dimensions, total }) {
  if (!total) return { m: shift, s: scale };
  const cost = (s) => s * s - 1 - 2 * Math.log(s);
  const wanted = cost(scale) / dimensions;
  let [near, far] = [1, scale]; // the cost grows from 1 on, to both sides: halve the interval
  for (let i = 0; i < 60; i++) {
    const middle = 0.5 * (near + far);
    if (cost(middle) < wanted) near = middle;
    else far = middle;
  }
  return { m: shift / Math.sqrt(dimensions), s: 0.5 * (near + far) };
}

/** Closed forms: KL in both directions, the spread of log w, and what becomes of ESS / K. */
export function exactTightness(values) {
  const { m, s } = mismatch(values);
  const d = values.dimensions;
  const v = s * s;
  // E w = p(x), and E w² is finite only where p²/q can be integrated.
  const denominator = 2 * v - 1;
  const logSecond = Math.log(v) - 0.5 * Math.log(denominator) + (m * m) / denominator;
  return {
    klQP: 0.5 * d * (m * m + v - 1 - 2 * Math.log(s)), // log p(x) − ELBO
    klPQ: 0.5 * d * ((1 + m * m) / v - 1 + 2 * Math.log(s)),
    logWeightVariance: d * (0.5 * (1 - v) ** 2 + m * m * v),
    essFraction: denominator > 0 ? Math.exp(-d * logSecond) : 0, // (E w)² / E w²
  };
}

/** Σ ε and Σ ε² over d standard normal numbers, from one of them: Σ ε = √d g, and what Σ ε² has
 *  beside g² is χ² with d − 1 degrees of freedom, two of them at a time −2 log of a uniform. */
function sums(d, normal, uniform) {
  const g = normal();
  let product = 1;
  for (let i = 1; i + 1 < d; i += 2) product *= uniform();
  const odd = d % 2 ? 0 : normal(); // d − 1 is odd
  return [Math.sqrt(d) * g, g * g + odd * odd - 2 * Math.log(product)];
}

/** Many runs of K = 1 … 1000 samples, made a few at a time: start(values, seed), then advance(until)
 *  in each frame. At each count of samples, a run gives L_K − log p(x), ESS / K and the largest
 *  normalised weight. The noise of a seed and a dimension is drawn once. */
export function boundMaker(runs) {
  const counts = SAMPLE_COUNTS;
  const most = counts.at(-1);
  const noise = [new Float64Array(runs * most), new Float64Array(runs * most)];
  const table = () => counts.map(() => new Float64Array(runs));
  const results = { bound: table(), ess: table(), largest: table() };
  const firstLogWeights = new Float64Array(most);
  let [draws, drawn, done, run] = [null, 0, 0, null];

  /** Sums of w and w², and the largest w, kept divided by the largest so far: nothing overflows. */
  function oneRun(index) {
    const { d, linear, quadratic, constant } = run;
    while (drawn < (index + 1) * most) {
      [noise[0][drawn], noise[1][drawn]] = sums(d, ...draws);
      drawn += 1;
    }
    let [highest, sum, squares, place] = [-Infinity, 0, 0, 0];
    for (let k = 1; k <= most; k++) {
      const at = index * most + k - 1;
      const logWeight = constant + linear * noise[0][at] + quadratic * noise[1][at];
      if (index === 0) firstLogWeights[k - 1] = logWeight;
      if (logWeight > highest) {
        const factor = Math.exp(highest - logWeight);
        [sum, squares, highest] = [sum * factor + 1, squares * factor * factor + 1, logWeight];
      } else {
        const weight = Math.exp(logWeight - highest);
        sum += weight;
        squares += weight * weight;
      }
      if (k === counts[place]) {
        results.bound[place][index] = highest + Math.log(sum / k);
        results.ess[place][index] = (sum * sum) / squares / k;
        results.largest[place][index] = 1 / sum;
        place += 1;
      }
    }
  }

  return {
    runs,
    counts,
    results,
    firstLogWeights,
    get done() {
      return done;
    },
    /** `makeNormal` and `makeUniform` give a stream of numbers for a seed. */
    start(values, makeNormal, makeUniform) {
      const d = values.dimensions;
      if (values.seed !== run?.seed || d !== run.d) {
        draws = [makeNormal(2 * values.seed), makeUniform(2 * values.seed + 1)];
        drawn = 0;
      }
      const { m, s } = mismatch(values);
      const constant = d * (Math.log(s) - 0.5 * m * m);
      run = { seed: values.seed, d, constant, linear: -m * s, quadratic: 0.5 * (1 - s * s) };
      done = 0;
    },
    /** Works until performance.now() reaches `until`; says whether all is done. */
    advance(until) {
      while (done < runs && performance.now() < until) oneRun(done++);
      return done === runs;
    },
  };
}

/** Mean and the 10th and 90th percentile of the first `count` numbers. */
export function summary(numbers, count) {
  const sorted = numbers.slice(0, count).sort();
  const mean = sorted.reduce((sum, number) => sum + number, 0) / count;
  const at = (part) => sorted[Math.round(part * (count - 1))];
  return { mean, low: at(0.1), high: at(0.9) };
}

/** Normalised weights, the largest first. */
export function normalisedWeights(logWeights) {
  const sorted = Float64Array.from(logWeights).sort().reverse();
  const weights = sorted.map((logWeight) => Math.exp(logWeight - sorted[0]));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
