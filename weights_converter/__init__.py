"""Foreign weight files in, the project's own `.npz` out.

    python -m weights_converter vgg19-dcbb9e9d.pth -o vgg19.npz
    python -m weights_converter download vgg19

VGG16 and VGG19 (Simonyan and Zisserman 2014) were trained once, with Caffe, and once more with PyTorch, and
have travelled ever since from framework to framework: as pickles, HDF5, MATLAB files, protocol buffers. The
numbers stay the same; their names, the order of their axes and what the network wants its input to look like
do not. Each reader here undoes one such journey, and its docstring explains the format.

Reading order: `architecture.py` (what a VGG consists of), `foreign.py` (what every reader hands over),
`naming.py` (which tensor is which layer), one reader, say `torch_file.py` with `torch_pickle.py`, and
`convert.py`, where it all comes together. Files are data here: nothing in them is ever executed.
"""
