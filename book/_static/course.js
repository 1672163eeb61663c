// Boxes that scroll sideways (wide formulas, tables, code) can be reached and moved with the keyboard.
// Those that do not scroll are left out of the tab order.

const scrollers = ".katex-display, .pst-scrollable-table-container, .cell_output > .output, pre";

function update() {
  for (const box of document.querySelectorAll(scrollers)) {
    if (box.scrollWidth > box.clientWidth + 1) {
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", "Scrolls sideways");
    } else {
      box.removeAttribute("tabindex");
      box.removeAttribute("role");
      box.removeAttribute("aria-label");
    }
  }
}

addEventListener("load", update);
addEventListener("resize", update);
document.fonts?.ready.then(update);
