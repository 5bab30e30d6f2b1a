"""Data sets, the loader, IDX files and folders of pictures."""

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from minigrad import from_numpy
from minigrad.data import (
    MNIST,
    DataLoader,
    Dataset,
    FashionMNIST,
    ImageFolder,
    LabelledImages,
    Subset,
    TensorDataset,
    mnist,
    read_idx,
)
from minigrad.data.image import PictureNote
from minigrad.random import get_rng_state, manual_seed, set_rng_state


class Squares(Dataset):
    """Item i is (i, [i, i * i]): a data set written as a user would, without `batch`."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return index, np.array([index, index**2], np.float32)


def rows(count):
    numbers = np.arange(count * 3, dtype=np.float32).reshape(count, 3)
    return TensorDataset(from_numpy(numbers), from_numpy(np.arange(count)))


def numbers(batches):
    """The item numbers of each batch of `rows` or `Squares`."""
    return [batch[-1 if batch[-1].array.ndim == 1 else 0].array.tolist() for batch in batches]


def flat(batches):
    return [number for batch in batches for number in batch]


# ---------------------------------------------------------------------------------- sets and batches


def test_tensor_dataset_gives_rows_and_batches():
    dataset = rows(5)
    assert len(dataset) == 5
    values, number = dataset[2]
    assert values.array.tolist() == [6, 7, 8] and int(number.array) == 2
    values, number = dataset.batch(np.array([4, 0]))
    assert values.array.tolist() == [[12, 13, 14], [0, 1, 2]] and number.array.tolist() == [4, 0]


def test_the_numbers_of_a_vector_are_tensors_without_axes():
    item = Subset(TensorDataset(from_numpy(np.arange(4.0))), [2])[0]
    assert item[0].numpy().shape == () and (item[0] + 1).item() == 3.0


def test_tensor_dataset_refuses_unequal_lengths():
    with pytest.raises(ValueError, match=r"equal length.*\(3, 2\).*\(4,\)"):
        TensorDataset(from_numpy(np.zeros((3, 2))), from_numpy(np.zeros(4)))
    with pytest.raises(ValueError, match="no tensors"):
        TensorDataset()
    with pytest.raises(TypeError, match="expected Tensors, got ndarray"):
        TensorDataset(np.zeros(3))


def test_batches_come_in_order_and_the_last_is_short_or_left_out():
    assert numbers(DataLoader(rows(7), batch_size=3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert numbers(DataLoader(rows(7), batch_size=3, drop_last=True)) == [[0, 1, 2], [3, 4, 5]]
    assert numbers(DataLoader(rows(6), batch_size=3)) == [[0, 1, 2], [3, 4, 5]]
    for count, size, drop in [(7, 3, False), (7, 3, True), (6, 3, False), (2, 5, True), (2, 5, False)]:
        loader = DataLoader(rows(count), size, drop_last=drop)
        assert len(loader) == len(list(loader))


def test_a_dataset_of_the_users_own_is_collated():
    batches = list(DataLoader(Squares(5), batch_size=2))
    index, values = batches[1]
    assert index.dtype == np.int64 and values.dtype == np.float32
    assert index.array.tolist() == [2, 3] and values.array.tolist() == [[2, 4], [3, 9]]
    assert [batch.array.tolist() for batch in DataLoader([1.5, 2.5, 3.5], 2)] == [[1.5, 2.5], [3.5]]


def test_the_same_batches_as_pytorch():
    torch = pytest.importorskip("torch")
    for drop in (False, True):
        theirs = torch.utils.data.DataLoader(Squares(11), batch_size=4, drop_last=drop)
        ours = DataLoader(Squares(11), batch_size=4, drop_last=drop)
        assert len(theirs) == len(ours)
        for (index, values), (our_index, our_values) in zip(theirs, ours, strict=True):
            assert np.array_equal(index.numpy(), our_index.array) and index.numpy().dtype == our_index.dtype
            assert np.array_equal(values.numpy(), our_values.array)


@pytest.mark.parametrize("item", [1.5, 2, True, np.float32(1), np.float64(2), np.int32(3), np.zeros(2), np.bool_(True)])
def test_a_batch_has_the_dtype_that_pytorch_gives_it(item):
    torch = pytest.importorskip("torch")
    ours, theirs = (
        next(iter(loader([item, item], batch_size=2))) for loader in (DataLoader, torch.utils.data.DataLoader)
    )
    assert ours.dtype == theirs.numpy().dtype and ours.tolist() == theirs.tolist()


def test_items_that_make_no_batch_are_named():
    with pytest.raises(ValueError, match="one shape"):
        next(iter(DataLoader([np.zeros(2), np.zeros(3)], 2)))
    with pytest.raises(TypeError, match="batch of set"):
        next(iter(DataLoader([{1}, {2}], 2)))
    with pytest.raises(TypeError, match="needs a method __len__"):
        len(Dataset())


@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_bad_batch_sizes(size):
    with pytest.raises(ValueError, match="batch_size must be a whole number"):
        DataLoader(rows(3), batch_size=size)


def test_empty_data():
    with pytest.raises(ValueError, match="data set is empty"):
        DataLoader([])


# ---------------------------------------------------------------------------------- order and resuming


def test_shuffling_gives_each_item_once_and_follows_the_seed():
    manual_seed(3)
    loader = DataLoader(rows(50), batch_size=8, shuffle=True)
    first, second = flat(numbers(loader)), flat(numbers(loader))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second and first != list(range(50))
    manual_seed(3)
    assert flat(numbers(DataLoader(rows(50), batch_size=8, shuffle=True))) == first


def test_two_loops_over_one_loader_do_not_disturb_each_other():
    loader = DataLoader(rows(4), batch_size=2)
    pairs = [(numbers([a]), numbers([b])) for a in loader for b in loader]
    assert len(pairs) == 4 and pairs[3] == ([[2, 3]], [[2, 3]])


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("taken", [0, 1, 3, 4, 7, 8])
def test_a_resumed_run_sees_the_same_batches(shuffle, taken):
    def run(loader, count):
        return numbers(batch for _, batch in zip(range(count), loader.forever()))

    manual_seed(1)
    loader = DataLoader(rows(10), batch_size=3, shuffle=shuffle)
    run(loader, taken)
    state, generator_state = loader.state_dict(), get_rng_state()
    expected = run(loader, 9)

    manual_seed(99)
    resumed = DataLoader(rows(10), batch_size=3, shuffle=shuffle)
    resumed.load_state_dict(state)
    set_rng_state(generator_state)
    assert run(resumed, 9) == expected


def test_a_state_of_other_data_is_refused():
    state = DataLoader(rows(10), batch_size=3).state_dict()
    with pytest.raises(ValueError, match=r"'items': 10.*'items': 11"):
        DataLoader(rows(11), batch_size=3).load_state_dict(state)


def test_forever_needs_one_full_batch():
    with pytest.raises(ValueError, match="2 items do not fill one batch of 3"):
        next(DataLoader(rows(2), batch_size=3, drop_last=True).forever())


# ---------------------------------------------------------------------------------- IDX and MNIST


def idx(array, code=8):
    """An array as the bytes of an IDX file."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(mnist.IDX_TYPES[code]).tobytes()


