"""Customer ids in order of their code points, sorted no further than they are asked for."""

from __future__ import annotations

_PARTS = 16
_SORTED_AT_ONCE = 2_000
_SAMPLE = 255


class IdsInOrder:
    """Hands out ids one by one, the least first.

    Sorting a million ids takes half a second. Here the first takes one pass over them, and some
    more work on a sixteenth of them; what lies behind that is left alone until it is near.
    """

    def __init__(self, ids: list[str]) -> None:
        """Begin with ids in any order, each once; the list is not changed."""
        self._ids = ids
        self._left = len(ids)
        self._bounds = _bounds(ids, _PARTS)[::-1]
        """Where the parts of the ids end that are still to come, the least last."""
        self._reached = ""
        """All ids below were taken into `_pieces`."""
        self._pieces: list[list[str]] = []
        """The last has the least ids, each before it greater ones."""
        self._ready: list[str] = []
        """The least ids of all, the greatest of them first."""

    def __len__(self) -> int:
        return self._left

    def pop(self) -> str | None:
        """Take off the least id; None if there is none."""
        while not self._ready:
            if not self._pieces:
                if not self._ids:
                    return None
                self._pieces.append(self._next_part())
            self._ready = self._least_piece()
        self._left -= 1
        return self._ready.pop()

    def _next_part(self) -> list[str]:
        low = self._reached
        if self._bounds:
            high = self._reached = self._bounds.pop()
            return [each for each in self._ids if low <= each < high]
        ids, self._ids = self._ids, []
        return [each for each in ids if low <= each]

    def _least_piece(self) -> list[str]:
        pieces = self._pieces
        piece = pieces.pop()
        while len(piece) > _SORTED_AT_ONCE:
            [middle] = _bounds(piece, 2)
            pieces.append([each for each in piece if each >= middle])
            piece = [each for each in piece if each < middle]
        piece.sort(reverse=True)
        return piece


def _bounds(ids: list[str], parts: int) -> list[str]:
    """The ids that divide others into about equal parts, none of them the least; few have none."""
    if len(ids) <= _SORTED_AT_ONCE:
        return []
    sample = sorted(ids[:: len(ids) // _SAMPLE])
    return [sample[len(sample) * part // parts] for part in range(1, parts)]
