"""The painting that the project makes for its demonstrations."""

import numpy as np
import pytest
from PIL import Image

from experiments import paint


def test_a_seed_is_a_painting():
    first, again, other = (np.asarray(paint.paint(24, seed)) for seed in (3, 3, 4))
    assert first.shape == (24, 24, 3)
    np.testing.assert_array_equal(first, again)
    assert abs(first.astype(int) - other).mean() > 5


def test_it_has_strokes_warm_on_cold():
    red, _, blue = np.asarray(paint.paint(64), int).reshape(-1, 3).T
    assert (blue > red + 40).mean() > 0.3
    assert (red > blue + 40).mean() > 0.02


def test_the_command_writes_it(tmp_path, capsys):
    path = tmp_path / "new" / "painting.png"
    paint.main(["-o", str(path), "--size", "20", "--seed", "5"])
    np.testing.assert_array_equal(np.asarray(Image.open(path)), np.asarray(paint.paint(20, 5)))
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, text", [(["--size", "0"], "--size: must be"), (["-o", "painting.txt"], "pictures are saved as")]
)
def test_wrong_options_write_nothing(tmp_path, monkeypatch, capsys, arguments, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        paint.run(lambda: paint.main(arguments))
    assert left.value.code == 2
    assert text in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
