// What the encoder approximates. With two latents the true posterior can be had by brute force:
//
//   p(x) = ∫ p(x|z) p(z) dz   and   p(z|x) = p(x|z) p(z) / p(x)
//
// on a grid of squares around q's mean, each with the value in its middle. The same values average
// the distortion over q: no sampling is needed. What p(z|x) holds outside the grid is missed, so the
// sum for p(x) is at most p(x), up to the rule's own error, which is tiny for smooth integrands.

const STEP = 0.4; // between nodes, in q's standard deviations: for a Gaussian, as good as exact
const MOST = 40; // nodes along an axis
const SLICE = 8; // ms of work at a time: the page stays alive

/** −log p(x|z) in nats, for logits of Bernoulli pixels and a picture of zeros and ones. */
export function distortionOf(logits, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += pixelNats(logits[i], x[i]);
  return sum;
}

/** −log of the probability of one pixel: softplus(logit) − x · logit, without overflow. */
export function pixelNats(logit, x) {
  return Math.max(logit, 0) - x * logit + Math.log1p(Math.exp(-Math.abs(logit)));
}

/** KL(q‖p) in nats of q = N(μ, diag σ²) from p = N(0, I), exactly. */
export function rateOf(mu, logVar) {
  return mu.reduce((sum, m, i) => sum + 0.5 * (m * m + Math.exp(logVar[i]) - 1 - logVar[i]), 0);
}

/** Works through a grid that covers μ ± reach on both axes, in slices of time, then calls
 *  done({logEvidence, distortion, shade}). `distortionAt(z)` is −log p(x|z). Returns stop(). */
export function truePosterior({ mu, sigma, reach, distortionAt, done }) {
  const nodes = sigma.map((s) => Math.min(MOST, Math.round((2 * reach) / s / STEP)));
  const step = nodes.map((count) => (2 * reach) / count); // in the latent plane
  const logJoint = new Float64Array(nodes[0] * nodes[1]);
  let [weights, distortion, node] = [0, 0, 0];
  let timer = null;

  const slice = () => {
    const start = performance.now();
    while (node < logJoint.length && performance.now() - start < SLICE) {
      const column = node % nodes[0];
      const row = Math.floor(node / nodes[0]); // rows run downwards, z₂ upwards
      const z = [mu[0] - reach + step[0] * (column + 0.5), mu[1] + reach - step[1] * (row + 0.5)];
      const epsilon = z.map((value, i) => (value - mu[i]) / sigma[i]);
      const D = distortionAt(z);
      const q = Math.exp(-0.5 * squaredLength(epsilon));
      weights += q;
      distortion += q * D;
      logJoint[node++] = -D - 0.5 * squaredLength(z) - Math.log(2 * Math.PI);
    }
    if (node < logJoint.length) timer = setTimeout(slice, 0);
    else finish();
  };
  const finish = () => {
    const highest = logJoint.reduce((a, b) => Math.max(a, b));
    const density = logJoint.map((value) => Math.exp(value - highest));
    const sum = density.reduce((a, b) => a + b);
    done({
      logEvidence: highest + Math.log(sum * step[0] * step[1]),
      distortion: distortion / weights,
      shade: shades(density, nodes),
    });
  };
  timer = setTimeout(slice, 0);
  return () => clearTimeout(timer);
}

const squaredLength = (values) => values.reduce((sum, value) => sum + value * value, 0);

/** The density as a small picture, ink where it is high, clear where it is low: made anew only when
 *  the colour of the ink changes. */
function shades(density, [width, height]) {
  const canvas = element("canvas", { width, height });
  let drawn = "";
  return (colour) => {
    if (drawn !== String(colour)) {
      const image = new ImageData(width, height);
      density.forEach((value, i) => image.data.set([...colour, 150 * value], 4 * i));
      canvas.getContext("2d").putImageData(image, 0, 0);
      drawn = String(colour);
    }
    return canvas;
  };
}
