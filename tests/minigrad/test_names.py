"""Names that programs written for PyTorch use, each in a call: here and there they give the same, or both refuse."""

import re
import warnings

import numpy as np
import pytest

import minigrad as mg

FUNCTIONS = """
torch.sin(x) torch.cos(x) torch.square(x) torch.rsqrt(x.abs()) torch.floor(x) torch.ceil(x) torch.round(x)
torch.trunc(x) torch.prod(x) torch.prod(x,1) torch.argmin(x) torch.argmin(x,1,keepdim=True) torch.amin(x,dim=1)
torch.amax(x,(0,1)) torch.cumsum(x,1) torch.sort(x,1)[0] torch.sort(x,1)[1] torch.sort(x,dim=0,descending=True).values
torch.topk(x,2).values torch.topk(x,2,dim=1,largest=False).indices torch.nonzero(i-1)
torch.nonzero(i-1,as_tuple=True)[0] torch.masked_fill(x,x>0,7.0) torch.scatter(x,1,i,9.0) x.scatter(1,i,x)
x.clone().scatter_(1,i,1.0) torch.index_select(x,1,j) x.repeat(2,1) x.repeat(2,1,1) torch.roll(x,1)
torch.roll(x,(1,1),(0,1)) torch.unbind(x)[1] torch.einsum('ij,kj->ik',x,x) torch.einsum('ij,ij',x,x)
torch.dot(x[0],x[1]) torch.outer(x[0],x[1]) torch.logsumexp(x,1) torch.logsumexp(x,dim=1,keepdim=True)
torch.isnan(x/0) torch.isfinite(x/0) torch.isinf(x/0) torch.allclose(x,x+1e-12) torch.equal(x,x) torch.eq(x,x)
torch.ne(x,0) torch.gt(x,0) torch.ge(x,0) torch.lt(x,0) torch.le(x,0) torch.logical_and(x>0,i>0)
torch.logical_or(x>0,i>0) torch.logical_not(x>0) torch.logical_xor(x>0,i>0) torch.linspace(0,1,5)
torch.linspace(start=0,end=1,steps=3) torch.eye(3) torch.eye(2,3) torch.lerp(x,x*2,0.3)
torch.meshgrid(x[0],x[1],indexing='ij')[0] torch.meshgrid(x[0],x[1],indexing='xy')[1] torch.clip(x,-0.5,0.5)
torch.clip(x,min=0) torch.tril(x) torch.triu(x,1) torch.as_tensor([1.0,2.0]) torch.as_tensor(n) torch.is_tensor(x)
torch.is_tensor(n) torch.Size([2,3]).numel() torch.inf torch.pi torch.all(x>-9) torch.all(x>0,dim=1) torch.any(x>0)
torch.any(x>9,1) torch.numel(x) torch.multinomial(torch.tensor([0.0,1.0]),1) torch.bernoulli(torch.ones(3))
torch.normal(2.0,0.0,(2,)) torch.normal(mean=torch.ones(2),std=torch.zeros(2)) torch.full((2,),3.5)
torch.where(x>0,x,0.0) torch.where(x>0) torch.maximum(x,x*0) torch.minimum(x,x*0) torch.abs(x) torch.norm(x)
torch.norm(x,1) torch.std(x) torch.var(x,dim=0,unbiased=False) torch.std(x,0,correction=0) torch.mean(x,dim=[0,1])
torch.max(x,1)[1] torch.max(x,1).values torch.max(x,x*0) torch.min(x,dim=0,keepdim=True).indices torch.cat((x,x),-1)
torch.cat(tensors=[x,x],dim=0) torch.concat([x,x]) torch.stack([x,x],2) torch.chunk(x,2,1)[1]
torch.split(x,[1,3],1)[1] torch.flip(x,[1]) torch.flip(x,dims=(0,)) torch.t(x) torch.transpose(x,0,1)
torch.permute(x,(1,0)) torch.squeeze(x[None]) torch.movedim(x[None],0,-1) torch.swapaxes(x,0,1) torch.reshape(x,(4,3))
torch.ravel(x) torch.hstack([x,x]) torch.vstack([x,x]) torch.matmul(x,x.t()) torch.bmm(x[None],x.t()[None])
torch.log1p(x.abs()) torch.sign(x) torch.remainder(x,0.3) torch.floor_divide(i,2)
torch.div(x,0.3,rounding_mode='floor') torch.sub(x,x,alpha=2) torch.add(x,x,alpha=0.5) torch.mul(x,2) torch.pow(x,2)
torch.pow(2,x) torch.sqrt(x.abs()) torch.reciprocal(x) torch.neg(x) torch.argsort(x,1) torch.zeros_like(x)
torch.ones_like(x,dtype=torch.float32) torch.full_like(x,2) torch.empty(2,0) torch.arange(3) torch.arange(0.,1.,0.25)
torch.tensor(n) torch.from_numpy(n) torch.is_grad_enabled() torch.isclose(x,x) torch.erf(x) torch.sigmoid(x)
torch.softmax(x,1) torch.relu(x) torch.tanh(x)
"""

