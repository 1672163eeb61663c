"""Every example once an epoch, in an order of its own."""

import pytest
import torch

from vae_course.training import Batches, History


def drawn(batches, steps):
    return torch.cat([batches[step] for step in range(steps)]).tolist()


@pytest.mark.parametrize(("count", "batch_size"), [(12, 4), (10, 4), (7, 7), (5, 3)])
def test_every_example_comes_once_an_epoch(count, batch_size):
    batches = Batches(torch.arange(count), batch_size, seed=0)
    row = drawn(batches, 6 * count)
    epochs = [row[start : start + count] for start in range(0, len(row), count)]
    assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1  # shuffled anew
    assert all(len(batches[step]) == batch_size for step in range(6 * count))


def test_order_follows_from_seed_and_step_alone():
    batches = Batches(torch.arange(10), 4, seed=3)
    row = drawn(batches, 20)
    torch.rand(5)
    assert drawn(Batches(torch.arange(10), 4, seed=3), 20) == row
    assert drawn(Batches(torch.arange(10), 4, seed=4), 20) != row
    late = Batches(torch.arange(10), 4, seed=3)
    assert late[17].tolist() == row[17 * 4 : 18 * 4]  # without the steps before


def test_neighbouring_seeds_do_not_share_epochs():
    first, second = Batches(torch.arange(50), 50, seed=0), Batches(torch.arange(50), 50, seed=1)
    orders = {tuple(batches[step].tolist()) for batches in (first, second) for step in range(10)}
    assert len(orders) == 20


def test_global_random_state_is_not_touched():
    before = torch.get_rng_state()
    drawn(Batches(torch.arange(10), 4, seed=0), 10)
    assert torch.equal(before, torch.get_rng_state())


# History ----------------------------------------------------------------------------------------


def test_history_has_columns_that_stay_beside_each_other():
    history = History()
    history.append(step=1, loss=3.0)
    history.append(step=2, loss=2.0, extra=[1, 2])
    history.append(step=3, loss=1.0)
    assert history.loss == history["loss"] == [3.0, 2.0, 1.0]
    assert history.extra == [None, [1, 2], None]
    assert (len(history), history.last["step"]) == (3, 3)
    assert History.from_dict(history.to_dict()).columns == history.columns


def test_an_unknown_column_is_answered_with_the_known_ones():
    history = History({"step": [1]})
    with pytest.raises(KeyError, match="no column 'los'; it has step"):
        history["los"]
    with pytest.raises(AttributeError, match="no column 'los'; it has step"):
        _ = history.los
