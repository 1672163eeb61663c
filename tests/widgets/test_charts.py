"""charts.js and choices.js: what can be tested without a page."""

import pytest

from tests.widgets.node import run_module


@pytest.mark.parametrize(
    ("low", "high", "count", "wanted"),
    [
        (-5, 5, 5, [(-4, "−4"), (-2, "−2"), (0, "0"), (2, "2"), (4, "4")]),
        (0, 1, 5, [(0, "0"), (0.2, "0.2"), (0.4, "0.4"), (0.6, "0.6"), (0.8, "0.8"), (1, "1.0")]),
        (-0.1, 0.02, 3, [(-0.1, "−0.10"), (-0.05, "−0.05"), (0, "0")]),
        (-8.3, 1.2, 4, [(-5, "−5"), (0, "0")]),
        (13, 1013, 4, [(500, "500"), (1000, "1000")]),
    ],
)
def test_round_numbers(low, high, count, wanted):
    code = "return js.roundNumbers(data.low, data.high, data.count)"
    found = run_module("charts.js", code, {"low": low, "high": high, "count": count})
    assert [text for _, text in found] == [text for _, text in wanted]
    assert [value for value, _ in found] == pytest.approx([value for value, _ in wanted])


def test_numbers_in_digits():
    texts = {
        1.7321: "1.73",
        -0.0016: "−0.0016",
        0.06321: "0.0632",
        22.44: "22.4",
        12345.6: "12,346",
        0.0: "0",
        1e-20: "0",
        -1e-6: "0.0000",
        100: "100",
    }
    found = run_module("charts.js", "return data.map((one) => js.inDigits(one))", list(texts))
    assert found == list(texts.values())
    assert run_module("charts.js", "return [NaN, Infinity].map((n) => js.inDigits(n))", 0) == [
        "—",
        "∞",
    ]


MODEL = """
    const kernel = { mean: 1, seed: 1 };
    const told = [];
    const listeners = {};
    const model = {
        get: (name) => kernel[name],
        set(name, value) {
            const changed = kernel[name] !== value;
            kernel[name] = value;
            if (changed) listeners[`change:${name}`]?.();
        },
        save_changes() { told.push({ ...kernel }); },
        on(name, callback) { listeners[name] = callback; },
        off(name) { delete listeners[name]; },
    };
    let changes = 0;
    const shared = js.sharedValues(model, ["mean", "seed"], () => (changes += 1));
    const control = shared.control("mean", (options) => options, { label: "Mean" });
    const wait = (time) => new Promise((done) => setTimeout(done, time));
    const fromKernel = (name, value) => {
        kernel[name] = value;
        listeners[`change:${name}`]();
    };
"""


def test_the_kernel_moves_the_controls():
    code = """
        fromKernel("mean", 2);
        const seen = [control.value, shared.values.mean, changes];
        await wait(200);
        return [...seen, told.length];
    """
    assert run_module("choices.js", MODEL + code, None) == [2, 2, 1, 0]


def test_the_kernel_is_told_what_the_reader_does_not_too_often():
    code = """
        for (let i = 0; i < 20; i++) control.onInput(i);
        fromKernel("mean", 7);  // too late: the reader's hand is on the slider
        const during = shared.values.mean;
        await wait(250);
        shared.moveTo({ seed: 5, mean: 20 });
        await wait(250);
        return { during, told, changes, shown: control.value };
    """
    found = run_module("choices.js", MODEL + code, None)
    assert found["during"] == 19 and found["changes"] == 21
    assert found["told"] == [{"mean": 19, "seed": 1}, {"mean": 20, "seed": 5}]


def test_a_widget_that_is_gone_hears_and_says_nothing():
    code = """
        control.onInput(3);
        shared.stop();
        await wait(250);
        return [Object.keys(listeners).length, told.length];
    """
    assert run_module("choices.js", MODEL + code, None) == [0, 0]