METHODS = """
x.new_zeros(2,3) x.new_zeros((2,)) x.new_ones(2) x.new_full((2,),1.5) x.new_empty(0) x.new_tensor([1,2]) x.type_as(i)
i.type_as(x) x.int() x.long() x.float() x.double() x.bool() x.detach().requires_grad x.clone().detach_()
x.clone().square_() x.clone().add_(x,alpha=2) x.add(x,alpha=0.5) x.sub(x,alpha=2) x.flip(dims=(0,)) x.flip(0,1)
x.clone().relu_() x.clone().squeeze_() x.clone().unsqueeze_(0) x.clone().t_() x.is_cuda x.eq(x) x.ne(0) x.gt(0) x.item
x.numel() x.nelement() x.dim() x.ndimension() x.ndim x.element_size() x.size() x.size(-1) x.is_contiguous()
x.contiguous() x.random_ x.clone().fill_(2) x.clone().zero_() x.clone().mul_(2) x.clone().div_(2)
x.clone().clamp_(-1,1) x.clone().sub_(1) x.clone().pow_(2) x.clone().copy_(x) x.clone().exp_() x.clone().sqrt_
x.masked_fill(x>0,0) x.clone().masked_fill_(x>0,0) x.expand(2,3,4) x.expand_as(x) x.view(-1) x.view(4,-1) x.view_as(x)
x.reshape(-1) x.flatten() x.permute(1,0) x.transpose(0,1) x.T x.t() x.mean() x.mean(0) x.mean(dim=1,keepdim=True)
x.sum((0,1)) x.std() x.var(0) x.max() x.max(1)[0] x.min() x.norm() x.norm(2,dim=1) x.argmax(1) x.abs() x.exp() x.log
x.mm(x.t()) x.matmul(x.t()) x.bmm x.dot x.gather(1,i) x.index_select(0,k) x.unbind(1)[0] x.chunk(2)[0] x.split(2,1)[1]
x.narrow(1,1,2) x.select(1,0) x.tolist() x.data x.grad x.requires_grad x.is_leaf x.grad_fn x.dtype==torch.float64
x.device.type str(x.device) x.cpu() x.to('cpu') x.to(torch.float32) x.to(torch.device('cpu'),torch.float32) x.to(i)
x.type(torch.FloatTensor) x.type('torch.DoubleTensor') x.type() i.type() x.numpy() x.softmax(1) x.sigmoid() x.tanh()
x.relu() x.clamp(0,1) x.clamp(min=0) x.clamp(max=0) x.clip(0,1) x.pow(2) x.ge(0) x.lt(0) x.le(0) x.all() x.any()
x.topk(1)[0] x.sort()[0] x.round() x.floor() x.ceil() x.sign() x.cumsum(0) x.prod() x.logsumexp(1) x.isnan().any()
x.nonzero() x.lerp(x,0.5) x.clone().lerp_(x,0.5) x.register_hook x.retain_grad x.squeeze(0) x.unsqueeze(-1)
x.swapaxes(0,1) x.movedim(0,1) x.is_floating_point() i.is_floating_point() x.scatter_add(1,i,x) x.roll(1,0) x.tril()
x.ravel() x.numpy().sum() x.sum().item() x.var(unbiased=False) x.new(2,3).shape x.equal(x) x.allclose(x)
"""

