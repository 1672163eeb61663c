// The parts of "A VAE at work" that know nothing of the whole: choosers, formula, bars.

const signed = (text) => text.replace("-", "−");
const oneDigit = (t) => signed(t.toFixed(1));
const twoDigits = (t) => signed(t.toFixed(2));
const sub = (letter, index) => [letter, element("sub", {}, String(index))];

/** Bits in base64, first pixel first, to 784 zeros and ones. */
function unpackBits(base64) {
  const bytes = decodeBytes(base64);
  return Float32Array.from({ length: 784 }, (_, i) => (bytes[i >> 3] >> (7 - (i & 7))) & 1);
}

/** Native radio buttons in a group: one stop of the Tab key, and the arrow keys choose. */
function radios(legend, labels, onChoose) {
  const name = uniqueId("at-radio");
  const inputs = labels.map((_, i) => {
    const input = element("input", { type: "radio", name, checked: i === 0 });
    input.addEventListener("change", () => onChoose(i));
    return input;
  });
  const choices = inputs.map((input, i) => element("label", {}, input, labels[i]));
  const group = element("fieldset", { className: "at-radios" }, element("legend", {}, legend));
  group.append(...choices);
  return { element: group, inputs };
}

/** The given digits, to choose from. */
function chooser(given, onChoose) {
  const pictures = given.map(() => {
    const canvas = element("canvas", { width: 28, height: 28 });
    canvas.setAttribute("aria-hidden", "true");
    return canvas;
  });
  const group = radios("Draw a digit, or pick one", pictures, onChoose);
  group.element.classList.add("at-given");
  group.inputs.forEach((input, i) => (input.ariaLabel = `a handwritten ${given[i].label}`));
  return {
    element: group.element,
    check: (index) => group.inputs.forEach((input, i) => (input.checked = i === index)),
    draw: (colours) =>
      pictures.forEach((canvas, i) => {
        canvas.getContext("2d").putImageData(inkOnPaper(given[i].x, 28, 28, colours), 0, 0);
      }),
  };
}

/** Numbers in [0, 1] on a canvas of 28 × 28 squares. */
function pixels({ context, fit }, values, colours) {
  const { width, height } = fit();
  drawCrisp(context, inkOnPaper(values, 28, 28, colours), 0, 0, width, height);
}

/** What the decoder makes of the middle of each cell of a side × side grid over the map, row by row. */
function gridPictures(decoder, half, side) {
  const at = (i) => half * ((2 * i + 1) / side - 1);
  return Array.from({ length: side * side }, (_, i) => {
    const z = Float32Array.of(at(i % side), -at(Math.floor(i / side)));
    return decoder.forward(z).map(sigmoid);
  });
}

/** Calls step(t), t from 0 to 1 within a third of a second, or at once where motion is unwelcome. */
function glide(step) {
  if (reducedMotion()) {
    step(1);
    return () => {};
  }
  const start = performance.now();
  let waiting = requestAnimationFrame(function next(now) {
    const t = Math.min(1, Math.max(0, (now - start) / 320));
    step(1 - (1 - t) ** 3);
    if (t < 1) waiting = requestAnimationFrame(next);
  });
  return () => cancelAnimationFrame(waiting);
}

/** z = μ + σ × ε, one row for each latent, in live numbers. */
function sampleFormula() {
  const cells = [0, 1].map(() => [0, 1, 2, 3].map(() => element("td")));
  const names = ["z", "=", "μ", "+", "σ", "×", "ε"];
  const head = [element("td"), ...names.map((text) => element("th", { scope: "col" }, text))];
  const rows = cells.map(([z, mu, sigma, epsilon], i) => {
    const name = element("th", { scope: "row" }, String(i + 1));
    const sign = (text) => element("td", {}, text);
    return element("tr", {}, name, z, sign("="), mu, sign("+"), sigma, sign("×"), epsilon);
  });
  const table = element("table", { className: "at-formula" }, element("tr", {}, ...head), ...rows);
  const show = (...columns) => {
    cells.forEach((row, i) =>
      row.forEach((cell, j) => (cell.textContent = signed(columns[j][i].toFixed(j === 2 ? 3 : 2)))),
    );
  };
  return { element: table, show };
}

/** Distortion, rate and their sum as bars on one scale: the rate's starts where the other ends. */
function boundBars() {
  const row = (kind, name, meaning) => {
    const bar = element("span", { className: `at-bar at-${kind}` });
    const value = element("b");
    const text = element("span", {}, name);
    const track = element("div", { className: "at-track" }, bar);
    const note = element("p", { className: "vc-muted" }, meaning);
    return {
      element: element("div", { className: "at-row" }, element("p", {}, text, value), track, note),
      show(from, length, full, number) {
        bar.style.transform = `translateX(${(100 * from) / full}%) scaleX(${length / full})`;
        value.textContent = `${oneDigit(number)} nats`;
      },
    };
  };
  const rows = [
    row("distortion", "Distortion D = −log p(x|z)", "how badly the decoding explains x"),
    row("rate", "Rate R = KL(q(z|x) ‖ p(z))", "how far the ellipse is from the dashed prior"),
    row("bound", "Bound −(D + R)", "estimated from this one z"),
  ];
  const average = element("b");
  const evidence = element("b");
  const gap = element("b");
  const exact = element(
    "p",
    { className: "at-exact vc-muted" },
    "Averaged over ε, the bound is ",
    average,
    ". Summing p(x|z) p(z) over the whole lens by brute force gives log p(x) ≥ ",
    evidence,
    ". The gap between the two, ≥ ",
    gap,
    " nats, is KL(q(z|x) ‖ p(z|x)): the encoder's ellipse against the true posterior, grey in the ",
    "lens.",
  );
  const ruler = element("div", { className: "at-ruler" });
  let shown = 0;
  return {
    element: element("div", { className: "at-bars" }, ...rows.map((r) => r.element), ruler, exact),
    show(distortion, rate, posterior, full) {
      const bar = Math.min(distortion, full - rate); // the longest scale ends somewhere
      rows[0].show(0, bar, full, distortion);
      rows[1].show(bar, rate, full, rate);
      rows[2].show(0, bar + rate, full, -(distortion + rate));
      if (shown !== full) {
        shown = full;
        const ticks = [0, 1, 2, 3, 4].map((i) => element("span", {}, String((full * i) / 4)));
        ruler.replaceChildren(...ticks);
      }
      const bound = posterior && -(posterior.distortion + rate);
      average.textContent = posterior ? oneDigit(bound) : "…";
      evidence.textContent = posterior ? oneDigit(posterior.logEvidence) : "…";
      gap.textContent = posterior ? (posterior.logEvidence - bound).toFixed(1) : "…";
    },
  };
}
