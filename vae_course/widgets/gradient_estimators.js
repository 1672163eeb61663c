// Gradient estimators: the score function against the pathwise one, on integrands that favour one
// or the other. Left, what they look at; right, what they say. See gradient_estimators.py.

const SAMPLES = [1, 2, 5, 10, 20, 50, 100];
const REPETITIONS = 2000;
const WORK = 1.2; // ms of a frame for estimates; what is left waits for the next
const SHOWN = 8; // samples that are drawn on the integrand
const REACH = 5; // the axis of z goes from −5 to 5
const NAMES = ["integrand", "frequency", "mean", "sigma", "samples", "parameter", "baseline", "seed"];
const COLOURS = ["ink", "paper", "muted", "line", "accent", "accent-2"];

function render({ model, el }) {
  const root = widgetRoot(el, "vc-estimators", "Gradient estimators");
  const maker = estimateMaker(REPETITIONS, SAMPLES.at(-1));
  const shared = sharedValues(model, NAMES, changed);
  const { values } = shared;
  const announce = liveText();
  let colours = null;
  let exact = null;

  // --- what is on the screen ----------------------------------------------------------------------

  const integrands = shared.control("integrand", radios, {
    legend: mathematical("f(z)"),
    options: [
      ["square", mathematical("z²")],
      ["cubic", mathematical("z³ − 3z")],
      ["sine", mathematical("sin c z")],
      ["relu", mathematical("max(0, z)")],
      ["step", mathematical("1[z > 0]")],
    ],
  });
  const oneDecimal = (value) => signed(value, 1);
  const sliders = [
    ["mean", slider, { label: "Mean μ", min: -2, max: 2, step: 0.1, format: oneDecimal }],
    ["sigma", slider, { label: "Scale σ", min: 0.2, max: 1.5, step: 0.1, format: oneDecimal }],
    ["samples", listSlider, { label: "Samples K", values: SAMPLES }],
    ["frequency", slider, { label: "Frequency c", min: 1, max: 10, step: 0.5, format: oneDecimal }],
  ].map((description) => shared.control(...description).element);
  const parameters = shared.control("parameter", radios, {
    legend: "Derivative by",
    options: [
      ["mean", mathematical("μ")],
      ["sigma", mathematical("σ")],
    ],
  });
  const baseline = shared.control("baseline", checkbox, {
    label: element("span", {}, "Baseline ", mathematical("b = E f(z)")),
  });
  const view = chart("The integrand f, the density q of z below it, and eight samples", "ge-view");
  const histograms = chart("Histograms of the estimates of both estimators", "ge-histograms");
  const numbers = numberTable();
  const verdict = element("p", { className: "ge-verdict" });
  const column = (...children) => element("div", {}, ...children);
  const title = (...text) => element("p", { className: "vc-chart-title" }, ...text);
  const key = (name, text) => element("b", { className: `ge-${name}` }, text);
  root.append(
    integrands.element,
    element("div", { className: "ge-sliders" }, ...sliders),
    element(
      "div",
      { className: "ge-choices" },
      parameters.element,
      baseline.element,
      button("Draw again", () => shared.moveTo({ seed: values.seed + 1 })),
    ),
    element(
      "div",
      { className: "ge-charts" },
      column(
        title("What they look at"),
        view.element,
        element(
          "p",
          { className: "vc-muted" },
          key("score", "Heights "),
          mathematical("f(z) − b"),
          ", weighed by where the sample fell: the score function. ",
          key("pathwise", "Slopes "),
          mathematical("f′(z)"),
          ": pathwise.",
        ),
      ),
      column(
        title(`What they say, ${REPETITIONS.toLocaleString("en")} times`),
        histograms.element,
      ),
      numbers.element,
      verdict,
    ),
    announce.element,
  );

  function numberTable() {
    const cells = {};
    const row = (name, text) => {
      cells[name] = [0, 1, 2].map(() => element("td"));
      const head = element("th", { scope: "row", className: `ge-${name}` }, text);
      return element("tr", {}, head, ...cells[name]);
    };
    const heads = ["", "mean", "standard deviation", "exact"];
    const table = element(
      "table",
      { className: "vc-numbers" },
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          ...heads.map((text) => element(text ? "th" : "td", text ? { scope: "col" } : {}, text)),
        ),
      ),
      element(
        "tbody",
        {},
        row("score", "Score function"),
        row("pathwise", "Pathwise"),
        row("ratio", "Variance ratio"),
      ),
    );
    return { element: table, cells };
  }

  // --- what changes -------------------------------------------------------------------------------

  let seed = null;
  function changed() {
    if (values.seed !== seed) maker.reseed(normals(values.seed));
    seed = values.seed;
    exact = exactMoments(values);
    maker.start(values, exact.b);
    root.classList.toggle("ge-waves", values.integrand === "sine");
    frames.request();
  }

  // --- one frame ----------------------------------------------------------------------------------

  function drawView() {
    const { context, width, height } = view.begin(colours);
    const integrand = integrandNamed(values.integrand, values.frequency);
    const x = linearScale(-REACH, REACH, 34, width - 6);
    const floor = height - 24; // under it, the numbers of the axis
    const ground = floor - 52; // under it, the density
    const z = (pixel) => x.low + ((pixel - x.from) / (x.to - x.from)) * (x.high - x.low);
    const pixels = Array.from({ length: 2 * (x.to - x.from) + 1 }, (_, i) => x.from + i / 2);
    const near = pixels.map(z).filter((at) => Math.abs(at - values.mean) < 2.5 * values.sigma);
    const heights = near.map(integrand.value);
    const [low, high] = [Math.min(0, ...heights), Math.max(0.5, ...heights)];
    const margin = 0.1 * (high - low);
    const y = linearScale(low - margin, high + margin, ground - 8, 6);

    for (const [tick, text] of roundNumbers(y.low, y.high, 5)) {
      line(context, x.from, y(tick), x.to, y(tick), rgb(colours.line));
      label(context, text, x.from - 6, y(tick), rgb(colours.muted), "right");
    }
    const bell = pixels.map((pixel) => {
      const density = Math.exp(-0.5 * ((z(pixel) - values.mean) / values.sigma) ** 2);
      return [pixel, floor - 40 * density];
    });
    area(context, bell, [[x.to, floor], [x.from, floor]], rgb(colours.muted, 0.3));
    label(context, "q(z)", x.from, floor - 12, rgb(colours.muted));
    horizontalAxis(context, roundNumbers(-REACH, REACH, 5), x, floor, colours);

    context.save();
    context.beginPath();
    context.rect(x.from, 0, x.to - x.from, ground);
    context.clip();
    line(context, x.from, y(exact.b), x.to, y(exact.b), rgb(colours["accent-2"]), 1, [4, 3]);
    const points = pixels.map((pixel) => {
      const jump = values.integrand === "step" && Math.abs(z(pixel)) < 0.02;
      return jump ? null : [pixel, y(integrand.value(z(pixel)))];
    });
    const samples = Array.from(maker.noise.subarray(0, SHOWN), (e) => values.mean + values.sigma * e);
    for (const at of samples) {
      const [left, top] = [x(at), y(integrand.value(at))];
      line(context, left, y(exact.b), left, top, rgb(colours["accent-2"], 0.8), 3);
    }
    curve(context, points, rgb(colours.ink), 1.75);
    for (const at of samples) {
      const [left, top] = [x(at), y(integrand.value(at))];
      const rise = integrand.slope(at) * ((y.to - y.from) / (y.high - y.low));
      const run = (x.to - x.from) / (x.high - x.low);
      const [dx, dy] = [run, rise].map((part) => (13 * part) / Math.hypot(run, rise));
      line(context, left - dx, top - dy, left + dx, top + dy, rgb(colours.accent), 3);
    }
    context.restore();
    for (const at of samples) {
      context.fillStyle = rgb(colours.ink);
      context.beginPath();
      context.arc(x(at), floor, 2.5, 0, 2 * Math.PI);
      context.fill();
    }
  }

  function drawHistograms() {
    const { context, width, height } = histograms.begin(colours);
    const widest = Math.sqrt(Math.max(exact.score.variance, exact.pathwise.variance, 1e-4));
    // The axis belongs to K = 1: a larger K is seen to narrow what is drawn on it.
    const reach = Math.max(2 * widest, 1.2 * Math.abs(exact.gradient - exact.pathwise.mean));
    const x = linearScale(exact.gradient - reach, exact.gradient + reach, 8, width - 8);
    const floor = height - 24;
    const panel = (floor - 20) / 2;
    drawHistogram(context, x, "score", "Score function", 20 + panel, panel - 8, "accent-2");
    drawHistogram(context, x, "pathwise", "Pathwise", floor, panel - 8, "accent");
    line(context, x(exact.gradient), 16, x(exact.gradient), floor, rgb(colours.ink), 1.5);
    const text = `exact gradient ${inDigits(exact.gradient)}`;
    label(context, text, x(exact.gradient), 12, rgb(colours.ink), "center", "bottom");
    horizontalAxis(context, roundNumbers(x.low, x.high, 7), x, floor, colours);
  }

  function drawHistogram(context, x, name, text, floor, tallest, colour) {
    const bins = Math.round((x.to - x.from) / 4);
    const counts = new Float64Array(bins);
    let [below, above] = [0, 0];
    for (let i = 0; i < maker.done; i++) {
      const estimate = maker.estimates[name][i];
      const bin = Math.floor(((estimate - x.low) / (x.high - x.low)) * bins);
      if (bin < 0) below += 1;
      else if (bin >= bins) above += 1;
      else counts[bin] += 1;
    }
    const most = Math.max(1, ...counts);
    const side = (x.to - x.from) / bins;
    context.beginPath();
    counts.forEach((count, bin) => {
      const high = (count / most) * tallest;
      if (count) context.rect(x.from + bin * side, floor - high, side, high);
    });
    context.fillStyle = rgb(colours[colour], 0.85);
    context.fill();
    line(context, x.from, floor, x.to, floor, rgb(colours.line));
    const top = floor - tallest + 6;
    context.font = `600 13px ${colours.font}`;
    label(context, text, x.from, top, rgb(colours[colour]));
    context.font = `12px ${colours.font}`;
    if (isBiased(name)) {
      const beside = x(exact[name].mean) < x(exact.gradient) ? "right" : "left";
      const gap = beside === "right" ? -8 : 8;
      label(context, "biased", x(exact[name].mean) + gap, floor - 24, rgb(colours.ink), beside);
    }
    const beyond = (count, place, align, arrow) =>
      count && label(context, arrow(count), place, floor - 9, rgb(colours.muted), align);
    beyond(below, x.from, "left", (count) => `← ${count}`);
    beyond(above, x.to, "right", (count) => `${count} →`);
  }

  const isBiased = (name) => Math.abs(exact[name].mean - exact.gradient) > 1e-9;

  function showNumbers() {
    const found = {};
    for (const name of ["score", "pathwise"]) {
      found[name] = meanAndVariance(maker.estimates[name], maker.done);
      numbers.cells[name][0].textContent = inDigits(found[name].mean);
      numbers.cells[name][1].textContent = inDigits(Math.sqrt(found[name].variance));
      numbers.cells[name][2].textContent = inDigits(Math.sqrt(exact[name].variance / values.samples));
    }
    const ratio = exact.score.variance / exact.pathwise.variance;
    numbers.cells.ratio[1].textContent = shortRatio(found.score.variance / found.pathwise.variance);
    numbers.cells.ratio[2].textContent = shortRatio(ratio);
    const text = verdictOn(ratio);
    if (verdict.textContent !== text) verdict.textContent = text;
    announce.say(
      `Exact gradient ${inDigits(exact.gradient)}. Standard deviation of the score function ` +
        `${numbers.cells.score[2].textContent}, of pathwise ` +
        `${numbers.cells.pathwise[2].textContent}. ${text}`,
    );
    return found;
  }

  function shortRatio(ratio) {
    if (isBiased("pathwise")) return "—"; // of two numbers that mean different things
    return ratio < 1e5 ? inDigits(ratio) : "> 100,000";
  }

  function verdictOn(ratio) {
    if (isBiased("pathwise")) {
      return (
        "Pathwise sees no slope and says 0, with certainty, and it is wrong: " +
        "the jump carries the gradient. More samples do not help."
      );
    }
    if (ratio > 0.95 && ratio < 1.05) return "Here both need about the same number of samples.";
    const [winner, factor] = ratio > 1 ? ["pathwise", ratio] : ["the score function", 1 / ratio];
    const times = factor < 1e5 ? inDigits(factor, 2) : "more than 100,000";
    return `For the same precision, ${winner} needs ${times} times fewer samples here.`;
  }

  let found = null;
  function draw() {
    if (!colours) return; // not on the page yet
    const finished = maker.advance(performance.now() + WORK);
    drawView();
    drawHistograms();
    found = showNumbers();
    if (!finished) frames.request();
  }

  const frames = frameLoop(draw);
  changed();
  const stopWatching = onAppearance(root, () => {
    colours = chartColours(root, COLOURS);
    frames.request();
  });

  root.courseWidget = {
    values,
    maker,
    get exact() {
      return exact;
    },
    get found() {
      return found;
    },
    frames: frames.frames,
    moveTo: shared.moveTo,
  };

  return () => {
    stopWatching();
    frames.stop();
    announce.stop();
    shared.stop();
  };
}

export default { render };