OPERATORS = """
x//0.3 x%0.3 7//i 7%i x>0 (x>0)&(i>0) (x>0)|(i>0) (x>0)^(i>0) ~(x>0) i&1 i|1 i^1 x**2 2**x -x abs(x) x@x.t() len(x)
3.0/x 3.0-x 1+x x*2 x/2 i/2 i//2 i%2 i+1.5 i*2 x[0] x[:,1] x[...,0] x[x>0] x[i[0],i[1]] x[None] x[0,1].item()
float(x[0,0]) int(i[0,0]) bool(x[0,0]>0) 3.0==x[0,0] [int(v)for(v)in(j)]
"""

NN = """
GroupNorm(2,4)(p) InstanceNorm1d(4)(p[0]) InstanceNorm2d(4)(p) GELU()(p) SiLU()(p) SELU()(p) ReLU6()(p) Hardtanh()(p)
Softsign()(p) LogSigmoid()(p) Softplus()(p) ELU()(p) PReLU()(p) LeakyReLU(0.2)(p) AdaptiveMaxPool2d(2)(p)
AdaptiveAvgPool2d((1,1))(p) AvgPool2d(2)(p) MaxPool2d(2,2)(p) ReplicationPad2d(1)(p) ReflectionPad2d(1)(p)
ZeroPad2d((1,0,1,0))(p) ConstantPad2d(1,2.0)(p) PixelShuffle(2)(p) PixelUnshuffle(2)(p)
UpsamplingNearest2d(scale_factor=2)(p) UpsamplingBilinear2d(scale_factor=2)(p) Upsample(scale_factor=2)(p)
Upsample(scale_factor=2,mode='bilinear')(p) Flatten()(p) Unflatten(1,(2,2))(p) Identity()(p) SmoothL1Loss()(p,q)
HuberLoss()(p,q) KLDivLoss(reduction='batchmean')(p,q) MSELoss()(p,q) L1Loss()(p,q) BCELoss()(p.sigmoid(),q.sigmoid())
BCEWithLogitsLoss()(p,q.sigmoid()) CrossEntropyLoss()(x,j) CrossEntropyLoss(ignore_index=1,label_smoothing=0.1)(x,j)
NLLLoss()(x,j) Dropout(0.0)(p) Dropout2d(0.0)(p) BatchNorm2d(4,0.8)(p) BatchNorm1d(4)(x) LayerNorm(5)(p)
"""

