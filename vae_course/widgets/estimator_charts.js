// The two charts of the gradient estimators: the integrand over the density of z, and histograms.

const REACH = 5; // the axis of z goes from −5 to 5

/** Pathwise sees slopes only: where f jumps, its mean is not the gradient. */
export const isBiased = (exact) => Math.abs(exact.pathwise.mean - exact.gradient) > 1e-9;

/** f with the heights and the slopes of some samples, and below it the density of z. */
function drawIntegrand(view, colours, values, exact, noise) {
  const { context, width, height } = view.begin(colours);
  const integrand = integrandNamed(values.integrand, values.frequency);
  const x = linearScale(-REACH, REACH, 34, width - 6);
  const floor = height - 24; // under it, the numbers of the axis
  const ground = floor - 52; // under it, the density
  const z = (pixel) => x.low + ((pixel - x.from) / (x.to - x.from)) * (x.high - x.low);
  const pixels = Array.from({ length: 2 * (x.to - x.from) + 1 }, (_, i) => x.from + i / 2);
  const near = pixels.map(z).filter((at) => Math.abs(at - values.mean) < 2.5 * values.sigma);
  const heights = near.map(integrand.value);
  const [low, high] = [Math.min(0, ...heights), Math.max(0.5, ...heights)];
  const margin = 0.1 * (high - low);
  const y = linearScale(low - margin, high + margin, ground - 8, 6);

  for (const [tick, text] of roundNumbers(y.low, y.high, 5)) {
    line(context, x.from, y(tick), x.to, y(tick), rgb(colours.line));
    label(context, text, x.from - 6, y(tick), rgb(colours.muted), "right");
  }
  const bell = pixels.map((pixel) => {
    const density = Math.exp(-0.5 * ((z(pixel) - values.mean) / values.sigma) ** 2);
    return [pixel, floor - 40 * density];
  });
  area(context, bell, [[x.to, floor], [x.from, floor]], rgb(colours.muted, 0.3));
  label(context, "q(z)", x.from, floor - 12, rgb(colours.muted));
  horizontalAxis(context, roundNumbers(-REACH, REACH, 5), x, floor, colours);

  context.save();
  context.beginPath();
  context.rect(x.from, 0, x.to - x.from, ground);
  context.clip();
  line(context, x.from, y(exact.b), x.to, y(exact.b), rgb(colours["accent-2"]), 1, [4, 3]);
  const points = pixels.map((pixel) => {
    const jump = values.integrand === "step" && Math.abs(z(pixel)) < 0.02;
    return jump ? null : [pixel, y(integrand.value(z(pixel)))];
  });
  const samples = Array.from(noise, (epsilon) => values.mean + values.sigma * epsilon);
  for (const at of samples) {
    const [left, top] = [x(at), y(integrand.value(at))];
    line(context, left, y(exact.b), left, top, rgb(colours["accent-2"], 0.8), 3);
  }
  curve(context, points, rgb(colours.ink), 1.75);
  for (const at of samples) {
    const [left, top] = [x(at), y(integrand.value(at))];
    const rise = integrand.slope(at) * ((y.to - y.from) / (y.high - y.low));
    const run = (x.to - x.from) / (x.high - x.low);
    const [dx, dy] = [run, rise].map((part) => (13 * part) / Math.hypot(run, rise));
    line(context, left - dx, top - dy, left + dx, top + dy, rgb(colours.accent), 3);
  }
  context.restore();
  for (const at of samples) {
    context.fillStyle = rgb(colours.ink);
    context.beginPath();
    context.arc(x(at), floor, 2.5, 0, 2 * Math.PI);
    context.fill();
  }
}

/** Both histograms on one axis, around the exact gradient. */
function drawHistograms(histograms, colours, exact, maker) {
  const { context, width, height } = histograms.begin(colours);
  const widest = Math.sqrt(Math.max(exact.score.variance, exact.pathwise.variance, 1e-4));
  // The axis belongs to K = 1: a larger K is seen to narrow what is drawn on it.
  const reach = Math.max(2 * widest, 1.2 * Math.abs(exact.gradient - exact.pathwise.mean));
  const x = linearScale(exact.gradient - reach, exact.gradient + reach, 8, width - 8);
  const floor = height - 24;
  const panel = (floor - 20) / 2;
  draw("score", "Score function", "accent-2", 20 + panel, panel - 8);
  draw("pathwise", "Pathwise", "accent", floor, panel - 8);
  line(context, x(exact.gradient), 16, x(exact.gradient), floor, rgb(colours.ink), 1.5);
  const text = `exact gradient ${inDigits(exact.gradient)}`;
  label(context, text, x(exact.gradient), 12, rgb(colours.ink), "center", "bottom");
  horizontalAxis(context, roundNumbers(x.low, x.high, 7), x, floor, colours);

  function draw(name, text, colour, floor, tallest) {
    const bins = Math.round((x.to - x.from) / 4);
    const counts = new Float64Array(bins);
    let [below, above] = [0, 0];
    for (let i = 0; i < maker.done; i++) {
      const estimate = maker.estimates[name][i];
      const bin = Math.floor(((estimate - x.low) / (x.high - x.low)) * bins);
      if (bin < 0) below += 1;
      else if (bin >= bins) above += 1;
      else counts[bin] += 1;
    }
    const most = Math.max(1, ...counts);
    const side = (x.to - x.from) / bins;
    context.beginPath();
    counts.forEach((count, bin) => {
      const high = (count / most) * tallest;
      if (count) context.rect(x.from + bin * side, floor - high, side, high);
    });
    context.fillStyle = rgb(colours[colour], 0.85);
    context.fill();
    line(context, x.from, floor, x.to, floor, rgb(colours.line));
    const top = floor - tallest + 6;
    context.font = `600 13px ${colours.font}`;
    label(context, text, x.from, top, rgb(colours[colour]));
    context.font = `12px ${colours.font}`;
    if (name === "pathwise" && isBiased(exact)) {
      const beside = x(exact[name].mean) < x(exact.gradient) ? "right" : "left";
      const gap = beside === "right" ? -8 : 8;
      label(context, "biased", x(exact[name].mean) + gap, floor - 24, rgb(colours.ink), beside);
    }
    const beyond = (count, place, align, arrow) =>
      count && label(context, arrow(count), place, floor - 9, rgb(colours.muted), align);
    beyond(below, x.from, "left", (count) => `← ${count}`);
    beyond(above, x.to, "right", (count) => `${count} →`);
  }
}
