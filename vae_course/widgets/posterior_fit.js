// A Gaussian q against a posterior with two modes. See posterior_fit.py.
//
//   ELBO + KL(q ‖ p(z|x)) = log p(x)        ELBO = −R − D

const RANGE = [-3, 3]; // of z, in the plot
const MU = [-3, 3];
const SIGMA = [0.1, 2];
const HINT = matchMedia("(pointer: coarse)").matches
  ? "Drag q sideways for μ, pinch for σ."
  : "Drag q: sideways for μ, up and down for σ.";
const RULE = normalRule(0.05); // all that it averages here are polynomials

/** p(z), p(x|z) and what follows from them. Each term is computed from its own definition, so that
 *  the sums which the bars show are found, and not put in. */
export function squareModel(x, noise) {
  const logNoise = Math.log(noise);
  const logPrior = (z) => logNormal(z, 0, 0);
  const logLikelihood = (z) => logNormal(x, z * z, logNoise);
  const logJoint = (z) => logPrior(z) + logLikelihood(z);
  const slope = (z) => -z + (2 * z * (x - z * z)) / noise ** 2; // of logJoint
  const evidence = Math.log(integral((z) => Math.exp(logJoint(z)), -10, 10));
  const logPosterior = (z) => logJoint(z) - evidence;
  const mean = (q, f) => gaussianAverage(RULE, q, (z) => [f(z), 0]).value;

  function elbo(q) {
    const [mu, logSigma] = q;
    const distortion = -mean(q, logLikelihood);
    const rate = 0.5 * (mu ** 2 + Math.exp(2 * logSigma) - 1) - logSigma;
    const [byMu, byLogSigma] = gaussianAverage(RULE, q, (z) => [logJoint(z), slope(z)]).gradient;
    // The entropy of q is log σ and a constant: it adds 1 to the second.
    return { value: -distortion - rate, distortion, rate, gradient: [byMu, byLogSigma + 1] };
  }

  const kl = (q) => mean(q, (z) => logNormal(z, ...q) - logPosterior(z));
  return { evidence, elbo, kl, logPrior, logPosterior };
}

