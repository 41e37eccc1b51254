"""Run by LibreLane's Python: whether its Classic flow declares every key of a configuration, and takes the values.

Prints what it made of them as JSON. Arguments: the configuration, the PDK's name, the folder of PDKs.
"""

import json
import sys
from decimal import Decimal
from pathlib import Path

from librelane.common import GenericDict
from librelane.config import Config
from librelane.config.preprocessor import preprocess_dict
from librelane.flows import Flow

path, pdk, root = sys.argv[1:]
meta = Config.get_meta(path)
flow = Flow.factory.get(meta.flow)
variables = {variable.name: variable for variable in flow.get_all_config_variables(flow)}
given = json.loads(Path(path).read_text(), parse_float=Decimal)
given.pop("meta")
place = {"design_dir": str(Path(path).parent), "pdk": pdk, "pdkpath": str(Path(root, pdk)), "scl": "none"}
given = preprocess_dict(given, **place)
warnings, taken = [], {}
for key in given.keys() - preprocess_dict({}, **place).keys():
    name, taken[key] = variables[key].compile(GenericDict(given), warnings, permissive_typing=meta.version < 2)
    assert name == key
assert not warnings, warnings
print(json.dumps({key: str(value) for key, value in taken.items()}))
