// The plane of rate and distortion: a point for each trained model, and the line of slope −β.

/** Which of some points [x, y] is nearest to a place: its index. */
export function nearestPoint(points, [x, y]) {
  const distances = points.map((point) => Math.hypot(point[0] - x, point[1] - y));
  return distances.indexOf(Math.min(...distances));
}

/** What training with β made small: the height at which the line of slope −β meets the axis R = 0. */
export function objective({ beta, rate, distortion }) {
  return distortion + beta * rate;
}

/** What the plane shows, [low, high] of R and of D: all points and all objectives. */
export function planeRanges(members) {
  const heights = members.flatMap((one) => [one.distortion, objective(one)]);
  const [low, high] = [Math.min(...heights), Math.max(...heights)];
  const margin = 0.06 * (high - low || 1);
  const right = Math.max(...members.map((one) => one.rate));
  return { rates: [0, 1.08 * right || 1], distortions: [low - margin, high + margin] };
}

/** `choose(index)` is called when a pointer is dragged to another model, or clicks on it. */
function ratePlane(members, choose) {
  const shown = chart("Rate and distortion of each trained model", "bs-plane");
  const { rates, distortions } = planeRanges(members);
  let points = []; // in CSS pixels

  const pick = ({ offsetX, offsetY }) => choose(nearestPoint(points, [offsetX, offsetY]));
  shown.canvas.addEventListener("pointerdown", ({ pointerId }) => {
    shown.canvas.setPointerCapture(pointerId);
  });
  shown.canvas.addEventListener("pointermove", (event) => {
    if (shown.canvas.hasPointerCapture(event.pointerId)) pick(event);
  });
  shown.canvas.addEventListener("click", pick);

  function draw(colours, index) {
    const { context, width, height } = shown.begin(colours);
    const floor = height - 36;
    const x = linearScale(...rates, 44, width - 12);
    const y = linearScale(...distortions, floor, 24);
    points = members.map((one) => [x(one.rate), y(one.distortion)]);
    for (const [tick, text] of roundNumbers(...distortions, 6)) {
      line(context, x.from, y(tick), x.to, y(tick), rgb(colours.line));
      label(context, text, x.from - 6, y(tick), rgb(colours.muted), "right");
    }
    horizontalAxis(context, roundNumbers(...rates, 6), x, floor, colours);
    label(context, "rate R, nats", x.to, height - 6, rgb(colours.rate), "right");
    label(context, "distortion D, nats", 2, 7, rgb(colours.distortion));

    curve(context, points, rgb(colours.muted, 0.5), 1.5);
    drawTangent(context, x, y, floor, colours, members[index]);
    points.forEach(([px, py], i) => {
      if (i !== index) dot(context, px, py, 4, colours.muted, colours.panel);
    });
    dot(context, ...points[index], 6.5, colours.accent, colours.panel);
    nameSome(context, x.to, colours, index);
  }

  function drawTangent(context, x, y, floor, colours, member) {
    const { beta } = member;
    const top = objective(member);
    context.save();
    context.beginPath();
    context.rect(x.from, y.to, x.to - x.from, floor - y.to);
    context.clip();
    line(context, x(0), y(top), x(x.high), y(top - beta * x.high), rgb(colours.accent), 2, [6, 4]);
    context.restore();
    line(context, x.from - 4, y(top), x.from + 4, y(top), rgb(colours.accent), 3);
  }

  /** The present point has its β beside it, and so have others where there is room. */
  function nameSome(context, right, colours, index) {
    const taken = [];
    for (const i of [index, ...members.keys()]) {
      const text = `β = ${members[i].beta}`;
      const wide = context.measureText(text).width;
      const left = Math.min(points[i][0] + 8, right - wide);
      const top = points[i][1] - 12;
      const free = taken.every(([x, y, w]) => {
        return left > x + w + 8 || x > left + wide + 8 || Math.abs(top - y) > 15;
      });
      if (!free) continue;
      taken.push([left, top, wide]);
      label(context, text, left, top, rgb(i === index ? colours.accent : colours.muted));
    }
  }

  return { element: shown.element, draw, points: () => points };
}

function dot(context, x, y, radius, colour, edge) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = rgb(colour);
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = rgb(edge);
  context.stroke();
}
