// The slider for β: a family of models, each trained with its own weight of the rate. It snaps to
// them; between two of them there is no model. See beta_slider.py.

const NAMES = ["beta", "sampled", "seed"];
const COLOURS = ["panel", "muted", "line", "accent", "rate", "distortion"];
const LAGRANGIAN = "D\u00a0+\u00a0β\u202fR";
const WORK = 1.5; // ms of a frame for decoding; what is left waits for the next

function render({ model, el }) {
  const [height, width] = [model.get("height"), model.get("width")];
  const members = model.get("members").map(unpack);
  const betas = members.map((member) => member.beta);
  const best = members.reduce((a, b) => (b.elbo > a.elbo ? b : a));
  const shared = sharedValues(model, NAMES, changed);
  const { values } = shared;
  const announce = liveText();
  let colours = null; // of the plane
  let shades = null; // of the pictures
  let index = 0;
  let stale = true; // the plane and the numbers are not those of the present model
  let finished = false; // all pictures are

  // --- what is on the screen ----------------------------------------------------------------------

  const root = widgetRoot(el, "vc-beta", "Rate and distortion of models trained with different β");
  const control = shared.control("beta", listSlider, {
    label: element("span", {}, "Weight of the rate ", mathematical("β")),
    values: betas,
  });
  const plane = ratePlane(members, (place) => {
    if (place !== index) shared.moveTo({ beta: betas[place] });
  });
  const latents = Math.max(...members.map((member) => member.latents));
  const pictures = familyPictures(inputPictures(), width, height, latents);
  const sampled = shared.control("sampled", checkbox, {
    label: element("span", {}, "from a sample of ", mathematical("q(z|x)"), ", not its mean"),
  });
  const numbers = numberTable();
  const verdict = element("p", { className: "bs-verdict" });
  const group = (name, ...children) => element("div", { className: `bs-${name}` }, ...children);
  const title = (...text) => element("p", { className: "vc-chart-title" }, ...text);
  const muted = (...text) => element("p", { className: "vc-muted" }, ...text);
  root.append(
    group("slider", control.element),
    group(
      "columns",
      group(
        "left",
        plane.element,
        numbers.element,
      ),
      group(
        "right",
        title("Given, and below it reconstructed"),
        pictures.pairs.element,
        sampled.element,
        group(
          "head",
          title("From the prior"),
          button("Draw again", () => shared.moveTo({ seed: values.seed + 1 })),
        ),
        pictures.samples.element,
      ),
    ),
    verdict,
    muted(
      "Each point is a model, trained with its own β: drag from one to the next. The dashed line " +
        "has the slope −β. It meets the axis on the left at ",
      mathematical(LAGRANGIAN),
      ", which training made as small as it could. All models get the same noise. ",
      `Measured on: ${model.get("measured_on")}.`,
    ),
    announce.element,
  );

  function unpack({ layers, weights, means, deviations, ...member }) {
    return {
      ...member,
      elbo: -(member.distortion + member.rate),
      decoder: loadNetwork(layers, weights),
      means: decodeFloat16(means),
      deviations: decodeFloat16(deviations),
    };
  }

  function inputPictures() {
    const pixels = decodeFourBits(model.get("inputs"));
    const size = height * width;
    const count = Math.floor(pixels.length / size);
    return Array.from({ length: count }, (_, i) => pixels.subarray(i * size, (i + 1) * size));
  }

  function numberTable() {
    const cells = {};
    const row = (name, ...text) => {
      cells[name] = element("td");
      const head = element("th", { scope: "row" }, ...text);
      return element("tr", { className: `bs-${name}` }, head, cells[name]);
    };
    const table = element(
      "table",
      { className: "vc-numbers" },
      element(
        "tbody",
        {},
        row("rate", "Rate ", mathematical("R")),
        row("distortion", "Distortion ", mathematical("D")),
        row("elbo", "ELBO ", mathematical("−(D + R)")),
        row("objective", "Minimised ", mathematical(LAGRANGIAN)),
        row("active", "Active units"),
      ),
    );
    return { element: table, cells };
  }

  // --- what changes -------------------------------------------------------------------------------

  function changed() {
    index = nearestByRatio(betas, values.beta);
    pictures.show(members[index], values.sampled, values.seed);
    stale = true;
    finished = false;
    frames.request();
  }

  function showNumbers() {
    const member = members[index];
    const nats = (value) => `${signed(value, 2)} nats`;
    const { cells } = numbers;
    cells.rate.textContent = nats(member.rate);
    cells.distortion.textContent = nats(member.distortion);
    cells.elbo.textContent = nats(member.elbo);
    cells.objective.textContent = nats(objective(member));
    cells.active.textContent = `${member.active} of ${member.latents}`;
    verdict.textContent = verdictOn(member);
    announce.say(
      `β ${member.beta}. Rate ${nats(member.rate)}, distortion ${nats(member.distortion)}, ELBO ` +
        `${nats(member.elbo)}. ${member.active} of ${member.latents} units active. ` +
        verdict.textContent,
    );
  }

  function verdictOn(member) {
    if (member === best) return "No other model of this family has a higher ELBO.";
    const collapse = member.active ? "" : "Total collapse: z changes nothing. ";
    const behind = (best.elbo - member.elbo).toFixed(1);
    return `${collapse}The ELBO is ${behind} nats below that at β = ${best.beta}.`;
  }

  function draw() {
    const start = performance.now();
    if (stale) {
      plane.draw(colours, index);
      showNumbers();
      stale = false;
    }
    finished = pictures.refresh(start + WORK, shades);
    if (!finished) frames.request();
  }

  function recolour() {
    colours = chartColours(root, COLOURS);
    shades = palette(root, ["ink", "paper"]);
    stale = true;
    finished = false;
    pictures.appear();
  }

  const frames = liveDrawing(root, recolour, draw, [announce, shared]);
  changed();

  root.courseWidget = {
    values,
    get member() {
      return { ...members[index], index };
    },
    get output() {
      return pictures.output();
    },
    get finished() {
      return finished;
    },
    get colours() {
      return shades;
    },
    points: plane.points,
    place: pictures.place,
    frames: frames.frames,
    moveTo: shared.moveTo,
  };

  return frames.stop;
}

export default { render };
