// Gradient estimators: the score function against the pathwise one, on integrands that favour one
// or the other. Left, what they look at; right, what they say. See gradient_estimators.py.

const SAMPLES = [1, 2, 5, 10, 20, 50, 100];
const REPETITIONS = 2000;
const WORK = 1.2; // ms of a frame for estimates; what is left waits for the next
const SHOWN = 8; // samples that are drawn on the integrand
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
    if (isBiased(exact)) return "—"; // of two numbers that mean different things
    return ratio < 1e5 ? inDigits(ratio) : "> 100,000";
  }

  function verdictOn(ratio) {
    if (isBiased(exact)) {
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
    const finished = maker.advance(performance.now() + WORK);
    drawIntegrand(view, colours, values, exact, maker.noise.subarray(0, SHOWN));
    drawHistograms(histograms, colours, exact, maker);
    found = showNumbers();
    if (!finished) frames.request();
  }

  const recolour = () => (colours = chartColours(root, COLOURS));
  const frames = liveDrawing(root, recolour, draw, [announce, shared]);
  changed();

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

  return frames.stop;
}

export default { render };
