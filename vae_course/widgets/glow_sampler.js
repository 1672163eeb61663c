// A flow for images: samples at a temperature, and the way between two pictures. See
// glow_sampler.py.

const NAMES = ["temperature", "chosen", "draw", "first", "second", "way"];
const LEVELS = 16; // grey levels of the data
const SAMPLES = 12;
const WAYS = 13; // places on the way where log p is computed; every second one is shown
const WORK_TIME = 1.5; // ms of a frame for the flow: a picture takes about two

function render({ model, el }) {
  const [height, width] = [model.get("height"), model.get("width")];
  const n = height * width;
  const flow = imageFlow(model.get("layers"), n);
  const inBits = (logProb) => bitsPerDimension(logProb, n, LEVELS);
  const root = widgetRoot(el, "vc-glow", "Samples of a flow, and the way between two pictures");
  const shared = sharedValues(model, NAMES, changed);
  const { values } = shared;
  const announce = liveText();
  const turns = inTurns();
  let colours = null; // of charts, as text
  let shades = null; // of pictures, as numbers
  let paint = []; // what the next frame draws

  // Pictures as the flow was trained on: between two levels lies noise, always the same here.
  const uniform = uniforms(5);
  const levels = decodeFourBits(model.get("given"));
  const given = Array.from({ length: levels.length / n }, (_, i) => ({
    x: dequantised(levels.subarray(i * n, (i + 1) * n), LEVELS, uniform),
    code: null,
  }));
  const codeOf = (i) => (given[i].code ??= flow.encode(given[i].x).z);

  // --- what is on the screen ----------------------------------------------------------------------

  const group = (name, ...children) => element("div", { className: `gs-${name}` }, ...children);
  const sampleNumbers = element("p", { className: "gs-numbers" });
  const sampleViews = Array.from({ length: SAMPLES }, (_, i) => picture(`Sample ${i + 1}`, width, height));
  const large = picture("The chosen sample", 10 * width, 10 * height);
  const allNumbers = element("p", { className: "vc-muted" });
  const again = button("New draws", () => shared.moveTo({ draw: values.draw + 1 }));
  const share = (name, label, letter, max) =>
    shared.control(name, slider, {
      label: element("span", {}, `${label} `, mathematical(letter)),
      ...{ min: 0, max, step: 0.02, format: (value) => value.toFixed(2) },
    });
  const temperature = share("temperature", "Temperature", "T", 1.2);
  const pick = (legend, views) => (options) =>
    radios({ ...options, legend, options: views.map((view, i) => [i, view.element]) });
  const chosen = shared.control("chosen", pick("Samples", sampleViews));
  const ends = ["first", "second"].map((name, k) => {
    const views = given.map((_, i) => picture(`Picture ${i + 1}`, width, height));
    return { views, control: shared.control(name, pick(["From", "to"][k], views)) };
  });
  const way = share("way", "Way", "t", 1);
  const paths = [
    ["code", "Mix of the codes", "x = f((1 − t) z₀ + t z₁)"],
    ["pixel", "Mix of the pixels", "x = (1 − t) x₀ + t x₁"],
  ].map(([name, heading, formula]) => {
    const go = (t) => shared.moveTo({ way: t });
    const view = wayView(name, heading, formula, [width, height], (WAYS + 1) / 2, go);
    return { name, ...view, now: null, steps: [] };
  });
  const bits = waysChart(inBits);
  root.append(
    temperature.element,
    group(
      "samples",
      group("large", large.element, sampleNumbers),
      group("grid", chosen.element, again, allNumbers),
    ),
    group("ends", ...ends.map(({ control }) => control.element)),
    way.element,
    group("paths", ...paths.map((path) => path.element)),
    element("p", { className: "vc-chart-title" }, "Bits per dimension along the way"),
    bits.element,
    element(
      "p",
      { className: "vc-muted" },
      "A picture that the flow holds for more probable needs fewer bits. The speckle is the noise that fills " +
        "the steps between grey levels.",
    ),
    announce.element,
  );

  // --- what is computed ---------------------------------------------------------------------------

  let noise = null; // n numbers for each sample
  const samples = sampleViews.map((view, i) => {
    const sample = { view, x: null };
    const make = () => flow.decoding(noise.rows[i].map((one) => values.temperature * one));
    sample.task = turns.add(make, (found) => {
      Object.assign(sample, found);
      paint.push(() => drawSample(i));
    });
    return sample;
  });

  function drawNoise() {
    if (noise?.draw === values.draw) return;
    const next = normals(values.draw);
    const rows = samples.map(() => Float64Array.from({ length: n }, next));
    noise = { draw: values.draw, rows };
  }

  /** A mix at t: `code` decodes it, `pixel` encodes it; both end with a picture and its log p. */
  function* mixing(name, t) {
    const [a, b] = [values.first, values.second];
    if (name === "code") {
      const { x, logProb } = yield* flow.decoding(mixed(codeOf(a), codeOf(b), t));
      return { x, logProb, t };
    }
    const x = mixed(given[a].x, given[b].x, t);
    return { x, logProb: (yield* flow.encoding(x)).logProb, t };
  }

  for (const path of paths) {
    path.task = turns.add(
      () => mixing(path.name, values.way),
      (found) => {
        path.now = found;
        paint.push(() => drawMix(path));
      },
    );
    path.steps = Array.from({ length: WAYS }, (_, i) => {
      const step = { found: null };
      step.task = turns.add(
        () => mixing(path.name, i / (WAYS - 1)),
        (found) => {
          step.found = found;
          if (i % 2 === 0) paint.push(() => path.row.draw(i / 2, found.x, shades));
          paint.push(drawBits);
        },
      );
      return step;
    });
  }

  let before = {};
  function changed() {
    const differs = (...names) => names.some((name) => before[name] !== values[name]);
    drawNoise();
    if (differs("temperature", "draw")) {
      samples.forEach(({ task }, i) => turns.ask(task, i === values.chosen));
    }
    if (differs("chosen")) paint.push(() => drawSample(values.chosen));
    if (differs("first", "second", "way")) for (const path of paths) turns.ask(path.task, true);
    if (differs("first", "second")) {
      for (const step of paths.flatMap((path) => path.steps)) {
        step.found = null;
        turns.ask(step.task);
      }
    }
    before = { ...values };
    frames.request();
  }

  // --- one frame ----------------------------------------------------------------------------------

  const drawBits = () => bits.draw(colours, paths);
  function drawImage(shown, x) {
    const { context, width: wide, height: high } = shown.fit();
    drawCrisp(context, inkOnPaper(x, width, height, shades), 0, 0, wide, high);
  }

  const describe = ({ logProb }) =>
    `log p(x) = ${signed(logProb, 1)} nats\n${signed(inBits(logProb), 2)} bits per dimension`;

  function drawSample(i) {
    const sample = samples[i];
    if (!sample.x) return;
    drawImage(sample.view, sample.x);
    if (i === values.chosen) {
      drawImage(large, sample.x);
      sampleNumbers.textContent = describe(sample);
    }
    const computed = samples.filter(({ logProb }) => logProb !== undefined);
    const mean = computed.reduce((sum, one) => sum + inBits(one.logProb), 0) / computed.length;
    const heldOut = model.get("held_out");
    allNumbers.textContent =
      `These samples need ${signed(mean, 2)} bits per dimension on average` +
      (heldOut === null ? "." : `, held-out pictures ${signed(heldOut, 2)}.`);
  }

  function drawMix(path) {
    if (!path.now) return;
    drawImage(path.view, path.now.x);
    path.numbers.textContent = describe(path.now);
    drawBits();
  }

  function draw() {
    turns.work(performance.now() + WORK_TIME);
    for (const one of new Set(paint.splice(0))) one();
    if (turns.left) frames.request();
    else say();
  }

  function say() {
    const [code, pixel] = paths;
    const said = (one) => describe(one).replace("\n", ", ");
    announce.say(
      `Temperature ${values.temperature.toFixed(2)}, sample ${values.chosen + 1}: ` +
        `${said(samples[values.chosen])}. From picture ${values.first + 1} to ${values.second + 1}, ` +
        `way ${values.way.toFixed(2)}: mix of the codes ${said(code.now)}; of the pixels ${said(pixel.now)}.`,
    );
  }

  const recolour = () => {
    colours = chartColours(root, ["muted", "line", "accent", "accent-2"]);
    shades = palette(root, ["ink", "paper"]);
    ends.forEach(({ views }) => views.forEach((view, i) => paint.push(() => drawImage(view, given[i].x))));
    samples.forEach((_, i) => paint.push(() => drawSample(i)));
    for (const path of paths) {
      paint.push(() => drawMix(path));
      path.steps.forEach(({ found }, i) => {
        if (found && i % 2 === 0) paint.push(() => path.row.draw(i / 2, found.x, shades));
      });
    }
  };
  const frames = liveDrawing(root, recolour, draw, [announce, shared]);
  changed();

  root.courseWidget = {
    values,
    /** What is shown: pictures, and their log p(x) in nats. */
    get found() {
      const of = (one) => one && { x: [...one.x], logProb: one.logProb };
      const way = ({ now, steps }) => ({ now: of(now), steps: steps.map((step) => of(step.found)) });
      return {
        samples: samples.map(of),
        noise: noise.rows.map((row) => [...row]),
        given: given.map(({ x }) => [...x]),
        ...{ code: way(paths[0]), pixel: way(paths[1]) },
      };
    },
    get finished() {
      return turns.left === 0;
    },
    get colours() {
      return shades;
    },
    frames: frames.frames,
    moveTo: shared.moveTo,
  };

  return frames.stop;
}

export default { render };
