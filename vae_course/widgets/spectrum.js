// The best linear VAE on data with these eigenvalues, in closed form. See collapse_spectrum.py.

/** `eigenvalues` λ, the largest first. Sums over the first k are looked up, so that whole curves can
 *  be drawn in a frame. */
export function spectrum(eigenvalues) {
  const n = eigenvalues.length;
  const logs = new Float64Array(n + 1); // Σ log λ of the first k
  const rest = new Float64Array(n + 1); // Σ λ of all but the first k
  for (let k = 0; k < n; k++) logs[k + 1] = logs[k] + Math.log(eigenvalues[k]);
  for (let k = n - 1; k >= 0; k--) rest[k] = rest[k + 1] + eigenvalues[k];

  /** How many of d latents are active with the line at h. */
  function active(level, latents) {
    let [low, high] = [0, latents];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (eigenvalues[middle] > level) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Rate in nats, squared error (summed over the dimensions) and the number of active latents. */
  function point(level, latents) {
    const k = active(level, latents);
    const rate = 0.5 * (logs[k] - k * Math.log(level));
    return { active: k, rate, squaredError: k * level + rest[k] };
  }

  /** All of it, at σ² and β, for d latents; `elbo` is the bound itself, without β. */
  function optimum(variance, beta, latents) {
    const level = beta * variance;
    const found = point(level, latents);
    const distortion = 0.5 * (found.squaredError / variance + n * Math.log(2 * Math.PI * variance));
    return { level, ...found, distortion, elbo: -distortion - found.rate };
  }

  /** KL of each of d latents, in nats. */
  const rates = (level, latents) =>
    [...eigenvalues.slice(0, latents)].map((value) => Math.max(0, 0.5 * Math.log(value / level)));

  /** The σ² at which the ELBO is best at β = 1: the mean of the variances that got no latent. */
  const learnedVariance = (latents) => rest[latents] / (n - latents);

  return { n, total: rest[0], point, optimum, rates, learnedVariance };
}
