"""What loaders and samplers share with PyTorch's: order, lengths, batches of every kind of item, workers."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)  # fmt: skip


class Records(mg.utils.data.Dataset):
    """Dictionaries of an array, a number and a string."""

    def __len__(self):
        return 7

    def __getitem__(self, index):
        return {"image": np.full((2, 2), index, np.float32), "label": index % 3, "name": f"picture {index}"}


def plain(batch):
    if isinstance(batch, dict):
        return {key: plain(value) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return [plain(part) for part in batch]
    return batch if isinstance(batch, str) else batch.tolist()


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 3},
        {"batch_size": 3, "drop_last": True},
        {"batch_size": 2, "sampler": [6, 0, 3, 3, 1]},
        {"batch_sampler": [[1, 2], [5], [0, 6, 4]]},
        {"batch_size": 3, "num_workers": 2, "pin_memory": True},
        {"batch_size": 2, "collate_fn": lambda items: [item["name"] for item in items]},
    ],
    ids=lambda o: ", ".join(o),
)
def test_batches_are_pytorchs(options):
    torch = pytest.importorskip("torch")
    theirs = {key: value for key, value in options.items() if key not in ("num_workers", "pin_memory")}
    expected = torch.utils.data.DataLoader(Records(), **theirs)
    loader = DataLoader(Records(), **options)
    assert len(loader) == len(expected)
    assert [plain(batch) for batch in loader] == [plain(batch) for batch in expected]
    assert [plain(batch) for batch in loader] == [plain(batch) for batch in expected]


def test_workers_change_neither_order_nor_resume():
    data = TensorDataset(mg.arange(50), mg.arange(50) * 2)
    runs = []
    for workers in (0, 3):
        mg.manual_seed(5)
        loader = DataLoader(data, 8, True, num_workers=workers)
        batches = loader.forever()
        seen = [next(batches)[0].tolist() for _ in range(10)]
        state = loader.state_dict()
        again = DataLoader(data, 8, True, num_workers=workers)
        again.load_state_dict(state)
        assert next(again.forever())[0].tolist() == next(batches)[0].tolist()
        runs.append((seen, state))
    assert runs[0] == runs[1]


def test_an_error_in_a_worker_reaches_the_loop():
    class Broken(Records):
        def __getitem__(self, index):
            if index == 4:
                raise OSError("picture 4 is damaged")
            return super().__getitem__(index)

    with pytest.raises(OSError, match="picture 4"):
        list(DataLoader(Broken(), 1, num_workers=2))


def test_samplers_give_what_they_say():
    mg.manual_seed(0)
    assert list(SequentialSampler(range(4))) == [0, 1, 2, 3]
    assert sorted(RandomSampler(range(9))) == list(range(9)) and len(RandomSampler(range(9), True, 20)) == 20
    assert set(RandomSampler(range(3), True, 60)) == {0, 1, 2}
    assert sorted(SubsetRandomSampler([4, 2, 8])) == [2, 4, 8]
    drawn = list(WeightedRandomSampler([0.0, 1.0, 3.0], 4000))
    assert 0 not in drawn and drawn.count(2) / 4000 == pytest.approx(0.75, abs=0.03)
    assert sorted(WeightedRandomSampler([1.0, 0.0, 1.0], 2, replacement=False)) == [0, 2]
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]] and len(BatchSampler(range(5), 2, True)) == 2


def test_data_sets_are_cut_and_joined():
    data = ConcatDataset([TensorDataset(mg.arange(3)), TensorDataset(mg.arange(10, 14))])
    assert len(data) == 7 and [int(data[i][0]) for i in (0, 2, 3, -1)] == [0, 2, 10, 13]
    assert [int(x[0]) for x in Subset(data, [6, 0])] == [13, 0]
    torch = pytest.importorskip("torch")
    for lengths in ([3, 4], [0.5, 0.3, 0.2], [0.25, 0.75]):
        parts = random_split(data, lengths)
        assert [len(p) for p in parts] == [len(p) for p in torch.utils.data.random_split(range(7), lengths)]
        assert sorted(int(part[i][0]) for part in parts for i in range(len(part))) == [0, 1, 2, 10, 11, 12, 13]
    with pytest.raises(ValueError, match="must add up to the 7 items"):
        random_split(data, [3, 3])


@pytest.mark.parametrize(
    "options, words",
    [
        ({"sampler": [0], "shuffle": True}, "leave shuffle out"),
        ({"batch_sampler": [[0]], "batch_size": 3}, "leaves no room"),
        ({"num_workers": -1}, "num_workers must be"),
    ],
)
def test_contradictions_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        DataLoader(Records(), **options)
    with pytest.raises(ValueError, match="sampler of one's own"):
        DataLoader(Records(), sampler=[0]).state_dict()


def test_workers_are_started_with_their_numbers_and_fetch_ahead_as_far_as_asked():
    import threading

    started, fetched = {}, []

    class Counted:
        def __len__(self):
            return 12

        def __getitem__(self, index):
            fetched.append((index, threading.get_ident() in started.values()))
            return index

    loader = DataLoader(
        Counted(), num_workers=2, worker_init_fn=lambda worker: started.update({worker: threading.get_ident()}),
        prefetch_factor=3, persistent_workers=True,
    )  # fmt: skip
    batches = iter(loader)
    assert next(batches).tolist() == [0]
    assert [batch.item() for batch in batches] == list(range(1, 12))
    assert set(started) <= {0, 1} and started and all(by_worker for _, by_worker in fetched)
    with pytest.raises(ValueError, match="prefetch_factor"):
        DataLoader(Counted(), prefetch_factor=3)
