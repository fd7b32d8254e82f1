"""Loads what `dino export` wrote with Python's tools, and compares what they compute with what we computed.

check_exports.py FOLDER, which holds case.safetensors (images NCHW; cls, patches, attention or features), model.onnx, timm/,
plain.safetensors, and of a vision transformer huggingface/. Prints one JSON line. Needs timm, transformers, onnx, onnxruntime.
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import timm
import torch
from safetensors.torch import load_file

folder = Path(sys.argv[1])
case = load_file(folder / 'case.safetensors')
images = case.pop('images')
pooled = 'cls' if 'cls' in case else 'features'
findings = []


def compare(format, output, actual, expected):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f'{format}: {output} is {actual.shape}, expected {expected.shape}'
    difference = np.abs(actual - expected) / np.maximum(1, np.abs(expected))
    findings.append({'format': format, 'output': output, 'difference': float(difference.max())})


onnx.checker.check_model(str(folder / 'model.onnx'), full_check=True)
session = onnxruntime.InferenceSession(str(folder / 'model.onnx'), providers=['CPUExecutionProvider'])
for batch in (1, len(images)):
    results = session.run(list(case), {'images': images[:batch].numpy()})
    for name, result in zip(case, results):
        compare('onnx', f'{name}, batch {batch}', result, case[name][:batch])

with torch.inference_mode():
    plain = load_file(folder / 'plain.safetensors')
    model = timm.create_model(f'local-dir:{folder / "timm"}', pretrained=True).eval()
    state = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith('num_batches_tracked')}
    assert state.keys() == plain.keys(), f'timm: other names: {sorted(state.keys() ^ plain.keys())[:3]}'
    assert all(torch.equal(state[name], plain[name]) for name in plain), 'timm: other values'
    missing, unexpected = model.load_state_dict(plain, strict=False)
    assert not unexpected and all(name.endswith('num_batches_tracked') for name in missing), (missing, unexpected)
    if images.shape[-1] == model.pretrained_cfg['input_size'][-1]:  # timm resizes position embeddings otherwise than DINO
        compare('timm', pooled, model(images), case[pooled])
        if pooled == 'cls':
            from transformers import ViTModel

            theirs = ViTModel.from_pretrained(folder / 'huggingface', add_pooling_layer=False, attn_implementation='eager').eval()
            result = theirs(images, output_attentions=True)
            compare('huggingface', 'cls', result.last_hidden_state[:, 0], case['cls'])
            compare('huggingface', 'patches', result.last_hidden_state[:, 1:], case['patches'])
            compare('huggingface', 'attention', result.attentions[-1], case['attention'])

print(json.dumps({'findings': findings}))
