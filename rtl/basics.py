"""What any circuit needs: addresses and adders."""


def address(count: int) -> range:
    """Addresses of ``count`` places; at least one bit wide, so that no port vanishes."""
    return range(max(count, 2))


def add_up(values):
    """The sum of some values, as a tree of adders."""
    if len(values) <= 2:
        return sum(values[i] for i in range(len(values)))
    half = len(values) // 2
    return add_up(values[:half]) + add_up(values[half:])
