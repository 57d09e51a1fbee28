# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Message classes that behave like generated ones with all checks on, for packages not installed.

A field that does not exist cannot be set, and one of another type is refused.
"""


class Sequence:
    """The type of a field that is a list of something; ``size``: of exactly so many."""

    def __init__(self, of, size=None):
        self.of, self.size = of, size


def message(name, **fields):
    """A message class with the given fields and their types."""

    class Message:
        __slots__ = tuple(fields)

        def __init__(self, **values):
            for field, kind in fields.items():
                if field in values:
                    blank = values.pop(field)
                elif isinstance(kind, Sequence):
                    blank = [kind.of() for _ in range(kind.size or 0)]
                else:
                    blank = kind()
                setattr(self, field, blank)
            assert not values, f"{name} has no {', '.join(values)}"

        def __setattr__(self, field, value):
            kind = fields.get(field)
            assert kind is not None, f"{name} has no {field}"
            where = f"{name}.{field}: {value!r:.60}"
            if isinstance(kind, Sequence):
                assert isinstance(value, list), where
                assert kind.size in (None, len(value)), where
                assert all(type(v) is kind.of for v in value), where
            else:
                # A numpy number is a float too, and is what ROS corrupts without a word.
                assert type(value) is kind, f"{where} is a {type(value).__name__}"
            object.__setattr__(self, field, value)

        def __repr__(self):
            return f"{name}({', '.join(f'{f}={getattr(self, f)!r}' for f in fields)})"

    Message.__name__ = Message.__qualname__ = name
    return Message


Time = message("Time", sec=int, nanosec=int)
Header = message("Header", stamp=Time, frame_id=str)
