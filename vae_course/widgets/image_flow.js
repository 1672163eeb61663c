// A flow for images, layer by layer and in both directions, on typed arrays in torch's order
// (channels, height, width). See vae_course/flows: reshaping, convolution, image_coupling, multiscale.
//
//   const flow = imageFlow(layers, n);          // as glow_sampler.py writes them, noise first
//   const { x, logProb } = flow.decode(z);      // from noise to a picture
//   const { z, logProb } = flow.encode(x);      // from a picture to noise
//
// decoding(z) and encoding(x) are the same as generators, which yield after each layer.

export function imageFlow(layers, n) {
  const steps = [];
  let shape = null;
  let first = n; // the noise from here on has been used; what is left is put back later
  for (const layer of layers) {
    const built = IMAGE_LAYERS[layer.type](layer, shape);
    shape = built.shape;
    steps.push(built);
    if (built.noise) built.from = first -= built.noise;
  }
  if (first !== 0) throw new Error(`image_flow.js: the layers take ${n - first} numbers, not ${n}`);
  const logNormal = (z) => z.reduce((sum, one) => sum - 0.5 * one * one, (-n / 2) * Math.log(2 * Math.PI));

  function* decoding(z) {
    let [h, logDet] = [null, 0];
    for (const { forward, noise, from } of steps) {
      const [next, grows] = forward(h, noise && z.subarray(from, from + noise));
      h = next;
      logDet += grows;
      yield;
    }
    return { x: h, logProb: logNormal(z) - logDet };
  }

  function* encoding(x) {
    const z = new Float64Array(n);
    let [h, logDet] = [Float64Array.from(x), 0];
    for (const { inverse, noise, from } of [...steps].reverse()) {
      const [next, grows] = inverse(h, noise && z.subarray(from, from + noise));
      h = next;
      logDet += grows;
      yield;
    }
    return { z, logProb: logNormal(z) + logDet };
  }

  return { n, decoding, encoding, decode: (z) => finished(decoding(z)), encode: (x) => finished(encoding(x)) };
}

/** Runs a generator to its end, and gives what it returns. */
export function finished(generator) {
  for (;;) {
    const { done, value } = generator.next();
    if (done) return value;
  }
}

const BOUND = 2; // of the log-scales, see image_coupling.py
const bounded = (s) => BOUND * Math.tanh(s / BOUND);
const size = ([channels, height, width]) => channels * height * width;

