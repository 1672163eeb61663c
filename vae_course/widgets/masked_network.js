// A network whose masks keep an order: see masked_network.py.

const NAMES = ["features", "layers", "units", "ordering", "spread", "seed", "output"];
const COLOURS = ["ink", "paper", "muted", "line", "accent", "rate"];

function render({ model, el }) {
  const root = widgetRoot(el, "vc-masked", "Masks that keep an order");
  const shared = sharedValues(model, NAMES, changed);
  const { values } = shared;
  const announce = liveText();
  let colours = null;
  let found = null;

  // --- what is on the screen ----------------------------------------------------------------------

  const number = (name, text, letter, min, max) =>
    shared.control(name, slider, {
      label: letter ? element("span", {}, `${text} `, mathematical(letter)) : text,
      ...{ min, max, step: 1 },
    });
  const output = shared.control("output", slider, {
    label: "Output",
    ...{ min: 0, max: values.features, step: 1 },
    format: (value) => (value ? String(value) : "all"),
  });
  const sliders = [
    number("features", "Features", "d", 2, 8),
    number("layers", "Hidden layers", "", 1, 3),
    number("units", "Units in each", "", 1, 12),
    output,
  ];
  const choice = (name, legend, options) =>
    shared.control(name, radios, { legend, options }).element;
  const network = chart("The network: which weights survive", "mn-network");
  const pattern = chart("Pattern of the Jacobian, features as numbered", "mn-pattern");
  const sorted = chart("Pattern of the Jacobian, features in their order", "mn-pattern");
  const views = { network: networkView(network), pattern: patternView(pattern), sorted: patternView(sorted) };
  const again = button("Draw again", () => shared.moveTo({ seed: values.seed + 1 }));
  const verdict = element("p", { className: "mn-verdict" });
  const cells = {};
  const passes = passesTable();
  const group = (name, ...children) => element("div", { className: `mn-${name}` }, ...children);
  const title = (...text) => element("p", { className: "vc-chart-title" }, ...text);
  const key = (name, text) => element("span", { className: `mn-key mn-${name}` }, text);
  const entry = (name, ...text) => {
    cells[name] = element("dd");
    return element("div", {}, element("dt", {}, ...text), cells[name]);
  };
  root.append(
    group("sliders", ...sliders.map((one) => one.element)),
    group(
      "choices",
      choice("ordering", "Ordering", [["natural", "natural"], ["reversed", "reversed"], ["random", "random"]]),
      choice("spread", "Degrees", [["even", "spread evenly"], ["random", "random"]]),
      again,
    ),
    group(
      "views",
      group(
        "main",
        title("The weights that survive; in each circle its degree"),
        network.element,
        group("legend", key("kept", "weight"), key("gone", "masked to zero")),
        verdict,
        passes.element,
      ),
      group(
        "side",
        element("div", {}, title("Jacobian, as numbered"), pattern.element),
        element("div", {}, title("… sorted by the ordering"), sorted.element),
        group(
          "legend",
          key("path", "through the network"),
          key("diagonal", "eˢ of the layer itself"),
          key("lost", "allowed, but no path"),
        ),
      ),
    ),
    element(
      "dl",
      { className: "mn-numbers" },
      entry("weights", "Weights that survive"),
      entry("pairs", "Dependences, of those allowed"),
      entry("order", "Ordering"),
    ),
    announce.element,
  );

  function passesTable() {
    const many = [element("td"), element("td")];
    const one = () => element("td", {}, "1 pass");
    const row = (name, ...rest) =>
      element("tr", {}, element("th", { scope: "row" }, name, element("span", { className: "vc-muted" }, ...rest.splice(0, 1))), ...rest);
    const head = ["Affine layer", "density of a point", "sample"].map((text) => element("th", { scope: "col" }, text));
    const table = element(
      "table",
      { className: "vc-numbers" },
      element("thead", {}, element("tr", {}, ...head)),
      element(
        "tbody",
        {},
        row("MAF", " s, t of the output", one(), many[0]),
        row("IAF", " s, t of the input", many[1], one()),
      ),
    );
    const show = (steps) => {
      for (const cell of many) cell.textContent = steps === 1 ? "1 pass" : `${steps} passes`;
    };
    return { element: table, show };
  }

  // --- what changes -------------------------------------------------------------------------------

  function changed() {
    const { features, layers, units, ordering, spread, seed } = values;
    if (values.output > features) output.value = values.output = features;
    output.element.querySelector("input").max = features;
    const [forOrder, forDegrees] = [uniforms(2 * seed), uniforms(2 * seed + 1)];
    const natural = Array.from({ length: features }, (_, i) => i);
    const order = { natural, reversed: [...natural].reverse(), random: shuffled(features, forOrder) }[ordering];
    const hidden = Array.from({ length: layers }, () => units);
    const degrees = unitDegrees(order, hidden, spread === "random" ? forDegrees : null);
    const masks = masksOf(degrees);
    const paths = pathCounts(masks);
    const chosen = values.output - 1;
    const lit = chosen < 0 ? null : ancestors(masks, chosen);
    found = { order, degrees, masks, paths, lit, output: chosen, steps: stepsNeeded(paths, order) };
    again.disabled = ordering !== "random" && spread !== "random";
    frames.request();
  }

  const choose = (index) => {
    if (index >= 0) shared.moveTo({ output: index + 1 === values.output ? 0 : index + 1 });
  };
  network.canvas.addEventListener("click", (event) => {
    choose(views.network.outputAt(event.offsetX, event.offsetY));
  });
  for (const [shown, view] of [[pattern, views.pattern], [sorted, views.sorted]]) {
    shown.canvas.addEventListener("click", (event) => choose(view.outputAt(event.offsetY)));
  }

  // --- one frame ----------------------------------------------------------------------------------

  function draw() {
    views.network.draw(colours, found);
    views.pattern.draw(colours, found, found.order.map((_, i) => i));
    views.sorted.draw(colours, found, found.order);
    showNumbers();
  }

  function showNumbers() {
    const { order, masks, paths, steps } = found;
    const all = masks.flat(2);
    const pairs = paths.flat().filter(Boolean).length;
    const allowed = (order.length * (order.length - 1)) / 2;
    const write = (name, text) => (cells[name].textContent = text);
    write("weights", `${all.filter(Boolean).length} of ${all.length}`);
    write("pairs", `${pairs} of ${allowed}`);
    write("order", order.map((feature) => `x${subscript(feature + 1)}`).join(", "));
    passes.show(steps);
    verdict.textContent = sentence(pairs < allowed);
    announce.say(
      `${verdict.textContent} ${cells.weights.textContent} weights survive, ${cells.pairs.textContent} ` +
        `dependences. One way takes 1 pass, the other ${steps}.`,
    );
  }

  const list = (numbers) => numbers.map((i) => `x${subscript(i + 1)}`).join(", ");

  function sentence(lost) {
    const { order, paths, lit, output: chosen } = found;
    if (chosen < 0) {
      return lost
        ? "Some dependences have no path: there are too few hidden units of some degree."
        : "Every feature sees all those before it, and none other: sorted by the ordering, the Jacobian is triangular.";
    }
    const name = `x${subscript(chosen + 1)}`;
    const before = order.slice(0, order.indexOf(chosen));
    if (!before.length) return `${name} comes first: its s and t see nothing, they are constants.`;
    const seen = before.filter((from) => paths[chosen][from]);
    const units = lit.slice(1, -1).flat().filter(Boolean).length;
    const through = `, through ${units} hidden unit${units === 1 ? "" : "s"}`;
    const whole = ["it", "both of them", "all of them"][Math.min(2, seen.length - 1)];
    const what = seen.length === before.length ? whole : seen.length ? `only ${list(seen)}` : "none";
    return `${name} comes after ${list(before)}, and its s and t see ${what}${seen.length ? through : ""}.`;
  }

  const recolour = () => (colours = chartColours(root, COLOURS));
  const frames = liveDrawing(root, recolour, draw, [announce, shared]);
  changed();

  root.courseWidget = {
    values,
    get found() {
      return found;
    },
    places: views.network.places,
    frames: frames.frames,
    moveTo: shared.moveTo,
  };

  return frames.stop;
}

export default { render };
