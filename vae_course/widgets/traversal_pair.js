// Two models side by side: one latent of each moves, the others stay at the code of the starting
// picture. See traversal_pair.py.

const NAMES = ["start", "first_latent", "first_value", "second_latent", "second_value"];
const STRIP_TIME = 1.2; // ms of a frame for the small pictures; what is left waits for the next

function render({ model, el }) {
  const [height, width] = [model.get("height"), model.get("width")];
  const factors = model.get("factors");
  const starts = decodeFourBits(model.get("starts"));
  const startCount = starts.length / (height * width);

  const root = widgetRoot(el, "vc-pair", "Traversals of two models");
  const shared = sharedValues(model, NAMES, changed);
  const { values } = shared;
  const announce = liveText();
  let colours = null;

  // --- what is on the screen ----------------------------------------------------------------------

  const group = (name, ...children) => element("div", { className: `tp-${name}` }, ...children);
  const startPictures = Array.from({ length: startCount }, (_, i) =>
    picture(`Starting picture ${i + 1}`, width, height),
  );
  /** A control whose choice puts latents back to where the encoder has the starting picture. */
  const choice = (name, make, options) => {
    const onInput = (value) => shared.moveTo(atTheStart({ [name]: value }));
    return shared.control(name, (rest) => make({ ...rest, onInput }), options);
  };
  const startChoice = choice("start", radios, {
    legend: "Start from",
    options: startPictures.map((shown, i) => [i, shown.element]),
  });
  const sides = model.get("models").map((given, i) => makeSide(given, ["first", "second"][i]));
  const most = (factor) => (side) => bestFor(side.given.information, factor);
  root.append(
    group(
      "choices",
      startChoice.element,
      group(
        "factors",
        element("b", {}, "In both, the latent that knows most of"),
        ...factors.map((name, factor) =>
          button(name, () => {
            const [first, second] = sides.map(most(factor));
            shared.moveTo(atTheStart({ first_latent: first, second_latent: second }));
          }),
        ),
      ),
    ),
    group("sides", ...sides.map((side) => side.element)),
    element(
      "p",
      { className: "vc-muted" },
      "Numbers: what a latent knows of a factor, as a share of all there is to know. ",
      "The other latents stay where the encoder puts the starting picture.",
    ),
    announce.element,
  );

  function makeSide(given, which) {
    const latents = given.information.length;
    const decoder = loadNetwork(given.layers, given.weights);
    const z = new Float64Array(latents);
    const decoded = picture(`Picture decoded by ${given.name}`, 4 * width, 4 * height);
    const strips = latentStrips(decoder, z, width, height);
    const moveTo = (value) => shared.moveTo({ [`${which}_value`]: value });
    const strip = strips.add(0, `Pictures of ${given.name} with the latent from −3 to 3`, moveTo);
    const table = choice(`${which}_latent`, factorTable, {
      caption: `What each latent of ${given.name} knows of each factor`,
      factors,
      information: given.information,
    });
    const control = shared.control(`${which}_value`, slider, {
      label: mathematical(latentName(0)),
      min: -3,
      max: 3,
      step: 0.05,
      format: (value) => withPlus(value, 2),
    });
    control.element.classList.add("vc-with-strip");
    control.element.append(strip.element);
    const side = {
      ...{ given, which, decoder, z, decoded, strips, strip, control },
      means: decodeFloat16(given.means), // (starts, latents), row by row
      output: null,
      element: element(
        "section",
        { className: "tp-side", "aria-label": given.name },
        element(
          "p",
          { className: "vc-chart-title" },
          given.name,
          element("span", { className: "vc-muted" }, ` mutual information gap ${given.mig.toFixed(2)}`),
        ),
        group("top", group("decoded", decoded.element), table.element),
        control.element,
      ),
    };
    return side;
  }

  // --- what changes -------------------------------------------------------------------------------

  /** These changes; where they choose a picture or a latent, its value is what the encoder says. */
  function atTheStart(changes) {
    const wanted = { ...values, ...changes };
    for (const { which, means, z } of sides) {
      const latent = `${which}_latent`;
      if (!("start" in changes || latent in changes)) continue;
      wanted[`${which}_value`] = means[wanted.start * z.length + wanted[latent]];
    }
    return wanted;
  }

  let before = {};
  function changed() {
    for (const { which, means, z, strips, strip, control } of sides) {
      const latent = values[`${which}_latent`];
      const moved = before.start !== values.start || strip.index !== latent;
      z.set(means.subarray(values.start * z.length, (values.start + 1) * z.length));
      z[latent] = values[`${which}_value`];
      strip.index = latent;
      control.label.replaceChildren(mathematical(latentName(latent)));
      if (moved) strips.spoil();
    }
    before = { ...values };
    frames.request();
  }

  // --- one frame ----------------------------------------------------------------------------------

  function drawImage(shown, pixels) {
    const { context, width: w, height: h } = shown.fit();
    drawCrisp(context, inkOnPaper(pixels, width, height, colours), 0, 0, w, h);
  }

  function drawStarts() {
    const pixels = height * width;
    startPictures.forEach((shown, i) => drawImage(shown, starts.subarray(i * pixels, (i + 1) * pixels)));
  }

  function draw() {
    const start = performance.now();
    for (const side of sides) {
      side.output = Float32Array.from(side.decoder.forward(side.z));
      drawImage(side.decoded, side.output);
    }
    const finished = sides.map(({ strips }, i) => strips.refresh(colours, start + (i + 1) * STRIP_TIME));
    if (finished.includes(false)) frames.request();
    const said = sides.map(({ given, which }) => {
      const latent = values[`${which}_latent`];
      const shares = factors.map((name, k) => `${name} ${given.information[latent][k].toFixed(2)}`);
      return `${given.name}: z${latent + 1} ${withPlus(values[`${which}_value`], 1)}, knows ${shares.join(", ")}.`;
    });
    announce.say(`Starting picture ${values.start + 1}. ${said.join(" ")}`);
  }

  const recolour = () => {
    colours = palette(root, ["ink", "paper"]);
    for (const { strips } of sides) strips.spoil();
    drawStarts();
  };
  const frames = liveDrawing(root, recolour, draw, [announce, shared]);
  changed();

  root.courseWidget = {
    values,
    get outputs() {
      return sides.map((side) => side.output);
    },
    get z() {
      return sides.map((side) => [...side.z]);
    },
    get colours() {
      return colours;
    },
    frames: frames.frames,
    moveTo: shared.moveTo,
  };

  return frames.stop;
}

/** The latent that knows most of a factor. */
function bestFor(information, factor) {
  const shares = information.map((row) => row[factor]);
  return shares.indexOf(Math.max(...shares));
}

export default { render };
