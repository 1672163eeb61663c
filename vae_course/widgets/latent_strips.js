// Strips of small pictures: what one latent does from −3 to 3, with the others where they are.

const STRIP_VALUES = [-3, -2, -1, 0, 1, 2, 3];

/** Strips that share a decoder and its latents `z`, an array that the widget changes. They are
 *  decoded some in each frame, in turns, so that none is forgotten while a slider moves. */
function latentStrips(decoder, z, width, height) {
  const strips = [];
  let next = 0;

  /** The strip of latent `index`; pick(value) is called when one of its pictures is clicked. */
  function add(index, label, pick) {
    const shown = picture(label, STRIP_VALUES.length * width, height);
    shown.canvas.addEventListener("click", (event) => {
      const place = Math.floor((event.offsetX / shown.canvas.clientWidth) * STRIP_VALUES.length);
      pick(STRIP_VALUES[Math.min(place, STRIP_VALUES.length - 1)]);
    });
    strips.push({ element: shown.element, index, shown, stale: STRIP_VALUES.map(() => true) });
    return strips.at(-1);
  }

  /** z has changed: all strips are to be drawn again, but not that of `latent` if only it moved. */
  function spoil(latent = null) {
    for (const strip of strips) if (strip.index !== latent) strip.stale.fill(true);
  }

  /** Draws pictures until the time `until`, but at least one; false if some are left for another
   *  frame. */
  function refresh(colours, until) {
    let drawn = 0;
    const total = strips.length * STRIP_VALUES.length;
    for (let tried = 0; tried < total; tried++) {
      const strip = strips[Math.floor(next / STRIP_VALUES.length)];
      const place = next % STRIP_VALUES.length;
      if (strip.stale[place]) {
        if (drawn && performance.now() > until) return false;
        const there = Float64Array.from(z);
        there[strip.index] = STRIP_VALUES[place];
        drawOne(strip, place, inkOnPaper(decoder.forward(there), width, height, colours));
        strip.stale[place] = false;
        drawn += 1;
      }
      next = (next + 1) % total;
    }
    return true;
  }

  function drawOne({ shown }, place, image) {
    const fitted = shown.fit();
    const cell = fitted.width / STRIP_VALUES.length;
    const gap = Math.round(fitted.scale);
    const [left, right] = [Math.round(place * cell), Math.round((place + 1) * cell)];
    drawCrisp(fitted.context, image, left, 0, right - left - gap, fitted.height);
  }

  return { add, spoil, refresh };
}

/** z₁ for the first latent. */
function latentName(index) {
  return `z${String(index + 1).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit])}`;
}

/** A number with its sign, and a minus sign as wide as a plus sign. */
function withPlus(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return `${value < 0 ? "−" : "+"}${text}`;
}
