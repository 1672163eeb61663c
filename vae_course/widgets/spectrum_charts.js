// The three pictures of collapse_spectrum.js: the spectrum with its line, the exact curve, the ELBO.

/** The bars, and the line βσ² across them. Returns the scale from log λ to the height on the screen. */
function drawSpectrum(view, { bars, logVar, powers, values, found, colours }) {
  const { context, width, height } = view.begin(colours);
  const floor = height - 34;
  const x = linearScale(0, bars.length, 44, width - 46);
  const y = linearScale(logVar[0], logVar[1], floor, 12);
  for (const [log, text] of powers) {
    line(context, x.from, y(log), x.to, y(log), rgb(colours.line));
    label(context, text, x.from - 6, y(log), rgb(colours.muted), "right");
  }
  const at = y(Math.min(y.high, Math.max(y.low, Math.log(found.level))));
  const wide = Math.max(1, (x.to - x.from) / bars.length - 2);
  bars.forEach((value, i) => {
    const top = y(Math.max(logVar[0], Math.log(value))); // the smallest ones are below the axis
    const left = x(i) + 1;
    if (i < found.active) {
      context.fillStyle = rgb(colours.distortion, 0.35);
      context.fillRect(left, at, wide, floor - at);
      context.fillStyle = rgb(colours.rate);
      context.fillRect(left, top, wide, at - top);
    } else if (i < values.latent_dim) {
      context.fillStyle = rgb(colours.muted, 0.75);
      context.fillRect(left, top, wide, floor - top);
    } else {
      context.fillStyle = rgb(colours.muted, 0.22);
      context.fillRect(left, top, wide, floor - top);
    }
  });
  horizontalAxis(context, everyFew(bars.length, x), (i) => x(i - 0.5), floor, colours);
  line(context, x.from, floor, x.to, floor, rgb(colours.line));
  label(context, "principal direction", (x.from + x.to) / 2, height - 6, rgb(colours.muted), "center");

  // The line, its name, and how many nats a bar that is so high has.
  line(context, x.to + 4, at, x.to + 4, y.to, rgb(colours.rate));
  line(context, x.from - 4, at, x.to + 4, at, rgb(colours.accent), 2.5);
  context.beginPath();
  context.arc(x.to + 4, at, 7, 0, 2 * Math.PI);
  context.fillStyle = rgb(colours.accent);
  context.fill();
  const above = at > y.to + 40;
  label(context, `βσ² = ${inDigits(found.level)}`, x.to - 8, above ? at - 10 : at + 11,
    rgb(colours.accent), "right");
  for (let nats = 1; at - 2 * nats * perUnit(y) > y.to; nats++) {
    const tick = at - 2 * nats * perUnit(y);
    line(context, x.to + 1, tick, x.to + 7, tick, rgb(colours.rate));
    label(context, nats === 1 ? "1 nat" : String(nats), x.to + 10, tick, rgb(colours.rate));
  }
  return y;
}

const perUnit = (scale) => Math.abs(scale.to - scale.from) / (scale.high - scale.low);

/** The numbers of the bars that have room for one. */
function everyFew(count, x) {
  const every = (x.to - x.from) / count > 12 ? 4 : 8;
  const numbers = [1];
  for (let i = every; i <= count; i += every) numbers.push(i);
  return numbers.map((i) => [i, String(i)]);
}

/** The point of the model, on the exact curve of Gaussian data. */
function drawExactCurve(view, { theory, bars, logVar, values, found, colours }) {
  const { context, width, height } = view.begin(colours);
  const floor = height - 34;
  const highestRate = theory.point(Math.exp(logVar[0]), values.latent_dim).rate;
  const most = 1.05 * Math.max(highestRate, found.rate, 1e-3);
  const x = linearScale(0, most, 38, width - 12);
  const y = linearScale(0, theory.total, floor, 10);
  for (const [tick, text] of roundNumbers(0, theory.total, 4)) {
    line(context, x.from, y(tick), x.to, y(tick), rgb(colours.line));
    label(context, text, x.from - 6, y(tick), rgb(colours.muted), "right");
  }
  horizontalAxis(context, roundNumbers(0, most, 4), x, floor, colours);
  label(context, "rate R, nats", (x.from + x.to) / 2, height - 6, rgb(colours.muted), "center");
  const along = (latents) => {
    const points = [];
    for (let i = 0; i <= 160; i++) {
      const level = Math.exp(logVar[0] - 2 + ((Math.log(bars[0]) - logVar[0] + 2) * i) / 160);
      const { rate, squaredError } = theory.point(level, latents);
      if (rate <= most) points.push([x(rate), y(squaredError)]);
    }
    return points;
  };
  curve(context, along(theory.n), rgb(colours.ink), 1.5);
  context.setLineDash([5, 4]);
  curve(context, along(values.latent_dim), rgb(colours.accent), 1.5);
  context.setLineDash([]);
  dot(context, x(found.rate), y(found.squaredError), colours);
}

/** The ELBO at every σ², for the β that is set, and where it would be learned. */
function drawElboCurve(view, { theory, logVar, powers, values, found, colours }) {
  const { context, width, height } = view.begin(colours);
  const floor = height - 34;
  const best = theory.optimum(found.learned, 1, values.latent_dim).elbo;
  const lowestShown = best - 2 * theory.n;
  const x = linearScale(logVar[0], logVar[1], 46, width - 12);
  const y = linearScale(lowestShown, best + 0.15 * theory.n, floor, 10);
  for (const [tick, text] of roundNumbers(y.low, y.high, 4)) {
    line(context, x.from, y(tick), x.to, y(tick), rgb(colours.line));
    label(context, text, x.from - 6, y(tick), rgb(colours.muted), "right");
  }
  horizontalAxis(context, powers, x, floor, colours);
  label(context, "σ²", (x.from + x.to) / 2, height - 6, rgb(colours.muted), "center");
  const points = [];
  for (let i = 0; i <= 120; i++) {
    const log = logVar[0] + ((logVar[1] - logVar[0]) * i) / 120;
    points.push([x(log), y(theory.optimum(Math.exp(log), found.beta, values.latent_dim).elbo)]);
  }
  context.save();
  context.beginPath();
  context.rect(x.from, 0, x.to - x.from, floor);
  context.clip();
  curve(context, points, rgb(colours.bound), 2);
  context.restore();
  const learned = x(Math.log(found.learned));
  line(context, learned, floor - 7, learned, floor + 7, rgb(colours.accent), 3);
  const shown = Math.max(found.elbo, lowestShown);
  dot(context, Math.min(x.to, Math.max(x.from, x(values.log_var))), y(shown), colours);
}

/** Where the model is. */
function dot(context, x, y, colours) {
  context.beginPath();
  context.arc(x, y, 5.5, 0, 2 * Math.PI);
  context.fillStyle = rgb(colours.accent);
  context.fill();
  context.strokeStyle = rgb(colours.paper);
  context.lineWidth = 1.5;
  context.stroke();
}

/** 0.001, 0.1, 1, 100: powers of ten in words that fit beside an axis. */
function powerOfTen(power) {
  if (power >= -3 && power <= 3) return String(10 ** power);
  return `10${[...String(power)].map((digit) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(digit)]).join("")}`;
}
