// Latent traversal: one slider for each latent, and under it what the decoder makes of that latent
// from −3 to 3 with the others where they are. See traversal.py.

const THUMBNAIL_TIME = 1.5; // ms of a frame for the small pictures; what is left waits for the next

function render({ model, el }) {
  const [height, width] = [model.get("height"), model.get("width")];
  const rates = model.get("rates");
  const labels = model.get("labels");
  const latents = rates.length;
  const decoder = loadNetwork(model.get("layers"), model.get("weights"));
  const means = decodeFloat16(model.get("means")); // (inputs, latents), row by row
  const inputs = decodeFourBits(model.get("inputs"));
  const inputCount = means.length / latents;

  const z = Float64Array.from(model.get("z"));
  const normal = normals(2026);
  let output = decoder.forward(z);
  let nearest = { index: 0, distance: 0 };
  let colours = null;

  // --- what is on the screen ----------------------------------------------------------------------

  const root = widgetRoot(el, "vc-traversal", "Latent traversal");
  const decoded = picture("Image decoded at the sliders' position", 8 * width, 8 * height);
  const closest = picture("Input nearest to the sliders' position", 8 * width, 8 * height);
  const closestText = element("span");
  const announce = liveText();
  const strips = latentStrips(decoder, z, width, height);
  const rows = rates
    .map((rate, index) => makeRow(index, rate))
    .sort((a, b) => b.rate - a.rate);
  root.append(
    group(
      "grid",
      group(
        "pictures",
        figure("decoded", decoded, "Decoded mean of ", mathematical("p(x | z)")),
        figure("closest", closest, closestText),
        group(
          "buttons",
          button("Reset", () => moveTo(() => 0)),
          button("Sample from the prior", () => moveTo(normal)),
        ),
      ),
      group("rows", ...rows.map((row) => row.element)),
    ),
    element(
      "p",
      { className: "vc-muted" },
      "Small pictures: that latent alone goes from −3 to 3. ",
      "Nats: its mean KL, how much it tells about the input.",
    ),
    announce.element,
  );

  function group(name, ...children) {
    return element("div", { className: `vc-traversal-${name}` }, ...children);
  }

  function figure(name, shown, ...caption) {
    return group(name, shown.element, element("p", { className: "vc-muted" }, ...caption));
  }

  function makeRow(index, rate) {
    const name = latentName(index);
    const control = slider({
      label: mathematical(name),
      min: -3,
      max: 3,
      step: 0.1,
      value: z[index],
      format: (value) => withPlus(value, 2),
      onInput: (value) => change(index, value),
    });
    control.label.append(element("span", { className: "vc-muted" }, ` ${rate.toFixed(2)} nats`));
    const strip = strips.add(index, `Images decoded with ${name} from −3 to 3`, (value) => {
      control.value = value;
      change(index, value);
    });
    control.element.classList.add("vc-with-strip");
    control.element.append(strip.element);
    return { element: control.element, index, rate, control };
  }

  // --- what changes -------------------------------------------------------------------------------

  function change(index, value) {
    z[index] = value;
    strips.spoil(index);
    frames.request();
    tellKernel();
  }

  function moveTo(coordinate) {
    strips.spoil();
    for (let i = 0; i < latents; i++) z[i] = coordinate(i);
    for (const row of rows) row.control.value = z[row.index];
    frames.request();
    tellKernel();
  }

  let telling = null;
  function tellKernel() {
    telling ??= setTimeout(() => {
      telling = null;
      model.set("z", [...z]);
      model.save_changes();
    }, 150);
  }

  function followKernel() {
    const wanted = model.get("z");
    if (wanted.some((value, i) => value !== z[i])) moveTo((i) => wanted[i]);
  }

  // --- one frame ----------------------------------------------------------------------------------

  function findNearest() {
    nearest = { index: 0, distance: Infinity };
    for (let n = 0; n < inputCount; n++) {
      let squared = 0;
      for (let i = 0; i < latents; i++) squared += (means[n * latents + i] - z[i]) ** 2;
      if (squared < nearest.distance) nearest = { index: n, distance: squared };
    }
    nearest.distance = Math.sqrt(nearest.distance);
  }

  function drawImage(shown, values) {
    const { context, width: w, height: h } = shown.fit();
    drawCrisp(context, inkOnPaper(values, width, height, colours), 0, 0, w, h);
  }

  function draw() {
    const start = performance.now();
    output = decoder.forward(z);
    findNearest();
    const pixels = height * width;
    const first = nearest.index * pixels;
    drawImage(decoded, output);
    drawImage(closest, inputs.subarray(first, first + pixels));
    const name = labels.length ? `“${labels[nearest.index]}” at ` : "";
    const distance = nearest.distance.toFixed(2);
    closestText.textContent = `Nearest of ${inputCount} inputs: ${name}distance ${distance}`;
    const position = rows.map((row) => `z${row.index + 1} ${withPlus(z[row.index], 1)}`).join(", ");
    announce.say(`Decoded at ${position}. ${closestText.textContent}.`);
    if (!strips.refresh(colours, start + THUMBNAIL_TIME)) frames.request();
  }

  const recolour = () => {
    colours = palette(root, ["ink", "paper"]);
    strips.spoil();
  };
  const frames = liveDrawing(root, recolour, draw, [announce]);
  model.on("change:z", followKernel);

  root.courseWidget = {
    get output() {
      return output;
    },
    get nearest() {
      return nearest;
    },
    get colours() {
      return colours;
    },
    z,
    frames: frames.frames,
    moveTo,
  };

  return () => {
    frames.stop();
    clearTimeout(telling);
    model.off("change:z", followKernel);
  };
}

function mathematical(text) {
  return element("span", { className: "vc-math" }, text);
}

export default { render };
