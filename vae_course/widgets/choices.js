// Controls beside the slider, and the values that they share with the kernel.

/** mathematical("f(z) = sin z"): single letters slanted; words, signs and digits upright. */
export function mathematical(text) {
  const parts = text.split(/([a-zA-Zα-ω]+)/).filter(Boolean);
  const nodes = parts.map((part) => (/^[a-zA-Zα-ω]$/.test(part) ? element("i", {}, part) : part));
  return element("span", { className: "vc-math" }, ...nodes);
}

/** Native radio buttons in a group: one stop of the Tab key, and the arrow keys choose.
 *  `options` is a list of [value, label]. Returns {element, value (get and set)}. */
export function radios({ legend, options, value, onInput }) {
  const name = uniqueId("vc-radio");
  const inputs = options.map(([choice]) => {
    const input = element("input", { type: "radio", name, checked: choice === value });
    input.addEventListener("change", () => onInput(choice));
    return input;
  });
  const labels = options.map(([, text], i) => element("label", {}, inputs[i], text));
  return {
    element: element(
      "fieldset",
      { className: "vc-choices" },
      element("legend", {}, legend),
      ...labels,
    ),
    get value() {
      return options[inputs.findIndex((input) => input.checked)][0];
    },
    set value(choice) {
      inputs.forEach((input, i) => (input.checked = options[i][0] === choice));
    },
  };
}

export function checkbox({ label: text, value, onInput }) {
  const input = element("input", { type: "checkbox", checked: value });
  input.addEventListener("change", () => onInput(input.checked));
  return {
    element: element("label", { className: "vc-check" }, input, text),
    get value() {
      return input.checked;
    },
    set value(checked) {
      input.checked = checked;
    },
  };
}

/** Which of a list of numbers is nearest to one, by its ratio: its place in the list. */
export function nearestByRatio(values, number) {
  const distances = values.map((one) => Math.abs(Math.log(one / number)));
  return distances.indexOf(Math.min(...distances));
}

/** A slider over a list of numbers, such as 1, 2, 5, 10. A number between two is shown as the
 *  nearest, by its ratio. */
export function listSlider({ values, value, onInput, format = String, ...rest }) {
  const nearest = (number) => nearestByRatio(values, number);
  const control = slider({
    ...rest,
    min: 0,
    max: values.length - 1,
    step: 1,
    value: nearest(value),
    format: (index) => format(values[index]),
    onInput: (index) => onInput(values[index]),
  });
  return {
    element: control.element,
    get value() {
      return values[control.value];
    },
    set value(number) {
      control.value = nearest(number);
    },
  };
}

/** Keeps the model's traits `names` and the widget together: tell() sends what get() gives, at most
 *  every 150 ms; set(values) is called when the kernel has changed one. */
export function withKernel(model, names, get, set) {
  let telling = null;
  const follow = () => {
    const wanted = names.map((name) => model.get(name));
    if (!telling && get().some((value, i) => value !== wanted[i])) set(wanted);
  };
  for (const name of names) model.on(`change:${name}`, follow);
  return {
    tell() {
      telling ??= setTimeout(() => {
        get().forEach((value, i) => model.set(names[i], value));
        telling = null;
        model.save_changes();
      }, 150);
    },
    stop() {
      clearTimeout(telling);
      for (const name of names) model.off(`change:${name}`, follow);
    },
  };
}

/** Values by name, the same in the page and in the kernel. `controls` are those of the names; a
 *  change from either side shows in all of them, and calls `onChange`. */
export function sharedValues(model, names, onChange) {
  const values = Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const controls = {};
  const kernel = withKernel(
    model,
    names,
    () => names.map((name) => values[name]),
    (wanted) => {
      names.forEach((name, i) => {
        if (wanted[i] === values[name]) return;
        values[name] = wanted[i];
        if (controls[name]) controls[name].value = wanted[i];
      });
      onChange();
    },
  );
  const set = (changes) => {
    Object.assign(values, changes);
    onChange();
    kernel.tell();
  };
  return {
    values,
    set,
    /** Sets the values and what the controls show. */
    moveTo(changes) {
      for (const [name, value] of Object.entries(changes)) {
        if (controls[name]) controls[name].value = value;
      }
      set(changes);
    },
    /** Makes a control for one of the values: control("mean", slider, {label: …}). */
    control(name, make, options) {
      const onInput = (value) => set({ [name]: value });
      controls[name] = make({ ...options, value: values[name], onInput });
      return controls[name];
    },
    stop: kernel.stop,
  };
}
