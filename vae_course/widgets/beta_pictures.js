// What a trained model makes of some inputs and of draws from the prior, decoded a few at a time.

const COLUMNS = 6;
const SIZE = 28; // of a picture in the layout, whatever its own size is
const STEP = SIZE + 2;
const PAIR = 2 * STEP + 3; // an input, its reconstruction, and air below

/** `rows` lists of `columns` standard normal numbers, always the same for a seed. */
export function noise(seed, rows, columns) {
  const next = normals(seed);
  return Array.from({ length: rows }, () => Float64Array.from({ length: columns }, next));
}

/** The z of every input: the posterior's mean, or with `sampled` mean + standard deviation × ε. */
export function codes({ means, deviations }, latents, epsilons, sampled) {
  const at = (row, i) => {
    const mean = means[row * latents + i];
    return sampled ? mean + deviations[row * latents + i] * epsilons[row][i] : mean;
  };
  const count = means.length / latents;
  return Array.from({ length: count }, (_, row) =>
    Float64Array.from({ length: latents }, (_, i) => at(row, i)),
  );
}

/** Two pictures: `inputs` above their reconstructions, and as many samples from the prior.
 *  `latents`: the most that a model has. show(member, sampled, seed) says which model it is;
 *  refresh(until, shades) decodes and draws until then, and tells whether it is done. */
function familyPictures(inputs, width, height, latents) {
  const count = inputs.length;
  const lines = Math.ceil(count / COLUMNS);
  const wide = STEP * Math.min(count, COLUMNS) - 2;
  const pairs = picture("Inputs, each above its reconstruction", wide, PAIR * lines - 5);
  const samples = picture("Pictures decoded from draws of the prior", wide, STEP * lines - 2);
  const outputs = new Map(); // by model and noise: what was decoded once is kept
  let shown = { reconstructions: [], samples: [] };
  let codesOf = { reconstructions: [], samples: [] };
  let decoder = null;
  let noiseNow = null;
  let waiting = []; // [where, index]: still to be drawn
  let inputsDrawn = false;

  function show(member, sampled, seed) {
    if (noiseNow?.seed !== seed) {
      outputs.clear();
      const rows = noise(seed, 2 * count, latents);
      noiseNow = { seed, prior: rows.slice(0, count), q: rows.slice(count) };
    }
    decoder = member.decoder;
    const kept = (key) => {
      if (!outputs.has(key)) outputs.set(key, new Array(count));
      return outputs.get(key);
    };
    shown = {
      reconstructions: kept(`${member.beta} ${sampled ? "sample" : "mean"}`),
      samples: kept(`${member.beta} prior`),
    };
    codesOf = {
      reconstructions: codes(member, member.latents, noiseNow.q, sampled),
      samples: noiseNow.prior.map((z) => z.slice(0, member.latents)),
    };
    waiting = everything();
  }

  const everything = () =>
    ["reconstructions", "samples"].flatMap((where) => inputs.map((_, index) => [where, index]));

  /** Everything is drawn again: the shades or the size changed. */
  function appear() {
    inputsDrawn = false;
    waiting = everything();
  }

  function place(where, index) {
    const { width: across } = (where === "samples" ? samples : pairs).fit();
    const scale = across / wide;
    const row = Math.floor(index / COLUMNS);
    const top = { inputs: row * PAIR, reconstructions: row * PAIR + STEP, samples: row * STEP };
    const edges = [(index % COLUMNS) * STEP, top[where]].map((edge) => Math.round(edge * scale));
    return [...edges, Math.round(SIZE * scale), Math.round(SIZE * scale)];
  }

  function draw(where, index, values, shades) {
    const { context } = where === "samples" ? samples : pairs;
    const box = place(where, index);
    drawCrisp(context, inkOnPaper(values, width, height, shades), ...box);
  }

  function refresh(until, shades) {
    if (!inputsDrawn) inputs.forEach((values, index) => draw("inputs", index, values, shades));
    inputsDrawn = true;
    while (waiting.length) {
      if (performance.now() > until) return false;
      const [where, index] = waiting.shift();
      shown[where][index] ??= decoder.forward(codesOf[where][index]);
      draw(where, index, shown[where][index], shades);
    }
    return true;
  }

  const output = () => ({ ...shown, codes: codesOf });
  return { pairs, samples, show, appear, refresh, place, output };
}
