// Two ELBOs as bars on one axis of nats, and the gap that is left up to log p(x).

/** show(evidence, [ELBO of the Gaussian, ELBO of the flow], K); an ELBO may be null for a moment. */
function gapBars() {
  const rows = ["gaussian", "flow"].map((name) => {
    const [head, elbo, gap] = [element("b"), element("b"), element("b")];
    const [bar, rest] = ["elbo", "gap"].map((what) => element("span", { className: `pf-bar pf-${what}` }));
    const track = element("div", { className: "pf-track" }, bar, rest);
    const text = element("p", {}, head, ": ELBO ", elbo, ", gap ", gap);
    return { head, elbo, gap, bar, rest, element: element("div", { className: `pf-row pf-${name}` }, text, track) };
  });
  const evidence = element("b");
  const mark = element("span", { className: "pf-mark" });
  const ruler = element("div", { className: "pf-ruler" });
  const whole = element(
    "div",
    { className: "pf-bars" },
    element(
      "p",
      { className: "pf-evidence" },
      element("span", { className: "vc-muted" }, "gap: ", mathematical("KL(q ‖ p(z|x))")),
      element("span", {}, mathematical("log p(x)"), " = ", evidence),
    ),
    ...rows.map((row) => row.element),
    ruler,
    mark,
  );
  return {
    element: whole,
    show(logEvidence, elbos, layers) {
      // From a little below the Gaussian's ELBO to log p(x): its gap is the longest there is.
      const widest = Math.max(...elbos.map((elbo) => logEvidence - (elbo ?? logEvidence)), 0.1);
      const span = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8].find((one) => one > 1.1 * widest) ?? 16;
      const share = (value) => `${100 * Math.max(0, 1 - (logEvidence - value) / span)}%`;
      evidence.textContent = `${signed(logEvidence, 3)} nats`;
      rows.forEach(({ head, elbo, gap, bar, rest }, i) => {
        head.textContent = ["Gaussian", `Flow, K = ${layers}`][i];
        const value = elbos[i];
        elbo.textContent = value === null ? "…" : signed(value, 3);
        gap.textContent = value === null ? "…" : Math.max(0, logEvidence - value).toFixed(3);
        bar.style.width = rest.style.left = share(value ?? -Infinity);
        rest.style.right = value === null ? "100%" : 0;
      });
      const ticks = roundNumbers(logEvidence - 0.96 * span, logEvidence - 0.04 * span, 5);
      ruler.replaceChildren(
        ...ticks.map(([number, text]) => {
          const tick = element("span", {}, text);
          tick.style.left = share(number);
          return tick;
        }),
      );
    },
  };
}
