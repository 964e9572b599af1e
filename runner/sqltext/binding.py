"""libpg_query for ctypes, from the postgast wheel, whose Python code is never imported."""

import ctypes
from importlib.util import find_spec
from pathlib import Path

_LIBRARY_NAMES = ("libpg_query.so", "libpg_query.dylib", "pg_query.dll")


class _Error(ctypes.Structure):
    _fields_ = (
        ("message", ctypes.c_char_p),
        ("funcname", ctypes.c_char_p),
        ("filename", ctypes.c_char_p),
        ("lineno", ctypes.c_int),
        ("cursorpos", ctypes.c_int),
        ("context", ctypes.c_char_p),
    )


class _ParseResult(ctypes.Structure):
    _fields_ = (
        ("parse_tree", ctypes.c_char_p),
        ("stderr_buffer", ctypes.c_char_p),
        ("error", ctypes.POINTER(_Error)),
    )


class _Span(ctypes.Structure):
    _fields_ = (("start", ctypes.c_int), ("length", ctypes.c_int))


class _SplitResult(ctypes.Structure):
    _fields_ = (
        ("spans", ctypes.POINTER(ctypes.POINTER(_Span))),
        ("count", ctypes.c_int),
        ("stderr_buffer", ctypes.c_char_p),
        ("error", ctypes.POINTER(_Error)),
    )


class _Protobuf(ctypes.Structure):
    _fields_ = (("length", ctypes.c_size_t), ("data", ctypes.POINTER(ctypes.c_char)))


class _ScanResult(ctypes.Structure):
    _fields_ = (
        ("tokens", _Protobuf),
        ("stderr_buffer", ctypes.c_char_p),
        ("error", ctypes.POINTER(_Error)),
    )


def copy_bytes(message: _Protobuf) -> bytes:
    """Return the bytes that the library encoded, as a copy."""
    return ctypes.string_at(message.data, message.length)


def load_library() -> ctypes.CDLL:
    """Load libpg_query. Its state belongs to a thread: threads may call it at the same time."""
    # find_spec does not import it: the package would load protobuf, which nothing here needs.
    spec = find_spec("postgast")
    folders = spec.submodule_search_locations or () if spec else ()
    paths = [path for folder in folders for name in _LIBRARY_NAMES if (path := Path(folder) / name).exists()]
    if not paths:
        raise ImportError("postgast: no libpg_query in it, expected the wheel for this platform", name="postgast")
    library = ctypes.CDLL(str(paths[0]))
    # Declared, or ctypes would take every result for an int and read no struct from it.
    for name, result in (("parse", _ParseResult), ("split_with_parser", _SplitResult), ("scan", _ScanResult)):
        getattr(library, f"pg_query_{name}").argtypes = [ctypes.c_char_p]
        getattr(library, f"pg_query_{name}").restype = result
    for name, result in (("parse", _ParseResult), ("split", _SplitResult), ("scan", _ScanResult)):
        getattr(library, f"pg_query_free_{name}_result").argtypes = [result]
        getattr(library, f"pg_query_free_{name}_result").restype = None
    return library
