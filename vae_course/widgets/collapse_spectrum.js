// The line βσ² across a spectrum: latents above it are used, the others are not. See
// collapse_spectrum.py; the pictures are drawn by spectrum_charts.js.

const NAMES = ["log_var", "log_beta", "latent_dim", "hold"];
const COLOURS = ["ink", "paper", "muted", "line", "accent", "rate", "distortion", "bound"];
const MOST_BARS = 64;
const GRASP = 26; // CSS pixels from the line within which a finger takes hold of it
const LOG_BETA = [Math.log(0.1), Math.log(100)];

function render({ model, el }) {
  const eigenvalues = model.get("eigenvalues");
  const theory = spectrum(eigenvalues);
  const { n } = theory;
  const bars = eigenvalues.slice(0, MOST_BARS);
  // From far below what a linear VAE of 32 latents learns, up to the mean over the pixels.
  const lowest = Math.floor(Math.log10(eigenvalues[0] / 500));
  const highest = Math.ceil(Math.log10(Math.max(n / 2, eigenvalues[0])));
  const logVar = [lowest * Math.LN10, highest * Math.LN10];
  const powers = []; // of ten, as [logarithm, text]
  for (let power = lowest; power <= highest; power++) powers.push([power * Math.LN10, powerOfTen(power)]);

  const root = widgetRoot(el, "vc-spectrum", "Collapse on a spectrum");
  const shared = sharedValues(model, NAMES, changed);
  const { values } = shared;
  const announce = liveText();
  let colours = null;
  let found = null;

  // --- what is on the screen ----------------------------------------------------------------------

  const logSlider = (label, [min, max], move) => (options) =>
    slider({
      ...options,
      label,
      min,
      max,
      step: 0.01,
      format: (value) => inDigits(Math.exp(value)),
      onInput: move,
    });
  const sliders = [
    shared.control("log_var", logSlider(symbol("Noise ", "σ²"), logVar, (v) => slide("log_var", v))),
    shared.control("log_beta", logSlider(symbol("Weight ", "β"), LOG_BETA, (v) => slide("log_beta", v))),
    shared.control("latent_dim", slider, {
      label: symbol("Latents ", "d"),
      min: 1,
      max: Math.min(32, n - 1),
      step: 1,
    }),
  ];
  const hold = shared.control("hold", checkbox, {
    label: symbol("keep ", "βσ²", ": one slider moves the other"),
  });
  const view = chart(`Eigenvalues of ${model.get("name")}, and the line βσ²`, "cs-view");
  const curveView = chart("Squared error against rate, with the exact curve", "cs-small");
  const elboView = chart("The ELBO against σ², at this β", "cs-small");
  const numbers = numberList();
  const learn = button("", () =>
    shared.moveTo({ log_var: Math.log(found.learned), log_beta: 0 }),
  );
  const verdict = element("p", { className: "cs-verdict" });
  const group = (name, ...children) => element("div", { className: `cs-${name}` }, ...children);
  const title = (...text) => element("p", { className: "vc-chart-title" }, ...text);
  const key = (name, ...text) => element("span", { className: `cs-key cs-${name}` }, ...text);
  const half = Math.log(0.5);
  root.append(
    group("sliders", ...sliders.map((one) => one.element), hold.element),
    group(
      "buttons",
      button("Summed squared error: σ² = ½", () => shared.moveTo({ log_var: half, log_beta: 0 })),
      button(`Mean squared error: σ² = ${inDigits(n / 2)}`, () =>
        shared.moveTo({ log_var: Math.log(n / 2), log_beta: 0 }),
      ),
      learn,
    ),
    title(
      `Variance of ${model.get("name")} along ${n > bars.length ? `the first ${bars.length} of ` : ""}` +
        `${n} principal directions`,
    ),
    view.element,
    group(
      "legend",
      key("active", "active latent: twice its KL"),
      key("left", "squared error left of it"),
      key("collapsed", "collapsed latent"),
      key("without", "no latent"),
    ),
    numbers.element,
    verdict,
    group(
      "charts",
      element(
        "div",
        {},
        title("Squared error ", mathematical("δ"), " against rate ", mathematical("R")),
        curveView.element,
        element("p", { className: "vc-muted" }, "Solid: the exact curve of Gaussian data. Dashed: all that d latents can do."),
      ),
      element(
        "div",
        {},
        title("ELBO against ", mathematical("σ²"), ", at this ", mathematical("β")),
        elboView.element,
        element("p", { className: "vc-muted" }, "The mark on the axis: the learned σ², best at β = 1."),
      ),
    ),
    announce.element,
  );

  function symbol(before, letters, after = "") {
    return element("span", {}, before, mathematical(letters), after);
  }

  function numberList() {
    const cells = {};
    const entry = (name, ...text) => {
      cells[name] = element("dd");
      return element("div", {}, element("dt", {}, ...text), cells[name]);
    };
    const list = element(
      "dl",
      { className: "cs-numbers" },
      entry("active", "Active latents"),
      entry("rate", "Rate ", mathematical("R")),
      entry("squaredError", "Squared error ", mathematical("δ")),
      entry("level", "Line ", mathematical("h = βσ²")),
      entry("distortion", "Distortion ", mathematical("D")),
      entry("elbo", "ELBO ", mathematical("−D − R")),
    );
    return { element: list, cells };
  }

  // --- what changes -------------------------------------------------------------------------------

  function changed() {
    const [variance, beta] = [Math.exp(values.log_var), Math.exp(values.log_beta)];
    const now = theory.optimum(variance, beta, values.latent_dim);
    found = {
      ...now,
      variance,
      beta,
      learned: theory.learnedVariance(values.latent_dim),
      rates: theory.rates(now.level, values.latent_dim),
    };
    frames.request();
  }

  /** A slider was moved; where βσ² is kept, the other one gives way. */
  function slide(name, value) {
    if (!values.hold) return shared.moveTo({ [name]: value });
    const [other, [low, high]] = name === "log_var" ? ["log_beta", LOG_BETA] : ["log_var", logVar];
    const sum = values.log_var + values.log_beta;
    const wanted = Math.min(high, Math.max(low, sum - value));
    shared.moveTo({ [name]: sum - wanted, [other]: wanted });
  }

  /** The line moves with σ²; β stays. */
  function moveLine(logLevel) {
    const wanted = Math.min(logVar[1], Math.max(logVar[0], logLevel - values.log_beta));
    shared.moveTo({ log_var: wanted });
  }

  let vertical = null; // from log λ to the height on the screen, of the last frame
  const logAt = (offsetY) =>
    vertical.low + ((offsetY - vertical.from) / (vertical.to - vertical.from)) * (vertical.high - vertical.low);
  const toLine = (offsetY) => Math.abs(offsetY - vertical(clamped(Math.log(found.level))));
  let grasped = null; // how far above the line the pointer took hold of it, in log λ
  view.canvas.addEventListener("pointerdown", (event) => {
    if (event.button || (event.pointerType === "touch" && toLine(event.offsetY) > GRASP)) return;
    view.canvas.setPointerCapture(event.pointerId);
    const near = toLine(event.offsetY) <= GRASP;
    grasped = near ? clamped(Math.log(found.level)) - logAt(event.offsetY) : 0;
    if (!near) moveLine(logAt(event.offsetY));
  });
  view.canvas.addEventListener("pointermove", (event) => {
    if (grasped !== null) moveLine(logAt(event.offsetY) + grasped);
    else view.canvas.classList.toggle("cs-near", toLine(event.offsetY) <= GRASP);
  });
  for (const type of ["pointerup", "pointercancel"]) {
    view.canvas.addEventListener(type, () => (grasped = null));
  }
  // A finger on the line drags it; anywhere else it scrolls the page.
  view.canvas.addEventListener(
    "touchstart",
    (event) => {
      const top = view.canvas.getBoundingClientRect().top;
      if (toLine(event.touches[0].clientY - top) <= GRASP) event.preventDefault();
    },
    { passive: false },
  );

  // --- one frame ----------------------------------------------------------------------------------

  const clamped = (logLevel) => Math.min(vertical.high, Math.max(vertical.low, logLevel));

  function showNumbers() {
    const { cells } = numbers;
    const nats = (value) => `${inDigits(value, 4)} nats`;
    cells.level.textContent = inDigits(found.level);
    cells.active.textContent = `${found.active} of ${values.latent_dim}`;
    cells.rate.textContent = nats(found.rate);
    cells.squaredError.textContent = `${inDigits(found.squaredError)} of ${inDigits(theory.total)}`;
    cells.distortion.textContent = nats(found.distortion);
    cells.elbo.textContent = nats(found.elbo);
    learn.textContent = `Learned: σ² = ${inDigits(found.learned)}`;
    const text = verdictText();
    if (verdict.textContent !== text) verdict.textContent = text;
    const rates = found.rates.slice(0, found.active).map((rate) => rate.toFixed(2));
    announce.say(
      `βσ² is ${inDigits(found.level)}: ${found.active} of ${values.latent_dim} latents are active` +
        `${rates.length ? `, KL ${rates.join(", ")} nats` : ""}. Rate ${nats(found.rate)}, squared error ` +
        `${cells.squaredError.textContent}, ELBO ${nats(found.elbo)}. ${text}`,
    );
  }

  function verdictText() {
    const latents = values.latent_dim;
    if (found.active === 0) {
      return "All latents have collapsed: the line is above every variance of the data.";
    }
    if (found.active === latents) {
      const next = eigenvalues[latents];
      return found.level < next
        ? `All ${latents} latents are active, and one more would be, too: with more of them the same ` +
            "rate would leave a smaller error."
        : `All ${latents} latents are active.`;
    }
    const first = eigenvalues[found.active];
    return (
      `Latent ${found.active + 1} has collapsed: its direction has the variance ${inDigits(first)}, ` +
      `and using it would cost more than it saves as long as βσ² is above that.`
    );
  }

  function draw() {
    const shown = { theory, bars, logVar, powers, values, found, colours };
    vertical = drawSpectrum(view, shown);
    drawExactCurve(curveView, shown);
    drawElboCurve(elboView, shown);
    showNumbers();
  }

  const recolour = () => (colours = chartColours(root, COLOURS));
  const frames = liveDrawing(root, recolour, draw, [announce, shared]);
  changed();

  root.courseWidget = {
    values,
    get found() {
      return found;
    },
    /** Where a variance is drawn, in CSS pixels from the top of the first picture. */
    heightOf: (value) => vertical(Math.log(value)),
    frames: frames.frames,
    moveTo: shared.moveTo,
  };

  return frames.stop;
}

export default { render };
