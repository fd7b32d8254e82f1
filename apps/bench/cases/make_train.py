"""Writes parity cases of kind `train` with the reference's own code: make_train.py CHECKOUT OUT

CHECKOUT is facebookresearch/dino at 7c446df. The weights that training begins with are copied before the first step: those in
the `train` cases of packages/fixtures were not, so that their init.* is the end of training.
"""
import copy, json, os, sys
from functools import partial

checkout, out = sys.argv[1:3]
sys.path.insert(0, checkout)
import torch
from safetensors.torch import save_file
import utils
import vision_transformer as vits
from main_dino import DINOLoss

torch.set_num_threads(1)
torch.distributed.init_process_group('gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)

base = dict(
    kind='train', config=dict(img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=3), out_dim=48, batch=3, steps=8,
    epochs=4, iterations_per_epoch=2, norm_last_layer=True, local_crops=4, clip_grad=3.0, freeze_last_layer=1, hidden_dim=32,
    bottleneck_dim=16, nlayers=3, lr=[0.002, 1e-5, 1], weight_decay=[0.04, 0.4], momentum=[0.9, 1.0],
    teacher_temp=dict(warmup=0.04, final=0.06, warmup_epochs=2), student_temp=0.1, center_momentum=0.9, tolerance=2e-4)
variants = [  # the settings of train0 and train1, then others
    dict(name='train2'),
    dict(name='train3', norm_last_layer=False, local_crops=2, clip_grad=0.3),
    dict(name='train4', config=dict(img_size=48, patch_size=16, embed_dim=32, depth=3, num_heads=2), out_dim=40, batch=2, steps=5,
         epochs=3, local_crops=0, clip_grad=0.0, freeze_last_layer=0, nlayers=2, lr=[0.001, 1e-5, 0]),
]


def model(c):
    sizes = c['config']
    backbone = vits.VisionTransformer(
        img_size=[sizes['img_size']], patch_size=sizes['patch_size'], embed_dim=sizes['embed_dim'], depth=sizes['depth'],
        num_heads=sizes['num_heads'], qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
    head = vits.DINOHead(sizes['embed_dim'], c['out_dim'], norm_last_layer=c['norm_last_layer'], nlayers=c['nlayers'],
                         hidden_dim=c['hidden_dim'], bottleneck_dim=c['bottleneck_dim'])
    return utils.MultiCropWrapper(backbone, head)


def state(prefix, module):
    return {prefix + name: value.detach().clone() for name, value in module.state_dict().items()}


def run(c, seed):
    torch.manual_seed(seed)
    student, teacher = model(c), model(c)
    teacher.load_state_dict(student.state_dict())
    for p in teacher.parameters():
        p.requires_grad = False
    tensors = state('init.', student)
    temp = c['teacher_temp']
    loss_of = DINOLoss(c['out_dim'], c['local_crops'] + 2, temp['warmup'], temp['final'], temp['warmup_epochs'], c['epochs'],
                       c['student_temp'], c['center_momentum'])
    optimizer = torch.optim.AdamW(utils.get_params_groups(student))
    length = c['epochs'], c['iterations_per_epoch']
    lr = utils.cosine_scheduler(*c['lr'][:2], *length, warmup_epochs=c['lr'][2])
    wd = utils.cosine_scheduler(*c['weight_decay'], *length)
    momentum = utils.cosine_scheduler(*c['momentum'], *length)
    side = c['config']['img_size']
    for i in range(c['steps']):
        epoch = i // c['iterations_per_epoch']
        for j, group in enumerate(optimizer.param_groups):
            group['lr'] = lr[i]
            if j == 0:
                group['weight_decay'] = wd[i]
        crops = tensors[f'in{i}.global'] = torch.randn(2, c['batch'], 3, side, side)
        images = list(crops)
        if c['local_crops']:
            tensors[f'in{i}.local'] = torch.randn(c['local_crops'], c['batch'], 3, side // 2, side // 2)
            images += list(tensors[f'in{i}.local'])
        loss = loss_of(student(images), teacher(images[:2]), epoch)
        tensors[f'out{i}.loss'] = loss.detach().reshape(1).clone()
        optimizer.zero_grad()
        loss.backward()
        if c['clip_grad']:
            utils.clip_gradients(student, c['clip_grad'])
        utils.cancel_gradients_last_layer(epoch, student, c['freeze_last_layer'])
        optimizer.step()
        with torch.no_grad():
            for q, k in zip(student.parameters(), teacher.parameters()):
                k.data.mul_(momentum[i]).add_((1 - momentum[i]) * q.detach().data)
    tensors.update(state('student.', student), **state('teacher.', teacher), center=loss_of.center.clone())
    return tensors


cases = []
for seed, variant in enumerate(variants):
    c = {**copy.deepcopy(base), **variant}
    save_file({name: value.contiguous() for name, value in run(c, seed).items()}, os.path.join(out, f"{c['name']}.safetensors"))
    cases.append(c)
with open(os.path.join(out, 'manifest.json'), 'w') as file:
    json.dump({'reference': 'facebookresearch/dino', 'torch': torch.__version__, 'cases': cases}, file, indent=1)
    file.write('\n')