F_NAMES = """
F.one_hot(j) F.normalize(x) F.normalize(x,dim=0) F.embedding(j,x) F.unfold(p,2) F.fold(F.unfold(p,2),(4,5),2)
F.grid_sample(p,torch.zeros(2,2,2,2).double(),align_corners=False)
F.affine_grid(torch.ones(1,2,3).double(),(1,1,2,2),align_corners=False) F.interpolate(p,scale_factor=2)
F.interpolate(p,size=(3,3),mode='bicubic') F.interpolate(p,size=3,mode='area')
F.interpolate(p,size=(2,2),mode='bilinear',antialias=True) F.pad(p,(1,1,1,1),mode='reflect') F.pad(p,(1,1),value=3.0)
F.smooth_l1_loss(p,q) F.huber_loss(p,q) F.kl_div(p,q.abs(),reduction='sum') F.mse_loss(p,q,reduction='none')
F.l1_loss(p,q) F.cross_entropy(x,j) F.cross_entropy(x,j,reduction='sum') F.nll_loss(x,j)
F.binary_cross_entropy(p.sigmoid(),q.sigmoid()) F.binary_cross_entropy_with_logits(p,q.sigmoid()) F.relu(p)
F.leaky_relu(p,0.2) F.elu(p) F.gelu(p) F.silu(p) F.hardtanh(p) F.softplus(p) F.softsign(p) F.sigmoid(p) F.tanh(p)
F.softmax(p,dim=1) F.log_softmax(p,dim=1) F.logsigmoid(p) F.selu(p) F.relu6(p) F.prelu(p,torch.tensor([0.2]).double())
F.dropout(p,0.0) F.dropout2d(p,0.5,False) F.avg_pool2d(p,2) F.max_pool2d(p,2) F.adaptive_avg_pool2d(p,1)
F.adaptive_max_pool2d(p,2) F.pixel_shuffle(p,2) F.pixel_unshuffle(p,2) F.conv2d(p,p)
F.conv_transpose2d(p,p.transpose(0,1)[:,:,:2,:2]) F.linear(x,x) F.batch_norm(p,None,None,training=True)
F.instance_norm(p) F.group_norm(p,2) F.layer_norm(p,(5,)) F.unfold(p,kernel_size=2,stride=2)
F.max_pool2d(p,2,return_indices=True)[1]
"""

OTHERS = """
nn.Conv2d(1,2,3,padding_mode='circular').padding_mode
nn.Conv2d(1,2,3,device='cpu',dtype=torch.float64).weight.dtype==torch.float64 nn.Linear(2,3,device='cpu').weight.shape
nn.BatchNorm2d(3,track_running_stats=False).running_mean nn.MSELoss(size_average=False)(p,q)
F.mse_loss(p,q,size_average=True) nn.utils.spectral_norm nn.utils.weight_norm nn.utils.clip_grad_norm_
nn.utils.clip_grad_value_ nn.utils.parameters_to_vector nn.utils.vector_to_parameters
nn.Module().register_forward_hook nn.Module().register_forward_pre_hook nn.Module().register_full_backward_hook
nn.ModuleList nn.ModuleDict optim.Adagrad optim.Adadelta optim.NAdam optim.RMSprop optim.LBFGS optim.AdamW
optim.lr_scheduler.MultiStepLR optim.lr_scheduler.ReduceLROnPlateau optim.lr_scheduler.OneCycleLR
optim.lr_scheduler.CosineAnnealingWarmRestarts torch.cuda.manual_seed_all(0) torch.cuda.manual_seed(0)
torch.cuda.is_available() torch.cuda.device_count() torch.cuda.empty_cache() torch.cuda.synchronize
torch.cuda.get_device_name torch.cuda.current_device torch.backends.cudnn.benchmark torch.backends.mps.is_available()
torch.accelerator.is_available() torch.accelerator.current_accelerator torch.utils.data.DataLoader
torch.utils.data.Dataset torch.utils.data.TensorDataset torch.utils.data.Subset torch.utils.data.random_split
torch.utils.data.ConcatDataset torch.autograd.Variable torch.autograd.grad torch.autograd.Function torch.no_grad
torch.enable_grad torch.set_grad_enabled torch.inference_mode torch.manual_seed torch.initial_seed torch.get_rng_state
torch.Generator().manual_seed torch.device('cpu').type torch.device('cuda:0').index torch.save torch.load
torch.nn.DataParallel torch.nn.parallel.DataParallel torch.nn.functional torch.nn.init.xavier_normal_
torch.nn.init.constant_ torch.nn.init.calculate_gain('relu') torch.FloatTensor(2).shape torch.is_floating_point(x)
torch.nn.Parameter(x).requires_grad torch.optim.Optimizer torch.nn.Module torch.where(x>0)[0]
"""

