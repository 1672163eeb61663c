// Evidence, ELBO and KL as bars that add up, and the ELBO as rate and distortion.

/** Numbers as printed, two digits each, so that the sums hold between the printed ones: three are
 *  rounded, the others are their differences, and off by less than 0.01. */
export function printed(evidence, { value, rate }) {
  const round = (number) => Math.round(100 * number) / 100;
  const [e, b, r] = [evidence, value, rate].map(round);
  return { evidence: e, elbo: b, kl: round(e - b), rate: r, distortion: round(-b - r) };
}

/** Two sums, each a line of terms above a bar, on one axis of nats:
 *
 *    ELBO + KL = log p(x)     ELBO comes from −∞ on the left, KL leads on to the evidence's line
 *    ELBO = −R − D            from 0 on the right, the distortion and then the rate lead to the ELBO */
function evidenceBars() {
  const terms = {};
  const term = (name, ...label) => {
    const value = element("b");
    (terms[name] ??= []).push(value);
    return element("span", { className: `vc-term vc-${name}` }, element("span", {}, ...label), value);
  };
  const sign = (text) => element("span", { className: "vc-sign" }, text);
  const line = (...parts) => element("div", { className: "vc-sum" }, ...parts);
  const bar = (name) => element("span", { className: `vc-bar vc-${name}` });
  const bars = Object.fromEntries(["elbo", "kl", "rate", "distortion"].map((n) => [n, bar(n)]));
  const marks = ["evidence", "elbo"].map((name) => bar(`mark vc-${name}`));
  const ruler = element("div", { className: "vc-ruler" });
  const track = (...parts) => element("div", { className: "vc-track" }, ...parts);
  const whole = element(
    "div",
    { className: "vc-sums" },
    line(
      term("elbo", "ELBO"),
      sign("+"),
      term("kl", mathematical("KL(q ‖ p(z|x))")),
      sign("="),
      term(
        "evidence",
        element("span", { className: "vc-roomy" }, "log evidence "),
        mathematical("log p(x)"),
      ),
    ),
    track(bars.elbo, bars.kl, marks[0]),
    line(
      term("elbo", "ELBO"),
      sign("= −"),
      term("rate", "rate R"),
      sign("−"),
      term("distortion", "distortion D"),
    ),
    track(bars.rate, bars.distortion, marks[1]),
    ruler,
  );
  let drawn = 0; // the end of the axis
  return {
    element: whole,
    show({ evidence, elbo, distortion }, text) {
      for (const [name, nodes] of Object.entries(terms)) {
        for (const node of nodes) node.textContent = fixed(text[name], 2);
      }
      const full = [4, 8, 20, 40, 80, 200, 400, 800, 2000].find((end) => end > -1.05 * elbo);
      const place = (node, from, to) => {
        node.style.left = `${100 * (1 + from / full)}%`;
        node.style.width = `${(100 * (to - from)) / full}%`;
      };
      place(bars.elbo, -full, elbo);
      place(bars.kl, elbo, evidence);
      place(bars.rate, elbo, -distortion);
      place(bars.distortion, -distortion, 0);
      marks[0].style.left = `${100 * (1 + evidence / full)}%`;
      marks[1].style.left = `${100 * (1 + elbo / full)}%`;
      if (drawn !== full) {
        drawn = full;
        const ticks = [4, 3, 2, 1, 0].map((i) => fixed((-full * i) / 4, 0));
        ticks[4] = "0 nats";
        ruler.replaceChildren(...ticks.map((text) => element("span", {}, text)));
      }
    },
  };
}
