"""A disk that is full, or a folder that can no longer be written to, from the n-th moment on.

Simulated in this process, for as long as it runs, for all files below one folder: where Python opens, names and writes
them. For processes that were forked for one command (`killable.py`).
"""

import builtins
import errno
import io
import os

REAL_OPEN, REAL_OS_OPEN = io.open, os.open
KINDS = {"write": errno.ENOSPC, "create": errno.EROFS}


class FailingDisk:
    """Counts what is written ("write") and how often something gets a name ("create": new files and folders, links,
    replacements). From moment number `last` of the kind `what` on, such attempts fail: with "write" for want of space,
    with "create" since the folder is read-only, where then nothing can be removed either.
    """

    def __init__(self, folder, what="write", last=None):
        self.folder, self.what, self.last = os.path.realpath(folder), what, last
        self.count, self.handles = dict.fromkeys(KINDS, 0), set()

    @property
    def failing(self):
        return self.last is not None and self.count[self.what] > self.last

    def step(self, what):
        self.count[what] += 1
        if self.failing and what == self.what:
            raise OSError(KINDS[what], os.strerror(KINDS[what]))

    def covers(self, place):
        """Whether a path, or an opened file, lies in the folder."""
        if isinstance(place, int):
            return place in self.handles
        path = os.path.join(os.path.realpath(os.path.dirname(os.path.abspath(place))), os.path.basename(place))
        return os.path.commonpath([path, self.folder]) == self.folder

    def install(self):
        """Let all of this process's files be written so."""
        builtins.open = io.open = self.open
        os.open = self.os_open
        for name in ("replace", "link", "mkdir", "unlink"):
            setattr(os, name, self.named(getattr(os, name), counts=name != "unlink"))

    def named(self, function, counts):
        """One of os's functions on names, which takes part."""

        def watched(*places, **options):
            if self.covers(places[-1] if isinstance(places[-1], (str, os.PathLike)) else places[0]):
                if counts:
                    self.step("create")
                elif self.failing and self.what == "create":
                    raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(places[0]))
            return function(*places, **options)

        return watched

    def os_open(self, path, flags, *rest, **options):
        inside = self.covers(path) and flags & os.O_CREAT
        if inside and not os.path.lexists(path):
            self.step("create")
        handle = REAL_OS_OPEN(path, flags, *rest, **options)
        (self.handles.add if inside else self.handles.discard)(handle)
        return handle

    def open(self, file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
        if not set(mode) & set("wax+") or not self.covers(file):
            return REAL_OPEN(file, mode, buffering, encoding, errors, newline, closefd, opener)
        if not isinstance(file, int) and opener is None and not os.path.lexists(file):
            self.step("create")
        disk = self

        class File(io.FileIO):
            def write(self, content):
                disk.step("write")
                return super().write(content)

        raw = File(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if buffering == 0:
            return raw
        binary = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw)
        if "b" in mode:
            return binary
        return io.TextIOWrapper(binary, encoding or "utf-8", errors, newline, line_buffering=buffering == 1)
