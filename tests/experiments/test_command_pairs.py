"""What one command leaves is what the next one takes: pairs of commands in a row, at tiny size, in one cache."""

import hashlib
import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from experiments import gan_latent, gan_metrics, gan_sample, reconstruct, style_sweep, style_transfer, train_gan
from experiments.common import images
from experiments.gan import classifier
from minigrad import hub
from nets.vgg import VGG16_LAYERS as VGG16
from tests.helpers.style_samples import arguments
from tests.helpers.weights_samples import random_layers
from weights_converter import __main__ as weights_converter

pytestmark = pytest.mark.usefixtures("no_cached_weights")


@pytest.fixture(scope="module")
def source():
    """A real-sized VGG16 without classifier as a plain .npz, in bytes."""
    file = io.BytesIO()
    np.savez(file, **random_layers(VGG16, head=False))
    return file.getvalue()


@pytest.fixture
def server(source, monkeypatch):
    """A loopback server that has `source`; .url is its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(source)))
            self.end_headers()
            self.wfile.write(source)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        httpd.url = f"http://127.0.0.1:{httpd.server_port}/vgg16.pth"
        yield httpd
        httpd.shutdown()
        thread.join()


def download(server, source, *options):
    mirror = ["--url", server.url, "--sha256", hashlib.sha256(source).hexdigest(), "--quiet"]
    assert weights_converter.main(["download", "vgg16", *mirror, *options]) == 0


def test_downloaded_weights_are_what_style_transfer_uses(server, source, files, tmp_path, capsys):
    style_transfer.main(arguments(files, tmp_path / "random.png"))
    assert "For trained ones: python -m weights_converter download vgg19\n" in capsys.readouterr().out
    download(server, source)
    assert f"{hub.weights_file('vgg16')}: VGG16" in capsys.readouterr().out

    style_transfer.main(arguments(files, tmp_path / "found.png"))
    assert "RANDOM" not in capsys.readouterr().out
    style_transfer.main(arguments(files, tmp_path / "named.png", "--weights", hub.weights_file("vgg16")))
    found, named, untrained = (images.load_picture(tmp_path / f"{n}.png") for n in ("found", "named", "random"))
    np.testing.assert_array_equal(found, named)
    assert not np.array_equal(found, untrained)


def test_so_are_weights_in_half_precision(server, source, files, tmp_path, capsys):
    download(server, source, "--half")
    assert hub.weights_file("vgg16", half=True).is_file()
    style_transfer.main(arguments(files, tmp_path / "found.png"))
    assert "RANDOM" not in capsys.readouterr().out


def test_converted_weights_are_what_the_style_commands_take(source, files, tmp_path):
    (tmp_path / "source.npz").write_bytes(source)
    weights = tmp_path / "vgg16.npz"
    given = ["--arch", "vgg16", "--input-convention", "torchvision"]
    assert weights_converter.main([str(tmp_path / "source.npz"), "-o", str(weights), *given]) == 0
    assert weights_converter.main(["verify", str(weights)]) == 0
    content, style = str(files / "content.png"), str(files / "style.png")
    small = ["--weights", str(weights), "--size", "48", "--steps", "1"]
    reconstruct.main([content, "-o", str(tmp_path / "strip"), *small])
    assert list((tmp_path / "strip").glob("*.png"))
    style_sweep.main([content, style, "-o", str(tmp_path / "sweep.png"), *small, "--depths", "1", "--ratios", "1"])
    assert (tmp_path / "sweep.png").is_file()


def test_a_trained_gan_is_what_the_gan_commands_take(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.gan.datasets.TYPESET_COUNT", 600)
    honest = classifier.train_classifier
    monkeypatch.setattr(classifier, "train_classifier", lambda *given: honest(*given[:3], epochs=1))
    small = ["--net", "mlp", "--hidden", "8", "--conditional", "--batch-size", "8", "--steps", "2"]
    train_gan.main([*small, "--dataset", "typeset", "--out", str(tmp_path / "run"), "--device", "cpu"])
    checkpoint = str(tmp_path / "run" / "checkpoint.npz")

    gan_sample.main([checkpoint, "-n", "3", "-o", str(tmp_path / "drawn.npy")])
    assert np.load(tmp_path / "drawn.npy").shape == (3, 28, 28)
    gan_latent.main([checkpoint, "--out", str(tmp_path / "latent"), "--samples", "9"])
    assert (tmp_path / "latent" / "interpolation.png").is_file()
    found = gan_metrics.main([checkpoint, "-n", "100", "--device", "cpu"])
    assert [path.name for path in hub.classifiers_folder().iterdir()] == [f"typeset-{found['classifier']}.npz"]
    train_gan.main([*small[:-1], "4", "--dataset", "typeset", "--out", str(tmp_path / "run"), "--resume"])
