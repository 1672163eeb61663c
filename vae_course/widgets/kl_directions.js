// One Gaussian q fitted to a mixture p by KL(q ‖ p) and by KL(p ‖ q). See kl_directions.py.

const RANGE = [-4, 4]; // of z, in the plot
const MU = [-3, 3];
const SIGMA = [0.2, 2.5];
const FINE = normalRule(0.02); // for the numbers
const MIDDLE = normalRule(0.08, 6); // for the crosses on the map
const COARSE = normalRule(0.25, 5); // for the map

/** (1 − w) N(−Δ/2, s²) + w N(Δ/2, s²) with its two divergences from q = [μ, log σ]. */
export function mixture(separation, weight, width) {
  const half = separation / 2;
  const logWidth = Math.log(width);
  const logParts = [Math.log(1 - weight) - logWidth, Math.log(weight) - logWidth];
  /** [log p, its derivative]: one evaluation for both, because there are many. */
  const logDensity = (z) => {
    const [left, right] = [(z + half) / width, (z - half) / width];
    const a = logParts[0] - 0.5 * left * left;
    const b = logParts[1] - 0.5 * right * right;
    const share = 1 / (1 + Math.exp(a - b)); // of the mode on the right
    return [logSumExp(a, b) - LOG_ROOT_2PI, -((1 - share) * left + share * right) / width];
  };
  const mean = (2 * weight - 1) * half;
  const variance = width ** 2 + weight * (1 - weight) * separation ** 2;
  const moments = [mean, 0.5 * Math.log(variance)];
  const surprise = ([log]) => -Math.exp(log) * log;
  const entropy = integral((z) => surprise(logDensity(z)), -10, 10, 500);

  /** KL(q ‖ p): an average under q. The entropy of q is log σ + ½ log 2πe. */
  function reverse(q, rule = FINE) {
    const { value, gradient } = gaussianAverage(rule, q, logDensity);
    const [byMu, byLogSigma] = gradient;
    return { value: -value - q[1] - LOG_ROOT_2PI - 0.5, gradient: [-byMu, -byLogSigma - 1] };
  }

  /** KL(p ‖ q): an average under p, of which q sees only mean and variance. */
  function forward([mu, logSigma]) {
    const ratio = (variance + (mean - mu) ** 2) * Math.exp(-2 * logSigma);
    return {
      value: -entropy + logSigma + LOG_ROOT_2PI + 0.5 * ratio,
      gradient: [(mu - mean) * Math.exp(-2 * logSigma), 1 - ratio],
    };
  }

  /** The optima of KL(q ‖ p), the best one first: downhill from each mode and from the moments of p.
   *  The gradient is taken in units of q's own spread, which gets there in fewer steps. */
  function optima() {
    const objective = (q) => {
      const { value, gradient } = reverse(q, MIDDLE);
      return { value: -value, gradient: [-gradient[0] * Math.exp(2 * q[1]), -gradient[1] / 2] };
    };
    const starts = [[-half, logWidth], [half, logWidth], moments];
    const ends = starts.map((q) => ascend(objective, q, { rate: 1, tolerance: 1e-3 }).at(-1));
    return ends
      .filter((q, i) => !ends.slice(0, i).some((other) => Math.abs(other[0] - q[0]) < 1e-2))
      .sort((a, b) => objective(b).value - objective(a).value);
  }
  return { logDensity, reverse, forward, optima, moments };
}

/** What `ascend` climbs when a divergence is to fall. */
function downhill(divergence) {
  return (q) => {
    const { value, gradient } = divergence(q);
    return { value: -value, gradient: gradient.map((slope) => -slope) };
  };
}

/** log p between −16 and 16 from a table: the map asks for it some 60,000 times. */
function tabulated(logDensity) {
  const table = Float64Array.from({ length: 1602 }, (_, i) => logDensity(-16 + 0.02 * i)[0]);
  return (z) => {
    const place = Math.min(1599.999, Math.max(0, (z + 16) * 50));
    const below = Math.floor(place);
    return table[below] + (place - below) * (table[below + 1] - table[below]);
  };
}

