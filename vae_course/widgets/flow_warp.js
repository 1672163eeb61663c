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
      return [-layer.bound * Math.tanh(free / layer.bound), shift]; // as `Affine`
    });
  });
}

/** What is drawn of a flow, on its way through the layers: nets, lines of the grid, samples. */
function travellers(layers, net, lines, seeds) {
  const coarse = wanderingNet(layers, net, FAINTEST - 3);
  const last = coarse.at(layers.length);
  const [finer, others] = patches(net, coarse.noise, [...coarse.at.stops, last], HALF);
  const nets = [{ ...coarse, triangles: others }, wanderingNet(layers, finer, -Infinity)];
  let threads = lines;
  for (let round = 0; round < 3; round++) {
    threads = finerLines(threads, wholeWay(layers, threads.x, threads.y));
  }
  return {
    ...{ nets, lines: journey(layers, threads.x, threads.y), ends: threads.ends },
    samples: journey(layers, ...seeds),
  };
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
  const [net, lines] = [netKnots(), gridLines()];
  const normal = normals(3);
  const seeds = [0, 1].map(() => Array.from({ length: SAMPLES }, normal));
  const [shades, noiseShades] = [0, 1].map(() => new Float32Array(PIXELS * PIXELS));
  shadeNet(wanderingNet([], net, -Infinity), cloud(net.x, net.y), HALF, PIXELS, noiseShades);
  const shown = { density: true, grid: true, samples: true };
  let colours = null;
  let found = null;
  let walker = null; // the point and the square around it, on their way
  let preview = null; // the noise of the point under the mouse

  const flows = {};
  /** The flow that is chosen, with everything on its way through it. */
  function chosen() {
    const name = `${values.target} ${values.kind}`;
    if (!flows[name]) {
      const one = described.find((flow) => flow.target === values.target && flow.kind === values.kind);
      const layers = readLayers(one.layers);
      const { kl, numbers: count } = one;
      flows[name] = { layers, kl, count, ...travellers(layers, net, lines, seeds) };
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
  const tick = (name) => {
    const onInput = (value) => {
      shown[name] = value;
      frames.request();
    };
    return checkbox({ label: name, value: true, onInput }).element;
  };
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
    group("shown", tick("density"), tick("grid"), tick("samples")),
    element("p", { className: "vc-muted fw-hint" },
      "Move over the large picture; click, tap or the arrow keys keep a point. The layers carry it along."),
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
    if (walker?.flow !== flow || walker.z.join() !== z.join()) {
      const square = squareAround(z, SQUARE); // the point itself comes first
      const [x, y] = [[z[0], ...square[0]], [z[1], ...square[1]]];
      walker = { flow, z, square: cloud(...square), way: journey(flow.layers, x, y) };
    }
    const now = walker.way(values.depth);
    const ring = { count: now.count - 1, x: now.x.subarray(1), y: now.y.subarray(1) };
    const at = { x: now.x[0], y: now.y[0], logDet: now.logDet[0] };
    const ofNoise = logNoise(...z);
    found = {
      ...{ z, at, ring, samples: flow.samples(values.depth), square: walker.square },
      ...{ noise: ofNoise, density: ofNoise - at.logDet, area: areaInside(ring) / SQUARE ** 2 },
    };
  }

  function draw() {
    look();
    const target = targets.find((one) => one.name === values.target);
    const { z, at, ring, square, samples } = found;
    const flow = chosen();
    main.begin(colours);
    if (shown.density) {
      shades.fill(0);
      for (const one of flow.nets) shadeNet(one, one.at(values.depth), HALF, PIXELS, shades);
      mend(shades, PIXELS);
      main.shade(shades, target.peak, true);
    }
    if (shown.grid) main.grid(flow.lines(values.depth), flow.ends);
    if (shown.samples) main.samples(samples);
    main.square(ring);
    main.dot(at);
    start.begin(colours);
    if (shown.density) start.shade(noiseShades, target.peak);
    if (shown.grid) start.grid(lines, lines.ends);
    if (shown.samples) start.samples({ count: SAMPLES, x: seeds[0], y: seeds[1] });
    start.square(square);
    start.dot({ x: z[0], y: z[1] });
    goal.begin(colours);
    goal.shade(target.values, target.peak);
    goal.dot(at);
    showNumbers();
  }

  function showNumbers() {
    const { kl, count, layers } = chosen();
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
    shades,
    back,
    frames: frames.frames,
    moveTo: shared.moveTo,
  };

  return frames.stop;
}

export default { render };