function render({ model, el }) {
  const noise = model.get("noise");
  let x = model.get("x");
  let q = [model.get("mu"), model.get("log_sigma")];
  let truth = squareModel(x, noise);
  let now = null; // what the last frame showed
  let colours = null;

  // --- what is on the screen ----------------------------------------------------------------------

  const root = widgetRoot(el, "vc-fit vc-posterior-fit", "Fitting a posterior with two modes");
  const ranges = [MU, SIGMA.map(Math.log)];
  const plot = picture("Prior, true posterior and q", 480, 270);
  const sliders = gaussianSliders(MU, SIGMA, (i, value) => moveTo(q.with(i, value)));
  const xSlider = slider({
    label: mathematical("x"),
    min: 0,
    max: 3,
    step: 0.05,
    value: x,
    format: (value) => value.toFixed(2),
    onInput: observe,
  });
  const optimise = button("Optimise", toggle);
  const logScale = checkbox({
    label: "log scale",
    value: false,
    onInput: () => frames.request(),
  });
  const slopes = [0, 1].map(() => element("b"));
  const note = element("p", { className: "vc-muted vc-note" });
  const sums = evidenceBars();
  const announce = liveText();
  const box = (name, ...children) => element("div", { className: `vc-fit-${name}` }, ...children);
  root.append(
    box(
      "top",
      box("picture", legend(), plot.element, note),
      box(
        "controls",
        ...sliders.map((one) => one.element),
        xSlider.element,
        box(
          "buttons",
          optimise,
          button("Start in the middle", () => moveTo([0, 0])),
        ),
        box(
          "slopes",
          element("span", {}, "Gradient of the ELBO"),
          ...["μ", "log σ"].map((name, i) =>
            element("span", {}, "by ", mathematical(name), slopes[i]),
          ),
        ),
      ),
    ),
    sums.element,
    announce.element,
  );

  function legend() {
    const entry = (kind, text) => element("span", { className: `vc-key vc-key-${kind}` }, text);
    return box(
      "legend",
      entry("q", mathematical("q(z|x)")),
      entry("p", mathematical("p(z|x)")),
      entry("prior", mathematical("p(z)")),
      logScale.element,
    );
  }

  // --- what changes -------------------------------------------------------------------------------

  const kernel = withKernel(
    model,
    ["x", "mu", "log_sigma"],
    () => [x, ...q],
    ([wantedX, ...wanted]) => {
      observe(wantedX);
      moveTo(wanted);
    },
  );

  function observe(value) {
    stop();
    x = value;
    xSlider.value = x;
    truth = squareModel(x, noise);
    kernel.tell();
    frames.request();
  }

  function moveTo(wanted) {
    stop();
    show(wanted);
  }

  function show(wanted) {
    q = wanted.map((value, i) => clip(value, ranges[i]));
    sliders.forEach((one, i) => (one.value = q[i]));
    kernel.tell();
    frames.request();
  }

  let playing = false;
  const film = player(show, stop);
  function toggle() {
    if (playing) return stop();
    playing = true;
    optimise.textContent = "Stop";
    film.play(ascend(truth.elbo, q));
  }

  function stop() {
    film.stop();
    playing = false;
    optimise.textContent = "Optimise";
  }

  draggable(plot.canvas, {
    start: stop,
    move: (dx, dy) => moveTo([q[0] + dx * (RANGE[1] - RANGE[0]), q[1] + 3 * dy]),
    pinch: (ratio) => moveTo([q[0], q[1] + Math.log(ratio)]),
  });

  // --- one frame ----------------------------------------------------------------------------------

  function drawPlot() {
    const log = logScale.value;
    const shown = (logDensity) => (z) => log ? logDensity(z) + 14 : Math.exp(logDensity(z));
    const logQ = (z) => logNormal(z, ...q);
    let top = 16.5; // e^2.5, in a plot of logarithms from e^−14
    if (!log) {
      const peak = Math.sqrt(Math.max(0, x - noise ** 2 / 2)); // of the posterior
      top = 1.1 * Math.max(Math.exp(logQ(q[0])), Math.exp(truth.logPosterior(peak)));
    }
    const { curve, dot } = densityPlot(plot, RANGE, colours, top);
    curve(shown(truth.logPosterior), { colour: colours.ink, fill: log ? 0 : 0.14, weight: 1.25 });
    curve(shown(truth.logPrior), { colour: colours.muted, dash: [5, 4], weight: 1.5 });
    curve(shown(logQ), { colour: colours.accent, weight: 2.5 });
    dot(q[0], shown(logQ)(q[0]), colours.accent);
  }

  function explain(gradient) {
    gradient.forEach((value, i) => (slopes[i].textContent = withSign(value)));
    const still = Math.hypot(...gradient) < 1e-3;
    const onOneMode = Math.abs(q[0]) > 2 * Math.exp(q[1]);
    if (!still) note.textContent = HINT;
    else if (!onOneMode) note.textContent = "Gradient zero: a local optimum. Is it the best one?";
    else note.textContent = "Gradient zero: q covers one of two modes, so KL is near log 2 = 0.69.";
  }

  function draw() {
    const elbo = truth.elbo(q);
    const kl = truth.kl(q);
    now = { x, q: [...q], evidence: truth.evidence, kl, elbo: elbo.value, ...elbo };
    const shown = printed(truth.evidence, elbo);
    drawPlot();
    sums.show(now, shown);
    explain(elbo.gradient);
    const text = Object.fromEntries(Object.entries(shown).map(([k, v]) => [k, fixed(v, 2)]));
    announce.say(
      `q has mean ${fixed(q[0], 2)} and standard deviation ${Math.exp(q[1]).toFixed(2)}. ` +
        `ELBO ${text.elbo} plus KL ${text.kl} is the log evidence ${text.evidence} nats. ` +
        `Rate ${text.rate}, distortion ${text.distortion}.`,
    );
  }

  const recolour = () => (colours = palette(root, ["ink", "paper", "muted", "line", "accent"]));
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
    frames: frames.frames,
    moveTo,
    observe,
  };

  return frames.stop;
}

export default { render };
