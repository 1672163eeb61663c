// Shows Jupyter widgets on a published page, where no kernel runs.
//
// A built page holds two kinds of script elements that are only data: the state of all widgets
// (…widget-state+json), and one …widget-view+json at each place where a widget is to be seen. For a
// widget with an ES module of its own (anywidget), this imports the module and calls its render().
// The common widgets of ipywidgets become native inputs. Links between widgets are kept. A widget
// that needs Python shows its last picture, and says so.
//
// A classic script, not a module: browsers refuse modules from file:// addresses.
(() => {
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const states = {}; // model id -> {model_name, state}
  const models = {};
  const modules = {}; // text of a module -> promise of what it exports

  /** What a widget's front end knows as its model: named values, and who listens to their changes. */
  class Model {
    constructor(id) {
      this.id = id;
      this.name = states[id].model_name;
      this.values = { ...states[id].state };
      this.listeners = [];
    }
    get(name) {
      return this.values[name];
    }
    set(name, value) {
      const changes = typeof name === "string" ? { [name]: value } : name;
      const changed = Object.keys(changes).filter((key) => this.values[key] !== changes[key]);
      Object.assign(this.values, changes);
      for (const key of changed) this.trigger(`change:${key}`, this, this.values[key]);
      if (changed.length) this.trigger("change", this);
    }
    save_changes() {} // there is no kernel to tell
    send() {}
    on(names, callback) {
      for (const name of names.split(" ")) this.listeners.push({ name, callback });
    }
    off(name, callback) {
      const leaves = (one) =>
        (!name || one.name === name) && (!callback || one.callback === callback);
      this.listeners = this.listeners.filter((one) => !leaves(one));
    }
    trigger(name, ...values) {
      for (const one of [...this.listeners]) if (one.name === name) one.callback(...values);
    }
  }

  function model(reference) {
    const id = String(reference).replace("IPY_MODEL_", "");
    if (!(id in states)) throw new Error(`this page has no state of widget ${id}`);
    return (models[id] ??= new Model(id));
  }

  function make(tag, properties = {}, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  // --- widgets with a module of their own -------------------------------------------------------

  async function showModule(widget, place) {
    const text = widget.get("_esm");
    modules[text] ??= import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
    const css = widget.get("_css");
    if (css && ![...document.head.querySelectorAll("style")].some((s) => s.textContent === css)) {
      document.head.append(make("style", { textContent: css }));
    }
    let { default: definition } = await modules[text];
    if (typeof definition === "function") definition = await definition();
    if (!widget.initialised) widget.initialised = definition.initialize?.({ model: widget }) ?? true;
    await widget.initialised;
    await definition.render({ model: widget, el: place });
  }

  // --- the common widgets of ipywidgets -----------------------------------------------------------

  /** An input with its label; `read` gives the model's value from the input, `write` the reverse. */
  function showInput(widget, place, input, read, write, format) {
    const text = widget.get("description") || "value";
    const label = make("label", { className: "vc-host-input" }, `${text} `, input);
    const output = format ? make("output") : null;
    if (output) label.append(output);
    const update = () => {
      write();
      if (output) output.textContent = format(widget.get("value"));
    };
    input.disabled = Boolean(widget.get("disabled"));
    input.addEventListener("input", () => widget.set("value", read()));
    widget.on("change:value", update);
    update();
    place.append(label);
  }

  function showSlider(widget, place) {
    const step = widget.get("step") || 1;
    const digits = Number((String(widget.get("readout_format")).match(/\.(\d+)f/) ?? [0, 0])[1]);
    const input = make("input", { type: "range" });
    Object.assign(input, { min: widget.get("min"), max: widget.get("max"), step });
    const write = () => (input.value = widget.get("value"));
    const format = (value) => Number(value).toFixed(digits);
    showInput(widget, place, input, () => Number(input.value), write, format);
  }

  function showCheckbox(widget, place) {
    const input = make("input", { type: "checkbox" });
    const write = () => (input.checked = widget.get("value"));
    // A checkbox has no value of its own among Dropdowns and sliders: it is read as true or false.
    showInput(widget, place, input, () => input.checked, write);
  }

  function showDropdown(widget, place) {
    const options = widget.get("_options_labels").map((text) => make("option", {}, text));
    const input = make("select", {}, ...options);
    // What Python knows as the value stays in Python; the state holds the position of the choice.
    widget.on("change:index", () => widget.set("value", widget.get("index")));
    widget.on("change:value", () => widget.set("index", widget.get("value")));
    widget.set("value", widget.get("index"));
    const write = () => (input.selectedIndex = widget.get("index") ?? -1);
    showInput(widget, place, input, () => input.selectedIndex, write);
  }

  function showLabel(widget, place) {
    const node = make("span", { className: "vc-host-label" });
    const update = () => (node.textContent = widget.get("value"));
    widget.on("change:value", update);
    update();
    place.append(node);
  }

  async function showBox(widget, place) {
    const box = make("div", { className: "vc-host-box" });
    if (widget.name === "HBoxModel") box.classList.add("vc-host-row");
    place.append(box);
    for (const child of widget.get("children")) await show(model(child), box);
  }

  function connect(link, bothWays) {
    const [source, target] = ["source", "target"].map((end) => {
      const [reference, name] = link.get(end);
      return { model: model(reference), name };
    });
    const copy = (from, to) => () => to.model.set(to.name, from.model.get(from.name));
    source.model.on(`change:${source.name}`, copy(source, target));
    if (bothWays) target.model.on(`change:${target.name}`, copy(target, source));
    copy(source, target)();
  }

  // --- a widget that needs Python ---------------------------------------------------------------

  function showLastPicture(widget, place) {
    const note = make("p", { className: "vc-host-note" });
    const picture = widget.get("last_picture") || widget.get("_data_url");
    if (picture) place.append(make("img", { src: picture, alt: widget.get("description") || "" }));
    note.append("This control needs Python. ");
    const colab = document.querySelector('a[href*="colab.research.google.com"]');
    if (colab) note.append(make("a", { href: colab.href }, "Open this page in Colab"), " to use it.");
    else note.append("Run this page's notebook to use it.");
    place.append(note);
  }

  const SHOW = {
    IntSliderModel: showSlider,
    FloatSliderModel: showSlider,
    CheckboxModel: showCheckbox,
    DropdownModel: showDropdown,
    LabelModel: showLabel,
    HBoxModel: showBox,
    VBoxModel: showBox,
    BoxModel: showBox,
  };

  async function show(widget, place) {
    if (widget.get("needs_kernel")) return showLastPicture(widget, place);
    if (widget.get("_esm")) return showModule(widget, place);
    return (SHOW[widget.name] ?? showLastPicture)(widget, place);
  }

  const STYLE = `
    .vc-host-box { display: flex; flex-direction: column; gap: 0.5rem; margin: 0.5rem 0; }
    .vc-host-row { flex-flow: row wrap; gap: 0.5rem 1.5rem; align-items: center; }
    .vc-host-input { display: flex; gap: 0.75rem; align-items: center; min-height: 1.75rem; }
    .vc-host-input input[type="range"] { flex: 1; min-width: 6rem; height: 1.75rem; }
    .vc-host-input :is(select, input[type="checkbox"]) { min-width: 1.5rem; min-height: 1.5rem; }
  `;

  async function start() {
    document.head.append(make("style", { textContent: STYLE }));
    for (const script of document.querySelectorAll(STATE)) {
      Object.assign(states, JSON.parse(script.textContent).state);
    }
    for (const id of Object.keys(states)) {
      const { model_name: name } = states[id];
      if (name === "LinkModel" || name === "DirectionalLinkModel") {
        connect(model(id), name === "LinkModel");
      }
    }
    await Promise.all(
      [...document.querySelectorAll(VIEW)].map(async (script) => {
        const place = make("div", { className: "vc-host" });
        script.after(place);
        try {
          await show(model(JSON.parse(script.textContent).model_id), place);
        } catch (error) {
          console.error(error);
          place.append(make("p", {}, `This widget could not be shown: ${error.message}`));
        }
      }),
    );
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
