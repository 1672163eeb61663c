// What a flow for images is asked to compute, a layer at a time: a picture takes longer than a frame
// has, so pictures take turns, and a frame stops between two layers.

/** add(make, show): a task, whose generator make() is run to its end and gives what show() gets.
 *  ask(task) wants it done, again if need be. An urgent one goes next, but not twice in a row. */
export function inTurns() {
  const tasks = [];
  let running = null; // { task, generator }
  let next = 0;
  let urgentLast = false;

  function choose() {
    const urgent = tasks.find((task) => task.stale && task.urgent);
    if (urgent && !urgentLast) return urgent;
    for (let i = 0; i < tasks.length; i++) {
      const task = tasks[(next + i) % tasks.length];
      if (!task.stale || task.urgent) continue;
      next = (next + i + 1) % tasks.length;
      return task;
    }
    return urgent;
  }

  return {
    add(make, show) {
      const task = { make, show, stale: false, urgent: false };
      tasks.push(task);
      return task;
    },
    ask(task, urgent = false) {
      task.stale = true;
      task.urgent = urgent;
    },
    get left() {
      return tasks.filter((task) => task.stale).length + Number(running !== null);
    },
    /** Goes on until that time, and at least one layer further. */
    work(until) {
      do {
        if (!running) {
          const task = choose();
          if (!task) return;
          urgentLast = task.urgent;
          task.stale = false;
          running = { task, generator: task.make() };
        }
        const { done, value } = running.generator.next();
        if (!done) continue;
        const { task } = running;
        running = null;
        task.show(value);
      } while (performance.now() < until);
    },
  };
}

/** Grey levels with a number from [0, 1) added, in [0, 1): see dequantisation.py. */
export function dequantised(values, levels, noise) {
  return Float64Array.from(values, (value) => (Math.round(value * (levels - 1)) + noise()) / levels);
}

/** (1 − t) a + t b. */
export const mixed = (a, b, t) => Float64Array.from(a, (one, i) => (1 - t) * one + t * b[i]);

/** −log₂ P of a grey-level picture, a number for each dimension, from the log-density in nats. */
export const bitsPerDimension = (logProb, n, levels) =>
  (n * Math.log(levels) - logProb) / (n * Math.LN2);

/** A row of pictures in one canvas: draw(i, values, shades), values in [0, 1]. */
function pictureRow(label, count, width, height) {
  const shown = picture(label, count * width, height);
  function draw(i, values, shades) {
    const { context, width: all, height: high, scale } = shown.fit();
    const left = Math.round((i * all) / count);
    const wide = Math.round(((i + 1) * all) / count) - left - Math.round(scale);
    drawCrisp(context, inkOnPaper(values, width, height, shades), left, 0, wide, high);
  }
  return { ...shown, draw };
}