// forward(h, noise) and inverse(h, noise) return [what h becomes, log |det|]. A layer that takes noise
// says how much; its inverse writes it.
export const IMAGE_LAYERS = {
  /** The coarsest level's noise is where an image begins. */
  start: ({ shape }) => ({
    shape,
    noise: size(shape),
    forward: (_, noise) => [noise.slice(), 0],
    inverse: (h, noise) => (noise.set(h), [null, 0]),
  }),

  /** The second half of the channels is noise of a Gaussian that the first half gives. */
  put_back({ network }, shape) {
    const half = size(shape);
    const gaussian = scaleAndShift(network, half, true);
    return {
      shape: [2 * shape[0], shape[1], shape[2]],
      noise: half,
      forward(h, noise) {
        const both = new Float64Array(2 * half);
        both.set(h);
        return [both, gaussian(h, (i, s, mean) => (both[half + i] = noise[i] * Math.exp(s) + mean))];
      },
      inverse(h, noise) {
        const first = h.slice(0, half);
        return [first, -gaussian(first, (i, s, mean) => (noise[i] = (h[half + i] - mean) * Math.exp(-s)))];
      },
    };
  },

  /** The first half of the channels stays, and says how the second is scaled and shifted. */
  coupling({ network }, shape) {
    const half = size(shape) / 2;
    const move = scaleAndShift(network, half, false);
    return {
      shape,
      forward(h) {
        const stays = h.subarray(0, half);
        return [h, move(stays, (i, s, t) => (h[half + i] = h[half + i] * Math.exp(s) + t))];
      },
      inverse(h) {
        const stays = h.subarray(0, half);
        return [h, -move(stays, (i, s, t) => (h[half + i] = (h[half + i] - t) * Math.exp(-s)))];
      },
    };
  },

  /** W multiplies the channels of each pixel on the way to the noise, W⁻¹ on the way back. */
  convolution({ weight }, shape) {
    const { inverse, logDet } = invertMatrix(weight, shape[0]);
    const grows = shape[1] * shape[2] * logDet;
    const pixels = shape[1] * shape[2];
    return {
      shape,
      forward: (h) => [multiply(inverse, h, shape[0], pixels), -grows],
      inverse: (h) => [multiply(weight, h, shape[0], pixels), grows],
    };
  },

  actnorm({ log_scale: logScale, shift }, shape) {
    const pixels = shape[1] * shape[2];
    const scale = logScale.map(Math.exp);
    const grows = pixels * logScale.reduce((sum, one) => sum + one, 0);
    const each = (h, change) => h.forEach((one, i) => (h[i] = change(one, Math.floor(i / pixels))));
    return {
      shape,
      forward: (h) => (each(h, (one, c) => one * scale[c] + shift[c]), [h, grows]),
      inverse: (h) => (each(h, (one, c) => (one - shift[c]) / scale[c]), [h, -grows]),
    };
  },

  /** Four channels of a pixel become a block of 2 × 2 pixels. */
  unsqueeze(_, [channels, height, width]) {
    const from = new Int32Array(channels * height * width); // where each number of the result was
    for (let c = 0, to = 0; c < channels / 4; c++) {
      for (let y = 0; y < 2 * height; y++) {
        for (let x = 0; x < 2 * width; x++) {
          const channel = 4 * c + 2 * (y % 2) + (x % 2);
          from[to++] = (channel * height + (y >> 1)) * width + (x >> 1);
        }
      }
    }
    return {
      shape: [channels / 4, 2 * height, 2 * width],
      forward: (h) => [h.map((_, i) => h[from[i]]), 0],
      inverse(h) {
        const squeezed = new Float64Array(h.length);
        h.forEach((one, i) => (squeezed[from[i]] = one));
        return [squeezed, 0];
      },
    };
  },

  /** From the whole line to pixels, a little beyond [0, 1]. */
  logit({ alpha }, shape) {
    const share = 1 - 2 * alpha;
    const logSigmoid = (t) => Math.min(0, t) - Math.log1p(Math.exp(-Math.abs(t)));
    const slope = (t) => logSigmoid(t) + logSigmoid(-t) - Math.log(share);
    return {
      shape,
      forward(h) {
        let logDet = 0;
        for (let i = 0; i < h.length; i++) {
          logDet += slope(h[i]);
          h[i] = (sigmoid(h[i]) - alpha) / share;
        }
        return [h, logDet];
      },
      inverse(h) {
        let logDet = 0;
        for (let i = 0; i < h.length; i++) {
          const p = alpha + share * h[i];
          h[i] = Math.log(p) - Math.log1p(-p);
          logDet -= slope(h[i]);
        }
        return [h, logDet];
      },
    };
  },
};

/** run(input, apply) calls apply(i, s, t) for each number, with the log-scale s and the shift t that a
 *  network gives, and returns the sum of s. `meanFirst`: the network's first half is the shift. */
function scaleAndShift({ layers, weights }, half, meanFirst) {
  const { forward } = loadNetwork(layers, weights);
  return (input, apply) => {
    const out = forward(input);
    let sum = 0;
    for (let i = 0; i < half; i++) {
      const s = bounded(out[meanFirst ? half + i : i]);
      apply(i, s, out[meanFirst ? i : half + i]);
      sum += s;
    }
    return sum;
  };
}

/** A matrix, row by row, times the channels of each pixel. */
function multiply(matrix, h, channels, pixels) {
  const result = new Float64Array(h.length);
  for (let o = 0; o < channels; o++) {
    for (let c = 0; c < channels; c++) {
      const weight = matrix[o * channels + c];
      for (let p = 0; p < pixels; p++) result[o * pixels + p] += weight * h[c * pixels + p];
    }
  }
  return result;
}

/** The inverse of a matrix, row by row, and log |det|: Gauss and Jordan's elimination with pivots. */
export function invertMatrix(matrix, n) {
  const rows = Array.from({ length: n }, (_, i) =>
    Float64Array.from({ length: 2 * n }, (_, j) => (j < n ? matrix[i * n + j] : Number(j - n === i))),
  );
  let logDet = 0;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    logDet += Math.log(Math.abs(rows[k][k]));
    const scale = rows[k][k];
    rows[k] = rows[k].map((one) => one / scale);
    for (let i = 0; i < n; i++) {
      const factor = rows[i][k];
      if (i !== k) rows[i] = rows[i].map((one, j) => one - factor * rows[k][j]);
    }
  }
  return { inverse: rows.flatMap((row) => [...row.slice(n)]), logDet };
}
