// Two estimators of the gradient of E f(z), z = μ + σ ε, ε ~ N(0, 1), from K samples:
//
//   score function:  mean of (f(z) − b) s(ε),   s = ε/σ for μ,  (ε² − 1)/σ for σ
//   pathwise:        mean of f′(z) t(ε),        t = 1   for μ,  ε          for σ
//
// All that is exact here is an expectation of f, f², f′ or f′² times a polynomial in ε. A polynomial
// is the list of its coefficients, the constant first.

/** The density of N(0, 1). */
export const normalDensity = (x) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);

/** P(ε < x) = 1/2 + φ(x) (x + x³/3 + x⁵/(3·5) + …), within 1e-15. */
export function normalCdf(x) {
  if (Math.abs(x) > 9) return x > 0 ? 1 : 0;
  let [term, sum, last] = [x, x, NaN];
  for (let n = 3; sum !== last; n += 2) {
    last = sum;
    term *= (x * x) / n;
    sum += term;
  }
  return 0.5 + sum * normalDensity(x);
}

const evaluate = (p, x) => p.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
const derivative = (p) => p.slice(1).map((coefficient, i) => coefficient * (i + 1));

function multiply(p, q) {
  const product = new Array(Math.max(p.length + q.length - 1, 0)).fill(0);
  p.forEach((a, i) => q.forEach((b, j) => (product[i + j] += a * b)));
  return product;
}

/** p(μ + σ ε) as a polynomial in ε. */
function inEpsilon(p, mean, sigma) {
  return p.reduceRight((sum, coefficient) => {
    const next = multiply(sum, [mean, sigma]);
    next[0] = (next[0] ?? 0) + coefficient;
    return next;
  }, []);
}

/** f(z) = p(z) where z > edge, else 0. Its slope is that of p, and 0 below: the jump is not seen. */
function polynomialAbove(p, edge = -Infinity) {
  const slope = derivative(p);
  return {
    value: (z) => (z > edge ? evaluate(p, z) : 0),
    slope: (z) => (z > edge ? evaluate(slope, z) : 0),
    expectations(mean, sigma) {
      const from = (edge - mean) / sigma;
      const expect = (g) => (r) => {
        const product = multiply(inEpsilon(g, mean, sigma), r);
        const moments = momentsAbove(from, product.length);
        return product.reduce((sum, coefficient, k) => sum + coefficient * moments[k], 0);
      };
      return {
        value: expect(p),
        square: expect(multiply(p, p)),
        slope: expect(slope),
        slopeSquare: expect(multiply(slope, slope)),
      };
    },
  };
}

/** E[ε^k 1{ε > t}] for k < count: integration by parts takes k down by two. */
function momentsAbove(t, count) {
  const density = normalDensity(t);
  const moments = [1 - normalCdf(t), density];
  for (let k = 2; k < count; k++) {
    const boundary = density ? t ** (k - 1) * density : 0; // t may be −∞
    moments.push(boundary + (k - 1) * moments[k - 2]);
  }
  return moments;
}

/** f(z) = sin(c z). Squares are waves of twice the frequency: sin² = ½ − ½ cos 2cz. */
function sine(c) {
  return {
    value: (z) => Math.sin(c * z),
    slope: (z) => c * Math.cos(c * z),
    expectations(mean, sigma) {
      const wave = (n, phase) => (r) => expectedWave(n * c * sigma, n * c * mean + phase, r);
      const constant = (r) => expectedWave(0, 0, r);
      return {
        value: wave(1, -Math.PI / 2),
        square: (r) => 0.5 * constant(r) - 0.5 * wave(2, 0)(r),
        slope: (r) => c * wave(1, 0)(r),
        slopeSquare: (r) => c * c * (0.5 * constant(r) + 0.5 * wave(2, 0)(r)),
      };
    },
  };
}

