// Noise that a trained flow bends, layer by layer, into a density: see flow_warp.py.

const NAMES = ["target", "kind", "depth", "z1", "z2"];
const COLOURS = ["ink", "paper", "muted", "line", "accent", "rate"];
const HALF = 4; // the windows show −4 to 4
const SAMPLES = 400;
const SQUARE = 0.4; // of the square around the point, in the noise

/** The layers of a flow as flow_layers.js has them. */
function readLayers(described) {
  return described.map((layer) => {
    if (layer.type === "planar") return planarLayer(layer);
    const network = loadNetwork(layer.network, layer.weights);
    return couplingLayer(layer.moved, (value) => {
      const [shift, free] = network.forward([value]);
      return [layer.bound * Math.tanh(free / layer.bound), shift]; // as vae_course/flows/elementwise.py
    });
  });
}

function render({ model, el }) {
  const targets = model.get("targets").map(({ shades, ...rest }) => {
    const bytes = decodeBytes(shades);
    return { ...rest, values: Float32Array.from(bytes, (byte) => (byte / 255) * rest.peak) };
  });
  const described = model.get("flows");
  const root = widgetRoot(el, "vc-flow-warp", "A flow, layer by layer");
  const shared = sharedValues(model, NAMES, changed);
  const { values } = shared;
  const announce = liveText();
  const knots = netKnots();
  const noise = Float64Array.from(knots[0], (x, i) => logNoise(x, knots[1][i]));
  const normal = normals(3);
  const seeds = [0, 1].map(() => Array.from({ length: SAMPLES }, normal));
  const [flat, flatSamples] = [cloud(...knots), cloud(...seeds)];
  const lines = gridLines();
  const density = new Float64Array(noise.length);
  const pixels = () => new Float32Array(PIXELS * PIXELS);
  const [shades, noiseShades] = [pixels(), pixels()];
  shade(flat, noise.map(Math.exp), HALF, PIXELS, noiseShades);
  const shown = { density: true, grid: true, samples: true };
  let colours = null;
  let found = null;
  let preview = null; // the noise of the point under the mouse

  const flows = {};
  /** The flow that is chosen, with everything on its way through it. */
  function chosen() {
    const name = `${values.target} ${values.kind}`;
    if (!flows[name]) {
      const one = described.find((flow) => flow.target === values.target && flow.kind === values.kind);
      const layers = readLayers(one.layers);
      flows[name] = {
        ...{ layers, kl: one.kl, numbers: one.numbers },
        ...{ net: journey(layers, ...knots), samples: journey(layers, ...seeds) },
      };
    }
    return flows[name];
  }

  // --- what is on the screen ----------------------------------------------------------------------

  const depth = shared.control("depth", slider, {
    label: element("span", {}, "Depth ", mathematical("k")),
    ...{ min: 0, max: 1, step: 0.05 },
    format: (value) => `${value.toFixed(2).replace(/\.?0+$/, "")} of ${chosen().layers.length}`,
  });
  depth.element.querySelector("input").addEventListener("input", () => film.stop());
  const play = button("Play", () => film.toggle());
  const target = shared.control("target", radios, {
    legend: "Target",
    options: targets.map((one) => [one.name, one.label]),
  });
  const kind = shared.control("kind", (options) => radios({ ...options, onInput: chooseKind }), {
    legend: "Layer",
    options: [
      ["planar", "planar"],
      ["coupling", "affine coupling"],
    ],
  });
  const tick = (name) =>
    checkbox({
      label: name,
      value: true,
      onInput: (value) => {
        shown[name] = value;
        frames.request();
      },
    }).element;
  const main = planeView("The noise after some layers: density, grid and samples", HALF);
  const start = planeView("The noise: a standard normal density with a square grid", HALF);
  const goal = planeView("The target density", HALF);
  const closeness = element("p", { className: "vc-muted" });
  const numbers = flowNumbers();
  const pad = element("div", { className: "fw-pad", role: "application", tabIndex: 0 }, main.element);
  pad.setAttribute("aria-label", "The point: the arrow keys move it, with Shift in large steps");
  pad.setAttribute("aria-describedby", (announce.element.id = uniqueId("vc-status")));
  const group = (name, ...children) => element("div", { className: `fw-${name}` }, ...children);
  const heading = (...text) => element("p", { className: "vc-chart-title" }, ...text);
  root.append(
    group("choices", target.element, kind.element),
    group("depth", depth.element, play),
    group(
      "views",
      group("main", numbers.title, pad),
      group("side",
        group("view", heading("Noise ", mathematical("z₀ ~ N(0, I)")), start.element),
        group("view", heading("Target ", mathematical("p")), goal.element, closeness)),
    ),
    group(
      "below",
      group("shown", tick("density"), tick("grid"), tick("samples")),
      element("p", { className: "vc-muted" },
        "Move over the large picture; click, tap or the arrow keys keep a point. The layers carry it along."),
    ),
    ...numbers.elements,
    announce.element,
  );

  // --- what changes -------------------------------------------------------------------------------

  function changed() {
    const { length } = chosen().layers;
    depth.element.querySelector("input").max = length;
    depth.value = values.depth = Math.min(values.depth, length);
    frames.request();
  }

  /** Another kind of layer, as far on its way as this one. */
  function chooseKind(next) {
    const part = values.depth / chosen().layers.length;
    const { layers } = described.find((flow) => flow.kind === next);
    shared.moveTo({ kind: next, depth: Math.round(20 * part * layers.length) / 20 });
  }

  const back = (point) => goBack(chosen().layers, values.depth, point);
  const inReach = (z) => z.map((value) => Math.min(REACH - 0.01, Math.max(0.01 - REACH, value)));
  function keepNoise(z) {
    preview = null;
    const [z1, z2] = inReach(z);
    shared.moveTo({ z1, z2 });
  }
  const keep = (point) => keepNoise(back(point));

  pointable(main, {
    where: () => found.at,
    preview(point) {
      preview = point && inReach(back(point));
      frames.request();
    },
    keep,
  });
  pointable(start, {
    where: () => ({ x: found.z[0], y: found.z[1] }),
    preview(z) {
      preview = z && inReach(z);
      frames.request();
    },
    keep: keepNoise,
  });
  arrowKeys(pad, (dx, dy) => keep([found.at.x + dx, found.at.y + dy]));

  const film = layerFilm(
    () => [values.depth, chosen().layers.length],
    (next) => shared.moveTo({ depth: next }),
    (playing) => (play.textContent = playing ? "Stop" : "Play"),
  );

  // --- one frame ----------------------------------------------------------------------------------

  function look() {
    const flow = chosen();
    const z = preview ?? [values.z1, values.z2];
    const net = flow.net(values.depth);
    const square = squareAround(z, SQUARE);
    const ring = journey(flow.layers, ...square)(values.depth);
    const at = goOn(flow.layers, values.depth, z);
    const ofNoise = logNoise(...z);
    found = {
      ...{ z, at, net, ring, samples: flow.samples(values.depth), square: cloud(...square) },
      ...{ noise: ofNoise, density: ofNoise - at.logDet, area: areaInside(ring) / SQUARE ** 2 },
    };
  }

  function draw() {
    look();
    const target = targets.find((one) => one.name === values.target);
    const { z, at, net, ring, square, samples } = found;
    main.begin(colours);
    if (shown.density) {
      knotDensities(noise, net.logDet, density);
      main.shade(shade(net, density, HALF, PIXELS, shades), target.peak, true);
    }
    if (shown.grid) main.grid(lines, net);
    if (shown.samples) main.samples(samples);
    main.square(ring);
    main.dot(at);
    start.begin(colours);
    if (shown.density) start.shade(noiseShades, target.peak);
    if (shown.grid) start.grid(lines, flat);
    if (shown.samples) start.samples(flatSamples);
    start.square(square);
    start.dot({ x: z[0], y: z[1] });
    goal.begin(colours);
    goal.shade(target.values, target.peak);
    goal.dot(at);
    showNumbers();
  }

  function showNumbers() {
    const { kl, numbers: count, layers } = chosen();
    closeness.textContent =
      `After all ${layers.length} layers (${count.toLocaleString("en")} numbers), KL(q ‖ p) is ` +
      `${kl.toFixed(2)} nats.`;
    announce.say(numbers.show(found, values.depth && depth.output.value));
  }

  const recolour = () => (colours = chartColours(root, COLOURS));
  const frames = liveDrawing(root, recolour, draw, [announce, shared, film]);
  changed();

  root.courseWidget = {
    values,
    get found() {
      return found;
    },
    get shades() {
      return shades;
    },
    back,
    frames: frames.frames,
    moveTo: shared.moveTo,
  };

  return frames.stop;
}

export default { render };
