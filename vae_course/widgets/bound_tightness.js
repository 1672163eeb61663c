// Bound tightness: how far the bound of K samples is below log p(x), how much it varies, and who
// carries it, where log p(x) is known. See bound_tightness.py.

const DIMENSIONS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
const RUNS = 200;
const WORK = 1.2; // ms of a frame for runs; what is left waits for the next
const NAMES = ["samples", "dimensions", "shift", "scale", "total", "seed"];
const COLOURS = ["ink", "paper", "muted", "line", "accent", "bound"];

function render({ model, el }) {
  const root = widgetRoot(el, "vc-tightness", "Bound tightness");
  const maker = boundMaker(RUNS);
  const shared = sharedValues(model, NAMES, changed);
  const { values } = shared;
  const announce = liveText();
  let colours = null;
  let exact = null;

  // --- what is on the screen ----------------------------------------------------------------------

  const thousands = (value) => value.toLocaleString("en");
  const sliders = [
    ["samples", listSlider, { label: "Samples K", values: SAMPLE_COUNTS, format: thousands }],
    ["dimensions", listSlider, { label: "Dimensions d", values: DIMENSIONS }],
    ["shift", slider, { label: "Shift m", min: 0, max: 1.5, step: 0.05, format: twoDecimals }],
    ["scale", slider, { label: "Scale s", min: 0.5, max: 2, step: 0.05, format: twoDecimals }],
  ].map((description) => shared.control(...description).element);
  const total = shared.control("total", radios, {
    legend: "More dimensions",
    options: [
      [false, "same mismatch in each"],
      [true, "same KL in total"],
    ],
  });
  const note = element("p", { className: "vc-muted" });
  const view = chart("The bound of K samples against log p(x), for K from 1 to 1,000", "bt-view");
  const strip = chart("Normalised weights of one draw, side by side, the largest first", "bt-strip");
  const stripTitle = element("p", { className: "vc-chart-title" });
  const stripText = element("p", { className: "vc-muted" });
  const verdict = element("p", { className: "bt-verdict" });
  const numbers = numberTable();
  const group = (name, ...children) => element("div", { className: `bt-${name}` }, ...children);
  root.append(
    group("sliders", ...sliders),
    group(
      "choices",
      total.element,
      button("Draw again", () => shared.moveTo({ seed: values.seed + 1 })),
    ),
    note,
    group(
      "charts",
      group(
        "left",
        element(
          "p",
          { className: "vc-chart-title" },
          mathematical("L"),
          element("sub", {}, mathematical("K")),
          mathematical(" − log p(x)"),
          ", in nats",
        ),
        view.element,
        element(
          "p",
          { className: "vc-muted" },
          `Mean of ${RUNS} runs, and the middle 80% of them.`,
        ),
      ),
      group("right", stripTitle, strip.element, stripText, numbers.element),
    ),
    verdict,
    announce.element,
  );

  function numberTable() {
    const cells = {};
    const row = (name, ...text) => {
      const head = element("th", { scope: "row" }, ...text);
      cells[name] = { head, found: element("td"), exact: element("td") };
      return element("tr", {}, head, cells[name].found, cells[name].exact);
    };
    const head = (text) => element("th", { scope: "col" }, text);
    const table = element(
      "table",
      { className: "vc-numbers" },
      element(
        "thead",
        {},
        element("tr", {}, element("td"), head(`${RUNS}\u00a0runs`), head("exact")),
      ),
      element(
        "tbody",
        {},
        row("elbo", "ELBO ", mathematical("− log p(x)")),
        row("bound", ""),
        row("ess", "ESS ", mathematical("/ K")),
        row("largest", "Largest weight"),
        row("needed", mathematical("K"), " needed"),
      ),
    );
    cells.needed.found.remove(); // there is nothing to measure
    cells.needed.exact.colSpan = 2;
    return { element: table, cells };
  }

  // --- what changes -------------------------------------------------------------------------------

  function changed() {
    exact = exactTightness(values);
    maker.start(values, normals, uniforms);
    frames.request();
  }

  // --- one frame ----------------------------------------------------------------------------------

  let found = null;
  function summarise() {
    const of = (table) => table.map((numbers) => summary(numbers, maker.done));
    const place = maker.counts.findIndex((count) => count >= values.samples);
    const { bound, ess, largest } = maker.results;
    found = {
      place,
      bounds: of(bound),
      ess: summary(ess[place], maker.done).mean,
      largest: summary(largest[place], maker.done).mean,
      weights: normalisedWeights(maker.firstLogWeights.subarray(0, maker.counts[place])),
    };
  }

  function drawView() {
    const { context, width, height } = view.begin(colours);
    const deviation = Math.sqrt(exact.logWeightVariance);
    const low = Math.min(-0.1, -exact.klQP - 1.6 * deviation);
    const high = Math.max(0.2 * -low, 1.6 * deviation - exact.klQP);
    const floor = height - 36;
    const x = linearScale(0, 3, 40, width - 20);
    const y = linearScale(low, high, floor, 8);
    for (const [tick, text] of roundNumbers(low, high, 6)) {
      line(context, x.from, y(tick), x.to, y(tick), rgb(colours.line));
      label(context, text, x.from - 6, y(tick), rgb(colours.muted), "right");
    }
    const powers = [1, 10, 100, 1000].map((count, power) => [power, thousands(count)]);
    horizontalAxis(context, powers, x, floor, colours);
    label(context, "samples K", (x.from + x.to) / 2, height - 6, rgb(colours.muted), "center");

    const places = maker.counts.map((count) => x(Math.log10(count)));
    const joined = (part) => found.bounds.map((one, i) => [places[i], y(one[part])]);
    context.save();
    context.beginPath();
    context.rect(x.from, 0, width, floor);
    context.clip();
    area(context, joined("high"), joined("low"), rgb(colours.bound, 0.18));
    line(context, x.from, y(0), x.to, y(0), rgb(colours.ink), 1.5);
    line(context, x.from, y(-exact.klQP), x.to, y(-exact.klQP), rgb(colours.bound), 1.5, [5, 4]);
    curve(context, joined("mean"), rgb(colours.bound), 2.5);
    context.restore();
    label(context, "log p(x)", x.to, y(0) - 5, rgb(colours.ink), "right", "bottom");
    label(context, "ELBO", x.to, y(-exact.klQP) + 5, rgb(colours.bound), "right", "top");

    const enough = exact.klPQ / Math.LN10;
    if (enough > 0.02 && enough < 3) {
      line(context, x(enough), floor - 7, x(enough), floor + 7, rgb(colours.accent), 3);
      const side = enough > 2 ? "right" : "left";
      const beside = x(enough) + (side === "left" ? 6 : -6);
      label(context, "K needed", beside, floor - 9, rgb(colours.accent), side);
    }
    const here = found.bounds[found.place];
    const at = places[found.place];
    line(context, at, y(here.low), at, y(here.high), rgb(colours.bound), 2);
    context.beginPath();
    context.arc(at, y(here.mean), 5.5, 0, 2 * Math.PI);
    context.fillStyle = rgb(colours.bound);
    context.fill();
    context.strokeStyle = rgb(colours.paper);
    context.stroke();
  }

  function drawStrip() {
    const { context, width, height } = strip.begin(colours);
    let left = 0;
    found.weights.forEach((weight, rank) => {
      const wide = weight * width;
      context.fillStyle = rgb(colours.accent, 1 - (0.7 * rank) / found.weights.length);
      context.fillRect(left, 0, wide > 3 ? wide - 1 : wide, height);
      left += wide;
    });
  }

  function showNumbers() {
    const { cells } = numbers;
    const here = found.bounds[found.place];
    const set = (name, measured, truth) => {
      cells[name].found.textContent = measured;
      cells[name].exact.textContent = truth;
    };
    const count = maker.counts[found.place];
    cells.bound.head.replaceChildren(
      mathematical("L"),
      element("sub", {}, thousands(count)),
      mathematical(" − log p(x)"),
    );
    set("elbo", twoDecimals(found.bounds[0].mean), twoDecimals(-exact.klQP));
    set("bound", twoDecimals(here.mean), "");
    const limit = exact.essFraction;
    const shown = limit > 0 && limit < 5e-5 ? "< 0.0001" : inDigits(limit);
    set("ess", inDigits(found.ess), `${shown} at K = ∞`);
    set("largest", inDigits(found.largest), `1/K = ${inDigits(1 / count)}`);
    cells.needed.exact.replaceChildren("about ", ...toTheDivergence(), ` = ${sampleCount()}`);
    stripTitle.textContent = `One draw of K = ${thousands(count)}: who carries it?`;
    const five = found.weights.slice(0, 5).reduce((sum, weight) => sum + weight, 0);
    stripText.textContent =
      `Largest weight ${inDigits(found.weights[0])}` +
      (count > 5 ? `, the five largest together ${inDigits(five)}.` : ".");
    const { m, s } = mismatch(values);
    note.textContent =
      "In each dimension the true posterior is N(0, 1) and q is N(m, s²)" +
      (values.total ? `, here with m = ${m.toFixed(3)} and s = ${s.toFixed(3)}.` : ".");
    verdict.replaceChildren(...verdictOn(count));
    announce.say(
      `K ${count}, d ${values.dimensions}. Bound ${twoDecimals(here.mean)}, ELBO ` +
        `${twoDecimals(-exact.klQP)} nats from log p of x. Effective sample size over K ` +
        `${inDigits(found.ess)}, largest weight ${inDigits(found.largest)}. ${verdict.textContent}`,
    );
  }

  function sampleCount() {
    const needed = Math.ceil(Math.exp(exact.klPQ) - 1e-9);
    if (needed < 1e6) return thousands(Number(needed.toPrecision(2)));
    const power = Math.floor(exact.klPQ / Math.LN10);
    return `10${[...String(power)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`;
  }

  const toTheDivergence = () => [mathematical("e"), element("sup", {}, mathematical("KL(p ‖ q)"))];

  function verdictOn(count) {
    if (exact.klPQ < 1e-6) {
      return ["q is the posterior: every weight is p(x), and one sample is exact."];
    }
    if (exact.essFraction === 0) {
      return [
        "q is too narrow (s² ≤ ½): the weights have infinite variance. A sample from the tails " +
          "that q leaves out comes rarely, and then outweighs all others.",
      ];
    }
    if (Math.log(count) < exact.klPQ) {
      const few = count > 1 ? "a few weights decide" : "the bound is the ELBO";
      return ["About ", ...toTheDivergence(), ` = ${sampleCount()} samples are needed; with `,
        `${thousands(count)}, ${few}.`];
    }
    return ["K is past ", ...toTheDivergence(), ": no single sample decides."];
  }

  function draw() {
    const finished = maker.advance(performance.now() + WORK);
    summarise();
    drawView();
    drawStrip();
    showNumbers();
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

/** −0.004 is shown as 0.00. */
function twoDecimals(value) {
  return signed(value, 2).replace(/^−(0\.00)$/, "$1");
}

export default { render };
