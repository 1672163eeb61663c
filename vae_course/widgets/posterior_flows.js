// A true posterior, the best Gaussian and a flow of K planar layers, with their ELBOs. See
// posterior_flows.py.

const NAMES = ["posterior", "layers", "start", "z1", "z2"];
const HALF = 3; // the pictures show z from −3 to 3
const CELLS = 112; // of a picture, each way
const DOTS = 160;
const MASSES = [0.95, 0.5]; // of the true posterior, inside its two contours
const WORK_TIME = 1.2; // ms of a frame for densities and ELBOs that are not yet computed

function render({ model, el }) {
  const members = model.get("members");
  const depths = [...new Set(members.map((one) => one.depth))];
  const root = widgetRoot(el, "vc-posterior-flows", "A posterior, a Gaussian and a flow");
  const shared = sharedValues(model, NAMES, changed);
  const { values } = shared;
  const announce = liveText();
  const queue = workInSlices();
  const normal = normals(7);
  const noise = Array.from({ length: DOTS }, () => [normal(), normal()]);
  let colours = null;
  let now = null; // { truth, gaussian, flow } that are shown

  // --- what is on the screen ----------------------------------------------------------------------

  const group = (name, ...children) => element("div", { className: `pf-${name}` }, ...children);
  const choices = [
    shared.control("posterior", radios, {
      legend: "Posterior",
      options: Object.keys(model.get("models")).map((name) => [name, name]),
    }),
    shared.control("start", radios, {
      legend: "Start of the training",
      options: [["best", "the best"], ["typical", "the middle one"]],
    }),
  ];
  const depth = shared.control("layers", listSlider, {
    label: element("span", {}, "Layers ", mathematical("K")),
    values: depths,
  });
  const place = ["z1", "z2"].map((name) =>
    shared.control(name, slider, {
      label: mathematical(`z${"₁₂"[name[1] - 1]}`),
      min: -HALF,
      max: HALF,
      step: 0.05,
      format: (value) => signed(value, 2),
    }),
  );
  const moveTo = (z1, z2) => shared.moveTo({ z1, z2 });
  const card = (name, title, formula, label) => {
    const shown = densityPicture(label, HALF, moveTo);
    const heading = element("span", {}, title);
    const value = element("b");
    return {
      ...{ name, shown, heading, value },
      element: group(
        `card pf-${name}`,
        element("p", { className: "vc-chart-title pf-key" }, heading),
        shown.element,
        element("p", {}, mathematical(`log ${formula}`), " = ", value),
      ),
    };
  };
  const cards = [
    card("truth", "True posterior", "p(z|x)", "Density of the true posterior"),
    card("gaussian", "Best Gaussian", "q(z)", "Density of the best Gaussian q, with samples"),
    card("flow", "Flow", "q(z)", "Density of the flow q, with samples"),
  ];
  const bars = gapBars();
  const note = element("p", { className: "pf-note" });
  root.append(
    group("choices", ...choices.map((one) => one.element)),
    depth.element,
    group(
      "cards",
      ...cards.map((one) => one.element),
      group(
        "point",
        element("p", { className: "vc-muted" }, "The circle is at a point ", mathematical("z"), ": drag it. ",
          "Logarithms are in nats."),
        ...place.map((one) => one.element),
      ),
    ),
    element(
      "p",
      { className: "vc-muted" },
      "Lines: half of the mass of the true posterior lies inside the inner ones, 95% inside the outer ones. " +
        "Dots: samples of q, of both from the same noise.",
    ),
    bars.element,
    note,
    announce.element,
  );

  // --- what changes -------------------------------------------------------------------------------

  const truths = {};
  function truthOf(name) {
    truths[name] ??= quadraticModel(model.get("models")[name]);
    return truths[name];
  }

  const flows = new Map();
  /** A member with its flow and dots; its density and ELBO come in a few frames. */
  function flowOf(posterior, layers, start) {
    const key = `${posterior} ${layers} ${start}`;
    if (!flows.has(key)) {
      const given = members.find(
        (one) => one.posterior === posterior && one.depth === layers && one.start === start,
      );
      const flow = planarFlow(given);
      const dots = noise.map(([e1, e2]) => [...flow.forward(e1, e2).slice(0, 2)]);
      flows.set(key, { key, given, ...flow, dots, elbo: null, density: null });
    }
    return flows.get(key);
  }

  function compute(flow, truth, first) {
    if (flow.density) return;
    const finish = (density) => (flow.density = density);
    queue.add(`${flow.key} elbo`, elboOf(flow, truth), (elbo) => (flow.elbo = elbo), first);
    queue.add(`${flow.key} density`, densityOn(CELLS, HALF, flow.logDensity), finish, first);
  }

  function changed() {
    const { posterior, layers, start } = values;
    const truth = truthOf(posterior);
    if (!truth.density) {
      const all = densityOn(CELLS, HALF, truth.logPosterior);
      for (let step = all.next(); !truth.density; step = all.next()) {
        if (step.done) truth.density = step.value;
      }
      const levels = MASSES.map((share) => levelOfMass(truth.density, share));
      truth.lines = contourPath(truth.density, CELLS, levels);
      truth.highest = truth.density.reduce((a, b) => Math.max(a, b));
    }
    now = {
      truth,
      gaussian: flowOf(posterior, 0, "best"),
      flow: flowOf(posterior, layers, layers ? start : "best"),
    };
    // What is shown comes first; the neighbours of the slider are ready before they are asked for.
    for (const depth of depths) compute(flowOf(posterior, depth, depth ? start : "best"), truth, false);
    for (const flow of [now.gaussian, now.flow]) compute(flow, truth, true);
    frames.request();
  }

  // --- one frame ----------------------------------------------------------------------------------

  /** Shades are kept until the colours change. */
  function shades(thing, colour) {
    if (thing.shadesIn !== colour && thing.density) {
      thing.shades = shadesOf(thing.density, CELLS, colour, now.truth.highest);
      thing.shadesIn = colour;
    }
    return thing.shades;
  }

  function drawCard(one) {
    const { name, shown, value, heading } = one;
    const thing = now[name];
    if (name === "flow") heading.textContent = `Flow, K = ${values.layers}`;
    const look = [values.posterior, values.z1, values.z2, thing.key, Boolean(thing.density)].join();
    if (one.look === look) return;
    one.look = look;
    const colour = { truth: colours.ink, gaussian: colours["accent-2"], flow: colours.accent }[name];
    const at = [values.z1, values.z2];
    shown.draw(colours, {
      ...{ at, lines: now.truth.lines, dots: thing.dots ?? [] },
      shades: shades(thing, colour),
    });
    thing.logAt = (thing.logDensity ?? thing.logPosterior)(...at);
    value.textContent = signed(thing.logAt, 2);
  }

  function draw() {
    cards.forEach(drawCard);
    const elbos = [now.gaussian, now.flow].map((flow) => flow.elbo);
    bars.show(now.truth.evidence, elbos, values.layers);
    note.textContent = words();
    const text = elbos.map((elbo) => (elbo === null ? "not computed yet" : signed(elbo, 3)));
    announce.say(
      `${values.posterior}: log p(x) is ${signed(now.truth.evidence, 3)} nats. ELBO of the best Gaussian ` +
        `${text[0]}, of the flow with ${values.layers} layers ${text[1]}. At z = (${signed(values.z1, 2)}, ` +
        `${signed(values.z2, 2)}) log p(z|x) is ${signed(now.truth.logAt, 2)}, log q of the Gaussian ` +
        `${signed(now.gaussian.logAt, 2)}, of the flow ${signed(now.flow.logAt, 2)}. ${words()}`,
    );
    if (queue.work(performance.now() + WORK_TIME)) frames.request();
  }

  /** What the training found from its random starts. */
  function words() {
    if (!values.layers) return "Without layers the flow is the Gaussian itself.";
    const { elbos, elbo, start } = now.flow.given;
    const gaps = elbos.map((one) => Math.max(0, now.truth.evidence - one).toFixed(2));
    const middle = gaps[Math.floor(gaps.length / 2)];
    const besides =
      start !== "best"
        ? "Shown is the middle one."
        : elbo > elbos[0] + 1e-3
          ? "Shown is a better one, which grew from the best flow with fewer layers."
          : elbo < elbos[0] - 1e-3
            ? "Not shown are flows that bend too sharply for sums over this page's grid."
            : "";
    return (
      `Training from ${gaps.length} random starts left gaps from ${gaps[0]} to ${gaps.at(-1)} nats, the ` +
      `middle one ${middle}. ${besides}`
    );
  }

  const recolour = () => {
    colours = chartColours(root, ["ink", "paper", "muted", "line", "accent", "accent-2"]);
    for (const one of cards) one.look = null;
  };
  const frames = liveDrawing(root, recolour, draw, [announce, shared]);
  changed();

  root.courseWidget = {
    values,
    /** What is shown; ELBOs and densities are null until they are computed. */
    get found() {
      const { truth, gaussian, flow } = now;
      const of = ({ elbo, logAt, density }) => ({ elbo, logAt, density: density && [...density] });
      return { evidence: truth.evidence, truth: of(truth), gaussian: of(gaussian), flow: of(flow) };
    },
    get finished() {
      return now.gaussian.elbo !== null && now.flow.density !== null && now.flow.elbo !== null;
    },
    get colours() {
      return colours;
    },
    frames: frames.frames,
    moveTo: shared.moveTo,
  };

  return frames.stop;
}

export default { render };
