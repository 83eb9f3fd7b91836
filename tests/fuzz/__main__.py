"""`python tests/fuzz READER NAME [LIBFUZZER-OPTION …]`: changes files so that they reach new code of a reader.

READER is one of tests/hostile/readers.py, such as `picture` or `"document Cost"`; NAME is the file's name, such as
`a.dcm`. It begins with the inputs of tests/hostile that have this reader and suffix. An exception that is not a reason
ends it with a file `crash-…` in the working directory; so do 10 s (`timeout-…`) and 2.5 GB (`oom-…`). See README.md.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

LARGEST_SEED = 100_000
"""Bytes: larger files are changed too slowly."""
LIMITS = ["-timeout=10", "-rss_limit_mb=2500", "-max_len=200000"]
INSTRUMENTED = ["birads_zoo", "birads_zoo_plugins", "PIL", "pydicom", "openpyxl", "tomllib", "hostile.readers"]


def write_seeds(reader: str, name: str, folder: Path) -> int:
    """Write the corpus' files for a reader to `folder`; those made of a run or a model are left out."""
    from hostile.corpus import all_cases

    number = 0
    for case in all_cases():
        made = folder / "made"
        if case.reader != reader or case.heavy:
            continue
        made.mkdir()
        try:
            path = case.make(made, None)
        except AttributeError:  # it needs a run
            continue
        finally:
            content = {file: file.read_bytes() for file in made.iterdir() if file.is_file() and not file.is_symlink()}
            for file in made.iterdir():
                file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()
            made.rmdir()
        if path.suffix == Path(name).suffix and path in content and len(content[path]) <= LARGEST_SEED:
            (folder / str(number)).write_bytes(content[path])
            number += 1
    return number


def main(reader: str, name: str, options: list[str]) -> None:
    place = Path(tempfile.mkdtemp(prefix="fuzz-"))
    (seeds := place / "seeds").mkdir()
    (place / "input").mkdir()
    warnings.simplefilter("ignore")
    with atheris.instrument_imports(include=INSTRUMENTED):
        from hostile import readers

        from birads_zoo.data.picture import ImageError
        from birads_zoo.errors import UserError

        def try_one(content: bytes) -> None:
            path = place / "input" / name
            path.write_bytes(content)
            try:
                readers.read(reader, path)
            except (UserError, ImageError, readers.RefusedError):
                return

        print(f"{write_seeds(reader, name, seeds)} seeds in {seeds}")
        for seed in seeds.iterdir():  # imports everything that the reader imports when it is called
            try_one(seed.read_bytes())
    atheris.Setup([sys.argv[0], *LIMITS, *options, str(seeds)], try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
