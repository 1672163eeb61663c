// One point on its way through a flow, in numbers and in words; and the film of all layers.

export function flowNumbers() {
  const cells = {};
  const entry = (name, ...text) => {
    cells[name] = element("dd");
    return element("div", {}, element("dt", {}, ...text), cells[name]);
  };
  const list = element(
    "dl",
    { className: "fw-numbers" },
    entry("noise", mathematical("log q₀(z₀)"), ", in the noise"),
    entry("logDet", "minus ", mathematical("log |det J|"), ", all layers"),
    entry("density", "is ", mathematical("log q(z)"), ", here"),
    entry("det", mathematical("|det J|"), " at the point"),
    entry("area", "Area of the square, now : noise"),
    entry("point", "The point ", mathematical("z")),
  );
  const title = element("p", { className: "vc-chart-title" });
  const verdict = element("p", { className: "fw-verdict" });

  /** Writes the numbers of what was found after some layers ("7.4 of 16", or 0 for none), and
   *  returns what is said of them. */
  function show({ noise, at, density, area }, layers) {
    const [nats, det] = [(value) => `${signed(value, 2)} nats`, Math.exp(at.logDet)];
    cells.noise.textContent = nats(noise);
    cells.logDet.textContent = nats(at.logDet);
    cells.density.textContent = nats(density);
    cells.det.textContent = inDigits(det);
    cells.area.textContent = inDigits(area);
    cells.point.textContent = `(${signed(at.x, 2)}, ${signed(at.y, 2)})`;
    title.textContent = layers ? `After ${layers} layers` : "Before the first layer";
    verdict.textContent =
      Math.abs(at.logDet) < 0.005
        ? "Around the point no area has changed: its density is that of the noise."
        : `Around the point space is ${det > 1 ? "stretched" : "squeezed"} to ${inDigits(det)} times its ` +
          `area, so the density is ${inDigits(1 / det)} times that of the noise.`;
    return (
      `${title.textContent} the point is at ${cells.point.textContent}: log density ${nats(density)}, in ` +
      `the noise ${nats(noise)}, log det J ${nats(at.logDet)}. The square around it has ` +
      `${inDigits(area)} times its area.`
    );
  }

  return { title, elements: [list, verdict], show };
}

const SECONDS = 8; // from the noise to the last layer

/** Moves on from the depth now to the last layer, or from the start again; where motion is unwelcome,
 *  layer by layer. `where()` gives [depth, number of layers], `show` a depth, `tell` whether it runs. */
export function layerFilm(where, show, tell) {
  let waiting = null;
  const stop = () => {
    clearTimeout(waiting);
    waiting = null;
    tell(false);
  };
  const step = (pause, whole) => {
    const [depth, layers] = where();
    show(Math.min(layers, whole ? Math.floor(depth) + 1 : depth + (layers * pause) / 1000 / SECONDS));
    if (where()[0] >= layers) return stop();
    waiting = setTimeout(step, pause, pause, whole);
  };
  const toggle = () => {
    if (waiting) return stop();
    const [depth, layers] = where();
    if (depth >= layers) show(0);
    const whole = reducedMotion();
    const pause = whole ? (1000 * SECONDS) / layers : 33;
    waiting = setTimeout(step, pause, pause, whole);
    tell(true);
  };
  return { toggle, stop };
}
