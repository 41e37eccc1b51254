"""The unit as an optimizer of PyTorch: integer weights inside the model, changed by nothing but an emulated unit.

>>> import torch, zimu.torch
>>> model = torch.nn.Linear(64, 10)
>>> zimu.torch.quantize_(model.parameters(), "zim8", scale=-6)
>>> optimizer = zimu.torch.ZIM(model.parameters(), "zim8", scale=-6, trials=0.2)

Needs PyTorch, ``pip install zimu[torch]``; described for readers in ``docs/optimizer.md``.
"""

from zimu.study.optimizer import ZIM as ZIM
from zimu.study.optimizer import quantize_ as quantize_

__all__ = ["ZIM", "quantize_"]