/** E[r(ε) cos(a ε + phase)]. By Stein's identity E[ε^k e^{iaε}] = i^k m_k with the m_k below. */
function expectedWave(a, phase, r) {
  let [before, m, sum] = [0, Math.exp(-a * a / 2), 0];
  r.forEach((coefficient, k) => {
    sum += coefficient * m * Math.cos(phase + (k * Math.PI) / 2);
    [before, m] = [m, a * m - k * before];
  });
  return sum;
}

/** The integrand of that name: {value(z), slope(z), expectations(mean, sigma)}. */
export function integrandNamed(name, frequency = 1) {
  if (name === "sine") return sine(frequency);
  return {
    square: polynomialAbove([0, 0, 1]),
    cubic: polynomialAbove([0, -3, 0, 1]),
    relu: polynomialAbove([0, 1], 0),
    step: polynomialAbove([1], 0),
  }[name];
}

/** s and t of the estimators, as polynomials in ε. */
function weights(parameter, sigma) {
  return parameter === "mean"
    ? { score: [0, 1 / sigma], pathwise: [1] }
    : { score: [-1 / sigma, 0, 1 / sigma], pathwise: [0, 1] };
}

/** The gradient, b = E f(z) or 0, and mean and variance of each estimator for one sample. */
export function exactMoments({ integrand, frequency, mean, sigma, parameter, baseline }) {
  const expect = integrandNamed(integrand, frequency).expectations(mean, sigma);
  const { score, pathwise } = weights(parameter, sigma);
  const gradient = expect.value(score); // the score function is unbiased for any f
  const b = baseline ? expect.value([1]) : 0;
  const squared = multiply(score, score);
  const scoreSquare =
    expect.square(squared) -
    2 * b * expect.value(squared) +
    b * b * expectedWave(0, 0, squared);
  const slope = expect.slope(pathwise);
  const slopeSquare = expect.slopeSquare(multiply(pathwise, pathwise));
  return {
    gradient,
    b,
    score: { mean: gradient, variance: Math.max(0, scoreSquare - gradient * gradient) },
    pathwise: { mean: slope, variance: Math.max(0, slopeSquare - slope * slope) },
  };
}

/** Many estimates, made a few at a time: start(values, b), then advance(until) in each frame. The
 *  noise is drawn once, so that moving a slider moves the samples and does not draw others. */
export function estimateMaker(repetitions, mostSamples) {
  const noise = new Float64Array(repetitions * mostSamples);
  const estimates = {
    score: new Float64Array(repetitions),
    pathwise: new Float64Array(repetitions),
  };
  let [draw, drawn, done, run] = [null, 0, 0, null];

  function estimate(repetition) {
    const { integrand, factors, b, mean, sigma, samples } = run;
    const end = (repetition + 1) * samples;
    while (drawn < end) noise[drawn++] = draw();
    let [score, pathwise] = [0, 0];
    for (let i = end - samples; i < end; i++) {
      const z = mean + sigma * noise[i];
      score += (integrand.value(z) - b) * evaluate(factors.score, noise[i]);
      pathwise += integrand.slope(z) * evaluate(factors.pathwise, noise[i]);
    }
    estimates.score[repetition] = score / samples;
    estimates.pathwise[repetition] = pathwise / samples;
  }

  return {
    noise,
    estimates,
    repetitions,
    get done() {
      return done;
    },
    reseed(normal) {
      [draw, drawn, done] = [normal, 0, 0];
    },
    start(values, b) {
      const integrand = integrandNamed(values.integrand, values.frequency);
      run = { ...values, integrand, b, factors: weights(values.parameter, values.sigma) };
      done = 0;
    },
    /** Works until performance.now() reaches `until`; says whether all is done. */
    advance(until) {
      while (done < repetitions && performance.now() < until) estimate(done++);
      return done === repetitions;
    },
  };
}

/** Mean and variance of the first `count` numbers. */
export function meanAndVariance(numbers, count) {
  let [mean, squares] = [0, 0];
  for (let i = 0; i < count; i++) {
    const distance = numbers[i] - mean;
    mean += distance / (i + 1);
    squares += distance * (numbers[i] - mean);
  }
  return { mean, variance: squares / (count - 1) };
}
