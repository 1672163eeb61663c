// The way between two pictures by two mixes: for each a large picture and a row of small ones, and
// for both a chart of the bits that they need.

/** One mix; `count` pictures in the row, and go(t) when one of them is clicked. */
function wayView(name, heading, formula, [width, height], count, go) {
  const view = picture(heading, 10 * width, 10 * height);
  const numbers = element("p", { className: "gs-numbers" });
  const row = pictureRow(`${heading}, ${count} steps`, count, width, height);
  row.canvas.addEventListener("click", (event) => {
    const step = Math.floor((event.offsetX / row.canvas.clientWidth) * count);
    go(Math.min(step, count - 1) / (count - 1));
  });
  const words = element(
    "div",
    {},
    element("p", { className: "vc-chart-title gs-key" }, heading),
    element("p", {}, mathematical(formula)),
    numbers,
  );
  const whole = element("div", { className: `gs-path gs-${name}` }, view.element, words, row.element);
  return { view, numbers, row, element: whole };
}

/** Bits per dimension along both ways: `inBits` makes them of a log-density. */
function waysChart(inBits) {
  const bits = chart("Bits per dimension along both ways", "gs-bits");
  function draw(colours, paths) {
    const { context, width, height } = bits.begin(colours);
    const found = paths.flatMap(({ now, steps }) => [now, ...steps.map((step) => step.found)]);
    const all = found.filter(Boolean).map(({ logProb }) => inBits(logProb));
    if (!all.length) return;
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const air = 0.1 * (high - low) + 0.05;
    const x = linearScale(0, 1, 44, width - 12);
    const y = linearScale(low - air, high + air, height - 30, 8);
    for (const [tick, text] of roundNumbers(y.low, y.high, 4)) {
      line(context, x.from, y(tick), x.to, y(tick), rgb(colours.line));
      label(context, text, x.from - 6, y(tick), rgb(colours.muted), "right");
    }
    horizontalAxis(context, [[0, "t = 0"], [0.5, "0.5"], [1, "1"]], x, y.from, colours);
    paths.forEach(({ now, steps }, k) => {
      const colour = rgb(colours[["accent", "accent-2"][k]]);
      const place = ({ t, logProb }) => [x(t), y(inBits(logProb))];
      curve(context, steps.map((step) => step.found && place(step.found)), colour);
      if (!now) return;
      context.beginPath();
      context.arc(...place(now), 5, 0, 2 * Math.PI);
      context.fillStyle = colour;
      context.fill();
    });
  }
  return { element: bits.element, draw };
}
