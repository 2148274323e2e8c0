"""Where the package's own small data lie: grammars, the registry of data sets, trained models."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def data_path(*parts: str) -> Path:
    """Path of a file or folder of the package's data.

    In a checkout that is `data/`, in an installed wheel `motiflib/_data/`. The path is returned whether or not it
    exists; the caller says what is missing.

        >>> data_path("registry.tsv").name
        'registry.tsv'
    """
    packed = _HERE / "_data"
    return (packed if packed.is_dir() else _HERE.parent / "data").joinpath(*parts)