def write_mnist(folder, count=20, split="train", zipped=False):
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (count, 28, 28)).astype(np.uint8)
    labels = (np.arange(count) % 10).astype(np.uint8)
    for name, array in [("images-idx3", pixels), ("labels-idx1", labels)]:
        content = idx(array)
        path = folder / f"{split}-{name}-ubyte{'.gz' if zipped else ''}"
        path.write_bytes(gzip.compress(content) if zipped else content)
    return pixels, labels


@pytest.mark.parametrize("code", sorted(mnist.IDX_TYPES))
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files_of_every_type(tmp_path, code, zipped):
    array = np.arange(24).reshape(2, 3, 4)
    content = idx(array, code)
    (tmp_path / "x").write_bytes(gzip.compress(content) if zipped else content)
    read = read_idx(tmp_path / "x")
    assert np.array_equal(read, array) and read.dtype.isnative
    assert read.dtype == np.dtype(mnist.IDX_TYPES[code]).newbyteorder("=")


@pytest.mark.parametrize("zipped", [False, True])
def test_an_idx_file_cut_anywhere_is_one_sentence(tmp_path, zipped):
    content = idx(np.arange(60).reshape(5, 12))
    content = gzip.compress(content) if zipped else content
    for length in range(len(content)):
        (tmp_path / "x").write_bytes(content[:length])
        with pytest.raises(ValueError, match="x: ") as caught:
            read_idx(tmp_path / "x")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "not an IDX file"),
        (b"<!doctype html>", "not an IDX file"),
        (b"\0\0\x08\0", "not an IDX file"),
        (struct.pack(">BBBBI", 0, 0, 8, 1, 2**32 - 1), "at most 2147483648 is read"),
        (struct.pack(">BBBBII", 0, 0, 14, 2, 2**31, 2**31), "at most 2147483648 is read"),
        (idx(np.zeros(3)) + b"!", "has more"),
        (idx(np.zeros(3))[:-1], "has only 2"),
        (b"\x1f\x8b garbage", "gzip file is damaged"),
        (gzip.compress(bytes(1000), mtime=0)[:-6] + b"123456", "gzip file is damaged|not an IDX file"),
    ],
)
def test_wrong_idx_files(tmp_path, content, words):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_idx(tmp_path / "x")


