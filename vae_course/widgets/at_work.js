// A VAE at work: draw a digit, and see what encoder, sample and decoder make of it.

const HALF_MAP = 3.4; // the map shows z from −3.4 to 3.4 on both axes
const LENS = 4; // half the lens, in standard deviations of the wider latent
const GRID = 14; // decodings along each side of the map
const START = [0.8, -0.6]; // ε at first: on the circle of radius 1, so z lies on the 1σ ellipse
const KEY_STEP = 0.1; // of the latent plane; with Shift a tenth of it
const NATS_FULL = 3; // a pixel that costs this much or more has the full colour of distortion
const SCALES = [200, 400, 800, 1600, 3200]; // nats across the bars

const COLOURS = ["ink", "paper", "muted", "accent", "accent-2", "distortion"];

function render({ model, el }) {
  const encoder = loadNetwork(model.get("encoder_layers"), model.get("encoder_weights"));
  const decoder = loadNetwork(model.get("decoder_layers"), model.get("decoder_weights"));
  const points = decodeFloat16(model.get("points"));
  const labels = Uint8Array.from(model.get("point_labels"), Number);
  const given = model.get("given").map(({ label, bits }) => ({ label, x: unpackBits(bits) }));

  // The state, and what follows from it. -------------------------------------------------------
  const state = { x: given[0].x, mu: [0, 0], logVar: [0, 0], sigma: [1, 1], z: [0, 0] };
  Object.assign(state, { epsilon: [...START], draws: [], preview: null, posterior: null });
  let [logits, probabilities] = [new Float32Array(784), new Float32Array(784)];
  let [distortion, rate, scale] = [0, 0, SCALES[0]];
  let stopPosterior = () => {};
  let stopMoving = () => {};

  function encode() {
    const output = encoder.forward(state.x);
    state.mu = [output[0], output[1]];
    state.logVar = [output[2], output[3]];
    state.sigma = state.logVar.map((value) => Math.exp(0.5 * value));
    state.lensHalf = LENS * Math.max(...state.sigma);
    rate = rateOf(state.mu, state.logVar);
    state.posterior = null;
    stopPosterior();
    const distortionAt = (z) => distortionOf(decoder.forward(Float32Array.from(z)), state.x);
    const done = (found) => {
      state.posterior = found;
      loop.request();
    };
    // While a drawing grows, each stroke stops the last one's sum: only a pause gets an answer.
    const pause = setTimeout(() => {
      stopPosterior = truePosterior({ ...state, reach: state.lensHalf, distortionAt, done });
    }, 150);
    stopPosterior = () => clearTimeout(pause);
  }

  function decode() {
    state.z = state.preview ?? zOf(state.epsilon);
    logits = decoder.forward(Float32Array.from(state.z));
    probabilities = logits.map(sigmoid);
    distortion = distortionOf(logits, state.x);
  }

  const zOf = (epsilon) => state.mu.map((m, i) => m + state.sigma[i] * epsilon[i]);
  const epsilonOf = (z) => z.map((value, i) => (value - state.mu[i]) / state.sigma[i]);

  // The page's elements. -----------------------------------------------------------------------
  const root = widgetRoot(el, "at-work", "A VAE at work");
  const pad = drawingPad({
    label: "Drawing pad: draw a digit with mouse, finger or pen",
    onDraw: (x) => setPicture(x, null),
  });
  const choices = chooser(given, (i) => {
    pad.show(given[i].x);
    scale = SCALES[0];
    setPicture(given[i].x, i);
  });
  const seen = picture("The 28 by 28 black and white picture that the encoder sees", 84, 84);
  const map = picture("Latent map", 320, 320);
  const lens = picture("Lens: the posterior, magnified", 160, 160);
  const output = picture("Decoding: each pixel's probability of ink", 200, 200);
  const cost = picture("Each pixel's share of the distortion", 84, 84);
  const status = liveText();
  status.element.id = uniqueId("at-status");
  const mapBox = element("div", { className: "at-map", role: "application", tabIndex: 0 });
  mapBox.append(map.element);
  mapBox.setAttribute("aria-label", "Latent map: the arrow keys move z, with Shift in small steps");
  mapBox.setAttribute("aria-describedby", status.element.id);
  const backdrops = radios("Show", ["digits", "decodings"], (i) => {
    showGrid = i === 1;
    appearance();
  });
  const sliders = [0, 1].map((i) =>
    slider({
      label: "",
      min: -3,
      max: 3,
      step: 0.05,
      value: START[i],
      format: twoDigits,
      onInput: (value) => move(state.epsilon.map((e, j) => (j === i ? value : e))),
    }),
  );
  sliders.forEach(({ label, input }, i) => {
    label.append(...sub("ε", i + 1));
    input.setAttribute("aria-label", `epsilon ${i + 1}`);
  });
  const formula = sampleFormula();
  const bars = boundBars();
  const code = element("code");
  const source = element("p", { className: "vc-muted" }, model.get("given_source"));

  const details = element(
    "details",
    {},
    element("summary", {}, "The same in six lines of Python"),
    element("pre", { tabIndex: 0 }, code),
  );
  details.addEventListener("toggle", () => loop.request());

  const step = (symbol, title, ...children) =>
    element(
      "div",
      { className: "at-step" },
      element("p", { className: "at-title" }, element("i", {}, symbol), ` ${title}`),
      ...children,
    );
  const note = (...text) => element("p", { className: "vc-muted" }, ...text);
  const arrow = (name) =>
    element("div", { className: "at-arrow" }, element("span", {}, name), element("b", {}, "→"));
  const beside = (large, small, ...rest) => {
    const text = element("div", {}, ...rest);
    const side = element("div", { className: "at-side" }, small.element, text);
    return element("div", { className: "at-pair" }, large.element, side);
  };

  root.append(
    choices.element,
    element(
      "div",
      { className: "at-flow" },
      step(
        "x",
        "data",
        beside(
          pad,
          seen,
          note("What the encoder sees: centred, scaled, each pixel black or white."),
          button("Clear", () => pad.clear()),
        ),
      ),
      arrow("encoder"),
      step(
        "q(z|x)",
        "posterior on the latent map",
        mapBox,
        backdrops.element,
        note(
          "Dots: where training digits lie. Move over the map: every point decodes, a click keeps ",
          "it. The square is the lens.",
        ),
      ),
      arrow("decoder"),
      step(
        "p(x|z)",
        "decoding of z",
        beside(
          output,
          cost,
          note("What each pixel of x costs, −log p(", ...sub("x", "i"), "|z). The sum is D."),
        ),
      ),
    ),
    element(
      "div",
      { className: "at-lower" },
      step(
        "z = μ + σ ⊙ ε",
        "a sample from the posterior",
        element(
          "div",
          { className: "at-sample" },
          element(
            "div",
            { className: "at-lens" },
            lens.element,
            note("The lens: 1σ, 2σ; grey: the true posterior"),
          ),
          element(
            "div",
            {},
            ...sliders.map((s) => s.element),
            element(
              "div",
              { className: "at-buttons" },
              button("Draw ε from N(0, I)", drawNoise),
              button("Reset", reset),
            ),
          ),
        ),
        formula.element,
      ),
      step("log p(x) ≥ −(D + R)", "the bound, in nats", bars.element),
    ),
    details,
    source,
    status.element,
  );

  // What the reader does. ----------------------------------------------------------------------
  function setPicture(x, index) {
    choices.check(index);
    stopMoving();
    // ε belongs to no picture, so it stays; unless z was put somewhere far off by hand.
    if (Math.max(...state.epsilon.map(Math.abs)) > 3) state.epsilon = [...START];
    Object.assign(state, { x, preview: null, encoded: false, padDrawn: false });
    loop.request();
  }
  function move(epsilon) {
    stopMoving();
    Object.assign(state, { epsilon, preview: null });
    loop.request();
  }
  const normal = normals(Math.floor(Math.random() * 2 ** 32));
  function drawNoise() {
    const [from, to] = [state.epsilon, [normal(), normal()]];
    stopMoving();
    state.draws = [...state.draws.slice(-99), to];
    stopMoving = glide((t) => {
      Object.assign(state, { epsilon: from.map((e, i) => e + t * (to[i] - e)), preview: null });
      loop.request();
    });
  }
  function reset() {
    Object.assign(state, { epsilon: [...START], draws: [] });
    scale = SCALES[0];
    pad.show(given[0].x);
    setPicture(given[0].x, 0);
  }

  const under = (canvas, event, centre, half) => {
    const box = canvas.getBoundingClientRect();
    const at = [event.clientX - box.left, event.clientY - box.top];
    return planeWindow(centre, half, box.width).z(...at);
  };
  const hold = (z) => move(epsilonOf(z));
  map.element.addEventListener("pointermove", (event) => {
    const z = under(map.element, event, [0, 0], HALF_MAP);
    if (event.buttons || event.pointerType === "touch") return hold(z);
    state.preview = z;
    loop.request();
  });
  map.element.addEventListener("pointerdown", (event) => {
    map.element.setPointerCapture(event.pointerId);
    hold(under(map.element, event, [0, 0], HALF_MAP));
  });
  map.element.addEventListener("pointerleave", () => {
    state.preview = null;
    loop.request();
  });
  for (const type of ["pointerdown", "pointermove"]) {
    lens.element.addEventListener(type, (event) => {
      if (!event.buttons) return;
      lens.element.setPointerCapture(event.pointerId);
      hold(under(lens.element, event, state.mu, state.lensHalf));
    });
  }
  const directions = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, 1],
    ArrowDown: [0, -1],
  };
  mapBox.addEventListener("keydown", (event) => {
    const direction = directions[event.key];
    if (!direction) return;
    event.preventDefault();
    const length = event.shiftKey ? KEY_STEP / 10 : KEY_STEP;
    const limit = (t) => Math.min(HALF_MAP, Math.max(-HALF_MAP, t));
    // Not from state.z, which is that of the last frame: two keys may come between two frames.
    const from = state.preview ?? zOf(state.epsilon);
    hold(from.map((value, i) => limit(value + length * direction[i])));
  });

  // Drawing. -----------------------------------------------------------------------------------
  let colours = palette(root, COLOURS);
  let showGrid = false;
  let pictures = null; // the grid's decodings, made when they are first asked for
  let backdrop = null;
  function appearance() {
    backdrop = null;
    state.padDrawn = false;
    loop.request();
  }
  function makeBackdrop({ width, scale: pixelRatio }) {
    if (showGrid) pictures ??= gridPictures(decoder, HALF_MAP, GRID);
    const [r, g, b] = colours.paper;
    return mapBackdrop({
      size: width,
      scale: pixelRatio,
      half: HALF_MAP,
      colours,
      dark: r + g + b < 384,
      points,
      labels,
      grid: showGrid ? { side: GRID, pictures } : null,
    });
  }
  const loop = frameLoop(() => {
    if (!state.encoded) {
      encode();
      state.encoded = true;
    }
    decode();
    if (!backdrop) {
      colours = palette(root, COLOURS);
      backdrop = makeBackdrop(map.fit());
      choices.draw(colours);
    }
    if (!state.padDrawn) {
      pad.draw(colours);
      pixels(seen, state.x, colours);
      state.padDrawn = true;
    }
    pixels(output, probabilities, colours);
    const shares = logits.map((logit, i) => pixelNats(logit, state.x[i]) / NATS_FULL);
    pixels(cost, shares, { ink: colours.distortion, paper: colours.paper });
    drawMap(map.fit(), HALF_MAP, backdrop, state, colours);
    drawLens(lens.fit(), HALF_MAP, state, colours);
    showNumbers();
  });
  function showNumbers() {
    const { mu, sigma, z } = state;
    const epsilon = epsilonOf(z);
    sliders.forEach((s, i) => {
      s.value = epsilon[i];
      s.output.value = twoDigits(epsilon[i]); // the slider ends at ±3, z does not
    });
    formula.show(z, mu, sigma, epsilon);
    scale = SCALES.find((full) => full >= Math.max(scale, distortion + rate)) ?? SCALES.at(-1);
    bars.show(distortion, rate, state.posterior, scale);
    const bound = -(distortion + rate);
    const list = (values, digits = 2) => `[${values.map((v) => v.toFixed(digits)).join(", ")}]`;
    if (details.open) code.textContent = [
      `q = vae.encode(x)                     # mean ${list(mu)}, stddev ${list(sigma, 3)}`,
      `z = q.mean + q.stddev * epsilon       # ${list(z)}: what q.rsample() does`,
      `p_x = vae.decode(z)                   # 784 Bernoulli probabilities`,
      `distortion = -p_x.log_prob(x)         # ${distortion.toFixed(1)} nats`,
      `rate = kl_divergence(q, vae.prior)    # ${rate.toFixed(1)} nats`,
      `bound = -(distortion + rate)          # ${bound.toFixed(1)} nats`,
    ].join("\n");
    status.say(
      `Posterior mean ${mu.map(twoDigits).join(", ")}; z ${z.map(twoDigits).join(", ")}; ` +
        `distortion ${distortion.toFixed(1)}, rate ${rate.toFixed(1)}, bound ${oneDigit(bound)} nats.`,
    );
  }

  const stopWatching = onAppearance(root, appearance);
  el.courseWidget = root.courseWidget = {
    frames: loop.frames,
    encode: (x) => encoder.forward(Float32Array.from(x)),
    decode: (z) => decoder.forward(Float32Array.from(z)),
    get output() {
      return probabilities;
    },
    get logits() {
      return logits;
    },
    get x() {
      return state.x;
    },
    get mu() {
      return state.mu;
    },
    get log_var() {
      return state.logVar;
    },
    get z() {
      return state.z;
    },
    get epsilon() {
      return epsilonOf(state.z);
    },
    get distortion() {
      return distortion;
    },
    get rate() {
      return rate;
    },
    get bound() {
      return -(distortion + rate);
    },
    get posterior() {
      return state.posterior;
    },
  };
  reset();
  return () => {
    for (const stop of [stopWatching, loop.stop, status.stop, stopMoving, stopPosterior]) stop();
  };
}

export default { render };
