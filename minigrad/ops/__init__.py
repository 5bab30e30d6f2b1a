"""The operations: one class each, forward and backward side by side, and below it the function that users call.

Where to look: elementwise `arithmetic`, `elementary` (sin, square), `rounding`, `comparison`, `activation`;
`reduction` (sum, max), `sorting`; `shape` (reshape, cat), `arrange` (repeat, roll), `index`; `matrix`, `einsum`;
`conv`, `pool`, `norm`, `resize` (padding, upsampling), `loss`; `creation` and `sampling` make tensors, `inplace`
changes them, `represent` shows them, `common` has what they share, `public` says where users find a function.
Each of these files hands on all that it defines: `ops.NAME` is there as soon as NAME is.
"""

import sys

from .. import tensor_methods
from .activation import *
from .arithmetic import *
from .arrange import *
from .collective import *
from .common import *
from .comparison import *
from .conv import *
from .creation import *
from .einsum import *
from .elementary import *
from .elementwise import *
from .erf import *
from .index import *
from .inplace import *
from .lookup import *
from .loss import *
from .matrix import *
from .norm import *
from .patches import *
from .pool import *
from .public import *
from .reduction import *
from .represent import *
from .resize import *
from .rounding import *
from .sampling import *
from .shape import *
from .sorting import *
from .typed_tensors import *

tensor_methods.bind(sys.modules[__name__])
