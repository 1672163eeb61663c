// Planar flows of two variables: z₀ = m + Aε, then z → z + u tanh(wᵀz + b) for each layer, with the
// logarithm of how much area grows. Rezende & Mohamed 2015.

/** The root a of a + m tanh a = r, for m > −1: Newton's method from a side of the root where it never
 *  leaps over it. In the middle of two sides it may go to and fro for ever. See `solve` in
 *  vae_course/flows/planar_radial.py. */
export function rootAlongWeight(r, m) {
  const size = Math.abs(r);
  const [linear, far] = [size / (1 + m), size - m];
  const cubic = Math.cbrt((5 * size) / Math.max(Math.abs(m), 0.1));
  let a = m > 0 ? Math.max(linear, far) : Math.min(linear, far, cubic <= 1 ? cubic : Infinity);
  for (let i = 0; i < 60; i++) {
    const t = Math.tanh(a);
    const step = (a + m * t - size) / (1 + m * (1 - t * t));
    a -= step;
    if (Math.abs(step) < 1e-12) break;
  }
  return Math.sign(r) * a;
}

/** `mean` m; `scale` the lower triangle of A, row by row; `layers` a list of [w₁, w₂, u₁, u₂, b].
 *  forward(ε₁, ε₂) and inverse(z₁, z₂) give three numbers in an array that the next call overwrites:
 *  the point, and log |det| of the map that was asked for. */
export function planarFlow({ mean, scale: [s1, below, s2], layers }) {
  const out = new Float64Array(3);
  const affine = Math.log(s1) + Math.log(s2);

  function forward(e1, e2) {
    let z1 = mean[0] + s1 * e1;
    let z2 = mean[1] + below * e1 + s2 * e2;
    let growth = 1;
    for (const [w1, w2, u1, u2, b] of layers) {
      const t = Math.tanh(w1 * z1 + w2 * z2 + b);
      z1 += u1 * t;
      z2 += u2 * t;
      growth *= 1 + (w1 * u1 + w2 * u2) * (1 - t * t);
    }
    out[0] = z1;
    out[1] = z2;
    out[2] = affine + Math.log(growth);
    return out;
  }

  function inverse(z1, z2) {
    let growth = 1;
    for (let k = layers.length - 1; k >= 0; k--) {
      const [w1, w2, u1, u2, b] = layers[k];
      const slope = w1 * u1 + w2 * u2;
      const t = Math.tanh(rootAlongWeight(w1 * z1 + w2 * z2 + b, slope));
      z1 -= u1 * t;
      z2 -= u2 * t;
      growth *= 1 + slope * (1 - t * t);
    }
    out[0] = (z1 - mean[0]) / s1;
    out[1] = (z2 - mean[1] - below * out[0]) / s2;
    out[2] = -affine - Math.log(growth);
    return out;
  }

  /** log q(z): the density of the noise that became z, and how much area shrank on the way back. */
  function logDensity(z1, z2) {
    const [e1, e2, logDet] = inverse(z1, z2);
    return -0.5 * (e1 * e1 + e2 * e2) - LOG_TWO_PI + logDet;
  }

  return { forward, inverse, logDensity };
}

const LOG_TWO_PI = Math.log(2 * Math.PI);