IMPORTS = """
import torch.backends.cudnn as cudnn
from torch.nn.parameter import Parameter
from torch.nn import Module, Parameter, init
import torch.nn.init as init
from torch.nn.parallel import data_parallel
from torch.nn.utils import clip_grad_norm_, parameters_to_vector, spectral_norm, weight_norm
from torch.optim import Adam, Optimizer, lr_scheduler
from torch.optim.optimizer import Optimizer
from torch.optim.lr_scheduler import LRScheduler, StepLR, _LRScheduler
from torch.utils.data import DataLoader, Dataset, sampler
from torch.utils.data.sampler import Sampler, SubsetRandomSampler
from torch.utils.data.dataset import Dataset, TensorDataset
from torch.utils.data.dataloader import DataLoader, default_collate
import torch.utils.data as data
from torch.autograd import Function, Variable, grad
import torch.autograd as autograd
from torch import Tensor, autograd, device, nn, optim
import torch.nn.functional as F
from torch.nn.functional import conv2d, relu
import torch.distributed as dist
"""


def result(library, call):
    numbers = np.random.default_rng(0)
    scope = {
        "torch": library,
        "nn": library.nn,
        "F": library.nn.functional,
        "optim": library.optim,
        "n": numbers.standard_normal(3),
        "x": library.tensor(numbers.standard_normal((3, 4))),
        "p": library.tensor(numbers.standard_normal((2, 4, 4, 5))),
        "q": library.tensor(numbers.standard_normal((2, 4, 4, 5))),
        "m": library.tensor(numbers.standard_normal((2, 3))),
        "i": library.tensor([[0, 1, 2, 0], [1, 1, 3, 2], [2, 0, 1, 1]]),
        "j": library.tensor([0, 2, 1]),
        "k": library.tensor([2, 0]),
        "w": library.zeros(2, requires_grad=True),
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return eval(call, scope)
    except (TypeError, ValueError, RuntimeError, IndexError, ZeroDivisionError):
        return "refused"


def check_equal(ours, theirs):
    if hasattr(theirs, "detach"):
        ours, theirs = ours.detach().numpy(), theirs.detach().numpy()
    if isinstance(theirs, (np.ndarray, np.generic, float)):
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype and np.shape(ours) == np.shape(theirs)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
    elif isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            check_equal(a, b)
    elif isinstance(theirs, (bool, int, str, type(None))):
        assert ours == theirs
    else:
        assert ours is not None  # a function, a class: it is there


CALLS = " ".join([FUNCTIONS, METHODS, OPERATORS, F_NAMES, OTHERS]).split()
CALLS += [re.sub(r"(.*?\))(\([pqxm].*)", r"nn.\1.double()\2", call) for call in NN.split()]


@pytest.mark.parametrize("call", dict.fromkeys(CALLS))
def test_a_name_means_what_it_means_in_pytorch(call):
    torch = pytest.importorskip("torch")
    check_equal(result(mg, call), result(torch, call))


@pytest.mark.parametrize("line", IMPORTS.strip().split("\n"))
def test_an_import_line_works(line):
    exec(re.sub(r"\btorch\b", "minigrad", line), {})


def test_data_parallel_calls_the_module():
    x = mg.ones(2, 3)
    assert mg.nn.parallel.data_parallel(mg.nn.Flatten(0), x, device_ids=[0]).tolist() == [1.0] * 6


def test_a_sequential_grows():
    torch = pytest.importorskip("torch")
    for library in (mg, torch):
        nn = library.nn
        net = nn.Sequential(nn.Linear(2, 3)).append(nn.ReLU()).extend([nn.Linear(3, 1), nn.Tanh()])
        assert [type(layer).__name__ for layer in net] == ["Linear", "ReLU", "Linear", "Tanh"]
        assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]


@pytest.mark.parametrize(
    "data, dtype",
    [([300], "uint8"), ([2**31], "int32"), ([-1], "uint8"), ([2**31 - 1, -(2**31)], "int32"), ([1e30], "int64")],
)
def test_numbers_that_an_integer_dtype_cannot_hold_are_refused(data, dtype):
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        try:
            found.append(library.tensor(data, dtype=getattr(library, dtype)).tolist())
        except (ValueError, RuntimeError):
            found.append("refused")
    assert found[0] == found[1]