function render({ model, el }) {
  const p = ["separation", "weight", "width"].map((name) => model.get(name));
  let q = [model.get("mu"), model.get("log_sigma")];
  const ranges = [MU, SIGMA.map(Math.log)];
  let [truth, optima] = [null, null];
  let now = null; // what the last frame showed
  let colours = null;

  // --- what is on the screen ----------------------------------------------------------------------

  const root = widgetRoot(el, "vc-fit vc-kl-directions", "KL in two directions");
  const plot = picture("The mixture p, q, and the best q by either divergence", 480, 270);
  const box = (name, ...children) => element("div", { className: `vc-fit-${name}` }, ...children);
  const qSliders = gaussianSliders(MU, SIGMA, (i, value) => moveTo(q.with(i, value)));
  const pSliders = [
    ["distance ", "Δ", 0, 4],
    ["weight ", "w", 0.05, 0.95],
    ["width ", "s", 0.3, 0.8],
  ].map(([word, letter, min, max], i) =>
    slider({
      label: element("span", {}, word, mathematical(letter)),
      ...{ min, max, step: 0.01, value: p[i] },
      format: (value) => value.toFixed(2),
      onInput: (value) => change(p.with(i, value)),
    }),
  );
  const card = (name, title, fitLabel, divergence, text) => {
    const value = element("b");
    const shown = picture(`Contours of ${title} over μ and σ`, 320, 200);
    const map = divergenceMap(shown, ...ranges);
    const fit = button(fitLabel, () => toggle(name));
    const heading = element("p", { className: `vc-divergence vc-${name}` }, mathematical(title));
    heading.append(value);
    return {
      ...{ name, value, shown, map, fit, fitLabel, divergence },
      element: box("card", heading, shown.element, element("p", { className: "vc-muted" }, text), fit),
    };
  };
  const cards = [
    card("reverse", "KL(q ‖ p)", "Fit KL(q ‖ p)", (to) => truth.reverse(to),
      "Averages under q: costly where q is and p is not."),
    card("forward", "KL(p ‖ q)", "Fit KL(p ‖ q)", (to) => truth.forward(to),
      "Averages under p: costly where p is and q is not."),
  ];
  const announce = liveText();
  const group = (name, controls) => {
    const set = element("fieldset", {}, element("legend", {}, ...name));
    set.append(...controls.map((one) => one.element));
    return set;
  };
  root.append(
    box(
      "top",
      box("picture", legend(), plot.element),
      box(
        "controls",
        group([mathematical("q"), ", a Gaussian"], qSliders),
        group([mathematical("p"), ", a mixture"], pSliders),
        element("p", { className: "vc-muted" }, "Drag q in the plot, or the point on a map."),
      ),
    ),
    box("cards", ...cards.map((one) => one.element)),
    announce.element,
  );

  function legend() {
    const entry = (kind, ...text) =>
      element("span", { className: `vc-key vc-key-${kind}` }, ...text);
    return box(
      "legend",
      entry("p", mathematical("p")),
      entry("q", mathematical("q")),
      entry("reverse", "least ", mathematical("KL(q ‖ p)")),
      entry("forward", "least ", mathematical("KL(p ‖ q)")),
    );
  }

  // --- what changes -------------------------------------------------------------------------------

  const kernel = withKernel(
    model,
    ["separation", "weight", "width", "mu", "log_sigma"],
    () => [...p, ...q],
    (wanted) => {
      change(wanted.slice(0, 3));
      moveTo(wanted.slice(3));
    },
  );

  function change(wanted) {
    stop();
    wanted.forEach((value, i) => (p[i] = pSliders[i].value = value));
    truth = null;
    kernel.tell();
    frames.request();
  }

  function moveTo(wanted) {
    stop();
    show(wanted);
  }

  function show(wanted) {
    q = wanted.map((value, i) => clip(value, ranges[i]));
    qSliders.forEach((one, i) => (one.value = q[i]));
    kernel.tell();
    frames.request();
  }

  let playing = null; // the name of the card whose fit is shown
  const film = player(show, stop);
  function toggle(name) {
    const again = playing === name;
    stop();
    if (again) return;
    playing = name;
    const { divergence, fit } = cards.find((one) => one.name === name);
    fit.textContent = "Stop";
    think();
    film.play(ascend(downhill(divergence), q));
  }

  function stop() {
    film.stop();
    playing = null;
    for (const { fit, fitLabel } of cards) fit.textContent = fitLabel;
  }

  draggable(plot.canvas, {
    start: stop,
    move: (dx, dy) => moveTo([q[0] + dx * (RANGE[1] - RANGE[0]), q[1] + 3 * dy]),
    pinch: (ratio) => moveTo([q[0], q[1] + Math.log(ratio)]),
  });
  for (const { shown, map } of cards) {
    const go = (event) => moveTo(map.place(event));
    draggable(shown.canvas, { start: go, move: (dx, dy, event) => go(event), pinch() {} });
  }

  // --- one frame ----------------------------------------------------------------------------------

  /** What depends on p alone. */
  function think() {
    if (truth) return;
    truth = mixture(...p);
    optima = truth.optima();
    const logP = tabulated(truth.logDensity);
    const { nodes, weights } = COARSE;
    cards[0].map.chart(([mu, logSigma]) => {
      const sigma = Math.exp(logSigma);
      let crossEntropy = 0;
      for (let i = 0; i < nodes.length; i++) crossEntropy -= weights[i] * logP(mu + sigma * nodes[i]);
      return crossEntropy - logSigma - LOG_ROOT_2PI - 0.5;
    });
    cards[1].map.chart((at) => truth.forward(at).value);
  }

  function drawPlot() {
    const best = [optima[0], truth.moments];
    const normal = (of) => (z) => Math.exp(logNormal(z, ...of));
    const density = (z) => Math.exp(truth.logDensity(z)[0]);
    const peaks = [...best, q].map((of) => normal(of)(of[0]));
    const { curve, dot } = densityPlot(plot, RANGE, colours, 1.1 * Math.max(...peaks));
    curve(density, { colour: colours.ink, fill: 0.14, weight: 1.25 });
    curve(normal(best[0]), { colour: colours["accent-2"], dash: [7, 4], weight: 2 });
    curve(normal(best[1]), { colour: colours.ink, dash: [2, 3], weight: 2 });
    curve(normal(q), { colour: colours.accent, weight: 2.5 });
    dot(q[0], normal(q)(q[0]), colours.accent);
  }

  function draw() {
    think();
    const [reverse, forward] = [truth.reverse(q), truth.forward(q)];
    now = { p: [...p], q: [...q], reverse, forward, optima, moments: truth.moments };
    drawPlot();
    cards[0].map.draw(colours, colours["accent-2"], optima, q);
    cards[1].map.draw(colours, colours.ink, [truth.moments], q);
    const texts = [reverse, forward].map(({ value }) => `${fixed(value, 2)} nats`);
    cards.forEach(({ value }, i) => (value.textContent = texts[i]));
    announce.say(
      `q has mean ${fixed(q[0], 2)} and standard deviation ${Math.exp(q[1]).toFixed(2)}. ` +
        `KL from q to p is ${texts[0]}, KL from p to q is ${texts[1]}.`,
    );
  }

  const names = ["ink", "paper", "muted", "line", "accent", "accent-2"];
  const recolour = () => (colours = palette(root, names));
  const frames = liveDrawing(root, recolour, draw, [announce, kernel, film]);
  show(q);

  root.courseWidget = {
    get output() {
      return now;
    },
    get playing() {
      return playing;
    },
    get colours() {
      return colours;
    },
    contours: (name) => cards.find((one) => one.name === name).map.contours(),
    frames: frames.frames,
    moveTo,
    change,
  };

  return frames.stop;
}

export default { render };
