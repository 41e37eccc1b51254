"""Names for contents: digests of texts and of the project's own sources, which tell whether a result still holds."""

import hashlib
import inspect
from importlib import resources
from types import ModuleType


def digest(*parts: str | bytes) -> str:
    """One name for some texts."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(b"%d:" % len(data) + data)
    return whole.hexdigest()


def sources(*modules: ModuleType) -> str:
    """A digest of the text of modules, and of all those beside it in the case of a package."""
    texts = []
    for module in modules:
        if hasattr(module, "__path__"):
            files = [each for each in resources.files(module.__name__).iterdir() if each.name.endswith(".py")]
            texts += [each.read_text(encoding="utf-8") for each in sorted(files, key=lambda each: each.name)]
        else:
            texts.append(inspect.getsource(module))
    return digest(*texts)
