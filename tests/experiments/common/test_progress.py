"""Ctrl-C, once and twice."""

import os
import signal
import threading

import pytest

from experiments.common.progress import interruptible, progress_bar, show


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_ctrl_c_sets_the_flag_and_the_second_interrupts(capfd):
    with interruptible() as stop:
        assert not stop
        press_ctrl_c()
        assert stop
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()
    assert capfd.readouterr().err.count("stopping after this step") == 1


def test_the_old_handler_comes_back_also_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), interruptible():
        assert signal.getsignal(signal.SIGINT) is not before
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_get_a_flag_that_stays_down():
    flags = []

    def work():
        with interruptible() as stop:
            flags.append(bool(stop))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert flags == [False]


def test_the_bar_counts_from_where_a_run_resumes(capsys):
    with progress_bar(10, "training", start=4) as bar:
        show(bar, loss=0.123456, d=2)
        bar.update(6)
    assert bar.total == 10
    assert capsys.readouterr().err == ""  # silent: stderr is no terminal here
