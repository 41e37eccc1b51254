"""Labels of points that hide neither each other nor the points: each goes to the first free place around its own.

Places are tried in one order, so the same picture gives the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zimu.study.plots import GREY

SIZE = 8
"""Points of a letter."""

_UP_OR_DOWN = ((0, 1), (0, -1))
_DIRECTIONS = ((1, 0), (0, 1), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
_DISTANCES = (4, 7, 11, 16, 22, 30)
_MARGIN = 3
"""Points around a mark that no letter comes into."""

_LEADER = 9
"""Points from which on a line leads from a label to its point."""


@dataclass(frozen=True)
class Label:
    """A text to stand near a point, in the data's coordinates; ``on_line`` if that is of a level line."""

    x: float
    y: float
    text: str
    colour: str
    on_line: bool = False


Box = tuple[float, float, float, float]


def place(axes: Any, labels: Sequence[Label], marks: Sequence[tuple[float, float]]) -> None:
    """Write labels, none over another, over a text that is there already, or over one of ``marks``.

    The picture's layout is fixed by it. Where all places are taken a label goes to the least bad one.
    """
    picture = axes.figure
    picture.draw_without_rendering()
    picture.set_layout_engine("none")
    scale = picture.dpi / 72
    taken = [_grown(text.get_window_extent().extents, scale) for text in axes.texts]
    for mark in [*marks, *((label.x, label.y) for label in labels)]:
        x, y = axes.transData.transform(mark)
        taken.append(_grown((x, y, x, y), _MARGIN * scale))
    inside = tuple(axes.get_window_extent().extents)
    for label in labels:
        text = axes.annotate(
            label.text,
            (label.x, label.y),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=SIZE,
            color=label.colour,
            ha="center",
            va="center",
        )
        text.set_in_layout(False)
        own, y = axes.transData.transform((label.x, label.y))
        left, low, right, high = text.get_window_extent().extents
        half = ((right - left) / 2, (high - low) / 2)
        x = min(own, inside[2] - half[0] - _MARGIN * scale) if label.on_line else own
        directions = _UP_OR_DOWN if label.on_line else _DIRECTIONS
        best, box = _best((x, y), half, scale, directions, taken, inside)
        best = (best[0] + (x - own) / scale, best[1])
        text.set_position(best)
        if max(map(abs, best)) > _LEADER + half[0] / scale and not label.on_line:
            axes.annotate(
                "",
                (label.x, label.y),
                xytext=best,
                textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkB": 3, "shrinkA": 5},
            ).set_in_layout(False)
        taken.append(box)


def _best(
    at: tuple[float, float],
    half: tuple[float, float],
    scale: float,
    directions: Sequence[tuple[int, int]],
    taken: Sequence[Box],
    inside: Sequence[float],
) -> tuple[tuple[float, float], Box]:
    """The offset in points that hides least, and the box that the label takes there."""
    reach = (_DISTANCES[-1] * scale + 2 * half[0], _DISTANCES[-1] * scale + 2 * half[1])
    around = (at[0] - reach[0], at[1] - reach[1], at[0] + reach[0], at[1] + reach[1])
    near = [box for box in taken if _overlap(box, around)]
    candidates = []
    for distance in _DISTANCES:
        for right, up in directions:
            shift = (right * (distance * scale + half[0]), up * (distance * scale + half[1]))
            x, y = at[0] + shift[0], at[1] + shift[1]
            box = (x - half[0], y - half[1], x + half[0], y + half[1])
            outside = max(inside[0] - box[0], inside[1] - box[1], box[2] - inside[2], box[3] - inside[3], 0)
            hidden = sum(_overlap(box, other) for other in near) + 1000 * outside
            candidates.append((hidden, (shift[0] / scale, shift[1] / scale), box))
            if not hidden:
                break
        if not candidates[-1][0]:
            break
    _, offset, box = min(candidates, key=lambda one: one[0])
    return offset, box


def _overlap(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def _grown(box: Sequence[float], by: float) -> Box:
    left, low, right, high = box
    return left - by, low - by, right + by, high + by
