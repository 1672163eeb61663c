// A table of latents by factors, coloured by how much each latent knows; one of its rows is chosen.

/** `information` is a list of rows, one for each latent, of shares between 0 and 1. A click on a row
 *  or, from the keyboard, its radio button chooses the latent. Returns {element, value}. */
function factorTable({ caption, factors, information, value, onInput }) {
  const name = uniqueId("vc-latent");
  const inputs = information.map((_, latent) => {
    const input = element("input", { type: "radio", name, checked: latent === value });
    input.setAttribute("aria-label", latentName(latent));
    input.addEventListener("change", () => choose(latent));
    return input;
  });
  const rows = information.map((shares, latent) => {
    const cells = shares.map((share) => {
      const cell = element("td", {}, share.toFixed(2));
      cell.style.setProperty("--share", `${(100 * Math.min(1, share)).toFixed(1)}%`);
      return cell;
    });
    const label = element("label", {}, inputs[latent], mathematical(latentName(latent)));
    const head = element("th", { scope: "row" }, label);
    const row = element("tr", {}, head, ...cells);
    row.addEventListener("click", () => {
      inputs[latent].focus({ preventScroll: true });
      if (!inputs[latent].checked) choose(latent);
    });
    return row;
  });
  const heads = factors.map((factor) => element("th", { scope: "col" }, factor));
  const table = element(
    "table",
    { className: "vc-factors" },
    element("caption", { className: "vc-visually-hidden" }, caption),
    element("thead", {}, element("tr", {}, element("td"), ...heads)),
    element("tbody", {}, ...rows),
  );

  function choose(latent) {
    show(latent);
    onInput(latent);
  }

  function show(latent) {
    inputs.forEach((input, i) => {
      input.checked = i === latent;
      rows[i].classList.toggle("vc-chosen", i === latent);
    });
  }

  show(value);
  return {
    element: table,
    get value() {
      return inputs.findIndex((input) => input.checked);
    },
    set value(latent) {
      show(latent);
    },
  };
}