@pytest.mark.parametrize("layout", [".", "raw", "MNIST/raw"])
@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_is_found_in_the_usual_places(tmp_path, layout, zipped):
    pixels, labels = write_mnist(tmp_path / layout, zipped=zipped)
    dataset = MNIST(tmp_path)
    assert len(dataset) == 20
    assert dataset.images.shape == (20, 1, 28, 28) and dataset.images.dtype == np.float32
    assert np.array_equal(dataset.images.array[:, 0], pixels.astype(np.float32) / np.float32(255))
    assert dataset.labels.dtype == np.int64 and np.array_equal(dataset.labels.array, labels)
    image, label = dataset[13]
    assert image.shape == (1, 28, 28) and label == 3 and isinstance(label, int)
    images, digits = next(iter(DataLoader(dataset, 4)))
    assert np.array_equal(images.array, dataset.images.array[:4]) and digits.array.tolist() == [0, 1, 2, 3]


def test_missing_or_mismatched_mnist_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"MNIST: train-images-idx3-ubyte\(.gz\) is not in"):
        MNIST(tmp_path)
    write_mnist(tmp_path)
    with pytest.raises(FileNotFoundError, match="MNIST: t10k-images"):
        MNIST(tmp_path, train=False)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(19)))
    with pytest.raises(ValueError, match=r"one label an image, got \(19,\)"):
        MNIST(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.full(20, 11)))
    with pytest.raises(ValueError, match="from 0 to 9"):
        MNIST(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((20, 8, 8))))
    with pytest.raises(ValueError, match=r"must be \(N, 28, 28\)"):
        MNIST(tmp_path)


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
def test_what_is_missing_is_downloaded_once(tmp_path, monkeypatch, kind):
    write_mnist(tmp_path / "source", zipped=True)
    asked = []

    def download(urls, path, sha256=None, size=None):
        asked.append((urls, sha256, size))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((tmp_path / "source" / path.name).read_bytes())

    monkeypatch.setattr(mnist, "download", download)
    for _ in range(2):
        assert len(kind(tmp_path / "data", download=True)) == 20
    assert [urls[0].rsplit("/", 1)[1] for urls, _, _ in asked] == [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
    ]
    for urls, sha256, size in asked:
        assert len(urls) >= 2 and len(sha256) == 64 and size > 1000


def test_real_mnist(shared_data):
    train, test = MNIST(shared_data / "mnist"), MNIST(shared_data / "mnist", train=False)
    assert train.pixels.shape == (60000, 28, 28) and test.pixels.shape == (10000, 28, 28)
    assert train.labels.array[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels.array[:5].tolist() == [7, 2, 1, 0, 4]
    assert round(float(train.pixels.mean()) / 255, 4) == 0.1307  # the mean everyone normalizes MNIST by


def test_labeled_images_are_kept_as_bytes():
    dataset = LabelledImages(np.full((3, 2, 2), 255, np.uint8), np.array([1, 2, 3]))
    assert dataset.pixels.nbytes == 12 and dataset.images.array.max() == 1.0


# ---------------------------------------------------------------------------------- folders of pictures


def save_plain(path, color, size=(10, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)


def test_a_folder_of_pictures_with_classes(tmp_path):
    save_plain(tmp_path / "cats" / "a.png", (255, 0, 0))
    save_plain(tmp_path / "cats" / "deep" / "b.jpg", (255, 0, 0))
    save_plain(tmp_path / "dogs" / "c.PNG", (0, 0, 255))
    (tmp_path / "dogs" / "notes.txt").write_text("not a picture")
    (tmp_path / "empty").mkdir()
    dataset = ImageFolder(tmp_path, size=4)
    assert dataset.classes == ["cats", "dogs"] and [label for _, label in dataset.samples] == [0, 0, 1]
    image, label = dataset[2]
    assert image.shape == (3, 4, 4) and image.dtype == np.float32 and label == 1
    assert np.array_equal(image.array[:, 0, 0], [0, 0, 1])
    images, labels = next(iter(DataLoader(dataset, 3)))
    assert images.shape == (3, 3, 4, 4) and labels.array.tolist() == [0, 0, 1]


def test_a_flat_folder_in_gray_keeps_the_middle(tmp_path):
    wide = np.zeros((4, 12), np.uint8)
    wide[:, 4:8] = 255
    Image.fromarray(wide).save(tmp_path / "x.png")
    image, label = ImageFolder(tmp_path, size=4, gray=True)[0]
    assert label == 0 and image.shape == (1, 4, 4) and image.array.min() == 1.0


def test_unreadable_pictures_are_left_out_with_a_note(tmp_path):
    save_plain(tmp_path / "good.png", "white")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.warns(PictureNote, match="left out.*bad.png"):
        assert len(ImageFolder(tmp_path, size=4)) == 1
    later = ImageFolder(tmp_path, size=4, keep=False)
    assert len(later) == 2
    with pytest.raises(ValueError, match=r"bad\.png"):
        later[0]


def test_folders_without_pictures(tmp_path):
    with pytest.raises(ValueError, match="no readable pictures"):
        ImageFolder(tmp_path)
    with pytest.raises(FileNotFoundError, match="not a folder"):
        ImageFolder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="size must be at least 1"):
        ImageFolder(tmp_path, size=0)
