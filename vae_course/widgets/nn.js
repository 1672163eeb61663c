// Forward passes of small neural networks, in plain JavaScript on typed arrays.
//
//   const decoder = loadNetwork(spec, base64);   // spec: list of layers, base64: float16 weights
//   const logits = decoder.forward(z);           // Float32Array in, a fresh Float32Array out
//
// Arrays that go in and come out are in torch's order (channels first). In between, pictures are
// channels last, so that the innermost loop of a convolution runs over neighbours in memory.

/** Bytes of a base64 string. */
export function decodeBytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Little-endian IEEE half-precision numbers, in base64, as a Float32Array. */
export function decodeFloat16(base64) {
  const bytes = decodeBytes(base64);
  const numbers = new Float32Array(bytes.length / 2);
  for (let i = 0; i < numbers.length; i++) {
    const bits = bytes[2 * i] | (bytes[2 * i + 1] << 8);
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    // 2^-24 is the smallest subnormal number; the exporter lets no infinity or NaN through.
    numbers[i] = sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
  }
  return numbers;
}

/** Two pixels a byte, the first in the high bits, as numbers in [0, 1]. */
export function decodeFourBits(base64) {
  const bytes = decodeBytes(base64);
  const values = new Float32Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    values[2 * i] = (bytes[i] >> 4) / 15;
    values[2 * i + 1] = (bytes[i] & 15) / 15;
  }
  return values;
}

/** 1 / (1 + exp(-t)): a logit to a probability. */
export function sigmoid(t) {
  return 1 / (1 + Math.exp(-t));
}

export function loadNetwork(spec, base64) {
  const weights = decodeFloat16(base64);
  let used = 0;
  const take = (count) => weights.subarray(used, (used += count));

  const layers = [];
  let shape = null; // null: a vector; {channels, height, width}: a picture
  for (const layer of spec) {
    if (!(layer.type in BUILDERS)) throw new Error(`nn.js has no layer "${layer.type}"`);
    const built = BUILDERS[layer.type](layer, shape, take);
    layers.push(built.apply);
    if ("shape" in built) shape = built.shape;
  }
  if (used !== weights.length) {
    throw new Error(`nn.js: the layers need ${used} weights, but there are ${weights.length}`);
  }
  if (shape) layers.push(flatten(shape));

  // The copies keep the caller's array untouched and the result its own.
  const forward = (input) =>
    layers.reduce((x, apply) => apply(x), Float32Array.from(input)).slice();
  return { forward };
}

// Each builder reads its weights, allocates its output once, and returns apply(x) -> output.
const BUILDERS = {
  linear(layer, shape, take) {
    const weight = take(layer.in * layer.out); // row-major, (out, in)
    const bias = take(layer.out);
    const output = new Float32Array(layer.out);
    const apply = (x) => {
      if (x.length !== layer.in) {
        throw new Error(`nn.js: a linear layer takes ${layer.in} numbers, not ${x.length}`);
      }
      for (let o = 0, w = 0; o < layer.out; o++) {
        let sum = bias[o];
        for (let i = 0; i < layer.in; i++) sum += weight[w++] * x[i];
        output[o] = sum;
      }
      return output;
    };
    return { apply };
  },

  relu: () => elementwise((t) => (t > 0 ? t : 0)),
  leaky_relu: (layer) => elementwise((t) => (t > 0 ? t : layer.slope * t)),
  sigmoid: () => elementwise(sigmoid),
  tanh: () => elementwise(Math.tanh),

  // A vector in torch's order becomes a picture, channels last.
  reshape(layer) {
    const { channels, height, width } = layer;
    const output = new Float32Array(channels * height * width);
    const apply = (x) => {
      if (x.length !== output.length) {
        throw new Error(`nn.js: reshape takes ${output.length} numbers, not ${x.length}`);
      }
      for (let c = 0, from = 0; c < channels; c++) {
        for (let pixel = 0; pixel < height * width; pixel++) {
          output[pixel * channels + c] = x[from++];
        }
      }
      return output;
    };
    return { apply, shape: { channels, height, width } };
  },

  // A picture becomes a vector in torch's order; a vector stays one.
  flatten: (layer, shape) => ({ apply: shape ? flatten(shape) : (x) => x, shape: null }),

  // Nearest-neighbour upsampling.
  upsample(layer, { channels, height, width }) {
    const { scale } = layer;
    const output = new Float32Array(channels * height * width * scale * scale);
    const apply = (x) => {
      let to = 0;
      for (let row = 0; row < height * scale; row++) {
        for (let column = 0; column < width * scale; column++) {
          const from = (Math.floor(row / scale) * width + Math.floor(column / scale)) * channels;
          for (let c = 0; c < channels; c++) output[to++] = x[from + c];
        }
      }
      return output;
    };
    return { apply, shape: { channels, height: height * scale, width: width * scale } };
  },

  conv2d(layer, shape, take) {
    const { kernel, stride, padding } = layer;
    const size = (n) => Math.floor((n + 2 * padding - kernel) / stride) + 1;
    return convolution(layer, shape, size(shape.height), size(shape.width), take, false);
  },

  conv_transpose2d(layer, shape, take) {
    const { kernel, stride, padding, output_padding: extra = 0 } = layer;
    const size = (n) => (n - 1) * stride - 2 * padding + kernel + extra;
    return convolution(layer, shape, size(shape.height), size(shape.width), take, true);
  },
};

function elementwise(activation) {
  const apply = (x) => {
    for (let i = 0; i < x.length; i++) x[i] = activation(x[i]);
    return x;
  };
  return { apply };
}

function flatten({ channels, height, width }) {
  const output = new Float32Array(channels * height * width);
  return (x) => {
    for (let c = 0, to = 0; c < channels; c++) {
      for (let pixel = 0; pixel < height * width; pixel++) output[to++] = x[pixel * channels + c];
    }
    return output;
  };
}

// A convolution and its transpose pair the same pixels: pixel (row, column) of the coarse picture
// meets pixel (row·stride − padding + ky, column·stride − padding + kx) of the fine one through the
// kernel's weight (ky, kx). A convolution reads the fine picture and adds to the coarse one; its
// transpose reads the coarse one and adds to the fine one.
function convolution(layer, shape, height, width, take, transposed) {
  const { in: inputs, out: outputs, kernel, stride, padding } = layer;
  if (shape.channels !== inputs) {
    throw new Error(`nn.js: a convolution takes ${inputs} channels, not ${shape.channels}`);
  }
  const weight = kernelLast(take(inputs * outputs * kernel * kernel), layer, transposed);
  const bias = take(outputs);
  const output = new Float32Array(height * width * outputs);
  const coarse = transposed ? shape : { height, width };
  const fine = transposed ? { height, width } : shape;

  const apply = (x) => {
    for (let i = 0; i < output.length; i += outputs) output.set(bias, i);
    for (let row = 0; row < coarse.height; row++) {
      for (let column = 0; column < coarse.width; column++) {
        const coarsePixel = row * coarse.width + column;
        for (let ky = 0; ky < kernel; ky++) {
          const y = row * stride - padding + ky;
          if (y < 0 || y >= fine.height) continue;
          for (let kx = 0; kx < kernel; kx++) {
            const fineColumn = column * stride - padding + kx;
            if (fineColumn < 0 || fineColumn >= fine.width) continue;
            const finePixel = y * fine.width + fineColumn;
            const from = (transposed ? coarsePixel : finePixel) * inputs;
            const to = (transposed ? finePixel : coarsePixel) * outputs;
            let w = (ky * kernel + kx) * inputs * outputs;
            for (let i = 0; i < inputs; i++, w += outputs) {
              const value = x[from + i];
              if (value === 0) continue; // after a ReLU, about half of them
              for (let o = 0; o < outputs; o++) output[to + o] += value * weight[w + o];
            }
          }
        }
      }
    }
    return output;
  };
  return { apply, shape: { channels: outputs, height, width } };
}

// torch's order, (out, in, ky, kx) or for a transpose (in, out, ky, kx), to (ky, kx, in, out).
function kernelLast(weight, { in: inputs, out: outputs, kernel }, transposed) {
  const taps = kernel * kernel;
  const result = new Float32Array(weight.length);
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < outputs; o++) {
      const from = (transposed ? i * outputs + o : o * inputs + i) * taps;
      for (let tap = 0; tap < taps; tap++) {
        result[(tap * inputs + i) * outputs + o] = weight[from + tap];
      }
    }
  }
  return result;
}
