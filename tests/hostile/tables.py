"""Hostile XLSX, CSV and TSV files."""

import io
import zipfile
from collections.abc import Iterator
from functools import cache, partial

from hostile.case import Case, Content, as_file, damaged

_HEADER = ("image_path", "patient_id", "laterality", "view", "assessment", "age", "study_date")
_ROW = ("a.png", "P1", "L", "CC", "4", "60", "2019-04-25")
_CSV = "\n".join(",".join(cells) for cells in (_HEADER, _ROW, ("b.png", "P2", *_ROW[2:]))).encode() + b"\n"
_START = (
    b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
)
_END = b"</sheetData></worksheet>"
_TITLES = (
    b'<row r="1">'
    + b"".join(
        b'<c r="%c1" t="inlineStr"><is><t>%s</t></is></c>' % (65 + at, name.encode()) for at, name in enumerate(_HEADER)
    )
    + b"</row>"
)
_SHEET, _STRINGS, _BOOK = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"


_TEXTS = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
_NO_TEXTS = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'


def cases() -> Iterator[Case]:
    yield as_file("table", "XLSX, whole", workbook, "a.xlsx", refused=False, control=True)
    yield from damaged("table", "XLSX", workbook, "a.xlsx", flips=6, cuts=4)
    for name, content in _bombs():
        yield as_file("table", f"XLSX {name}", content, "a.xlsx", heavy=True)
    for name, content in _workbooks():
        yield as_file("table", f"XLSX {name}", content, "a.xlsx", refused=False)
    yield as_file("table", "CSV, whole", _CSV, "a.csv", refused=False, control=True)
    yield as_file("dataset", "CSV of a data set, whole", _CSV, "a.csv", refused=False, control=True)
    yield from damaged("dataset", "CSV of a data set", _CSV, "a.csv", flips=6)
    for name, content in _no_tables():
        yield as_file("table", f"CSV {name}", content, "a.csv")
    for name, content in _odd_tables():
        yield as_file("dataset", f"CSV {name}", content, "a.csv", refused=False)
    for number, cells in enumerate(_odd_cells()):
        for column in range(2):
            row = [*_ROW]
            row[(number + 3 * column) % len(row)] = cells
            content = "\n".join(",".join(line) for line in (_HEADER, row, _ROW)).encode("utf-8", "surrogatepass")
            name = f"CSV with the {_HEADER[(number + 3 * column) % len(row)]} {cells[:20]!r}"
            yield as_file("dataset", name, content, "a.csv", refused=False)


@cache
def workbook(**parts: bytes | None) -> bytes:
    """Return an XLSX file; `parts` replace some of its files, or leave them out."""
    import openpyxl

    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in (_HEADER, _ROW, _ROW):
        book.active.append(row)
    book.save(file)
    replaced = {"sheet": _SHEET, "strings": _STRINGS, "book": _BOOK, "types": "[Content_Types].xml"}
    changed = {replaced.get(name, name): content for name, content in parts.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
        texts = b"</Types>", b'<Override ContentType="%s" PartName="/%s"/></Types>' % (_TEXTS, _STRINGS.encode())
        for name in dict.fromkeys([*old.namelist(), _STRINGS, *changed]):
            content = changed[name] if name in changed else _NO_TEXTS if name == _STRINGS else old.read(name)
            if name.startswith("[") and name not in changed:
                content = old.read(name).replace(*texts)  # else the table of texts is not read
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


def repeated(part: str, start: bytes, middle: bytes, end: bytes, size: int) -> bytes:
    """Return an XLSX file in which one part is `middle` over and over, `size` bytes unpacked."""
    with io.BytesIO() as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
            with zipfile.ZipFile(io.BytesIO(workbook())) as old:
                for name in set(old.namelist()) - {part}:
                    new.writestr(name, old.read(name))
            with new.open(part, "w", force_zip64=True) as file:
                file.write(start)
                block = middle * max(1, 1_000_000 // len(middle))
                for _ in range(size // len(block)):
                    file.write(block)
                file.write(end)
        return out.getvalue()


def _bombs() -> Iterator[tuple[str, Content]]:
    blank = partial(repeated, _SHEET, _START + _TITLES, end=_END)
    yield "of 1 MB that unpacks to 1 GB of blanks", partial(blank, middle=b" ", size=1_000_000_000)
    yield "whose sheet unpacks to 400 MB of empty rows", partial(blank, middle=b"<row/>", size=400_000_000)
    cell = b'<row><c r="A%d" t="inlineStr"><is><t>' % 2
    long = partial(repeated, _SHEET, _START + _TITLES + cell, middle=b"x", end=b"</t></is></c></row>" + _END)
    yield "with a cell of 300 MB", partial(long, size=300_000_000)
    rows = b'<row><c r="XFD9" t="n"><v>1</v></c></row>'
    yield "with 150,000 rows of 16,384 columns", partial(blank, middle=rows, size=len(rows) * 150_000)
    start = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    strings = partial(repeated, _STRINGS, start, middle=b"<si><t/></si>", end=b"</sst>")
    yield "with 30 million shared strings", partial(strings, size=400_000_000)
    style = b'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><fonts>'
    fonts = partial(
        repeated, "xl/styles.xml", style, middle=b"<font><sz val='9'/></font>", end=b"</fonts></styleSheet>"
    )
    yield "with 5 million fonts", partial(fonts, size=130_000_000)
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    document = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">' + laughs + b"]><x>&l9;</x>"
    for part in ("strings", "sheet", "book", "types"):
        yield f"with a billion laughs in its {part}", partial(workbook, **{part: document})


def _workbooks() -> Iterator[tuple[str, Content]]:
    def sheet(*rows: bytes) -> Content:
        return partial(workbook, sheet=_START + _TITLES + b"".join(rows) + _END)

    for part in ("sheet", "strings", "book", "types", "xl/styles.xml", "xl/_rels/workbook.xml.rels"):
        yield f"without {part}", partial(workbook, **{part: None})
        yield f"with an empty {part}", partial(workbook, **{part: b""})
        yield f"with noise as {part}", partial(workbook, **{part: bytes(range(256))})
        yield f"with another document as {part}", partial(workbook, **{part: b"<a xmlns='b'><c r='d'/></a>"})
    number = b'<row><c r="A2"><v>%s</v></c></row>'
    for value in (b"1e999", b"nan", b"1" * 5000, b"-", b"", b"0x10", b"1_0"):
        yield f"with the number {value[:8].decode()!r}", sheet(number % value)
    for place in (b"A0", b"AAAAAAA1", b"A-1", b"1A", b"A99999999999999999999", b"", b"\xc3\xa4"):
        yield f"with a cell at {place.decode()!r}", sheet(b'<row r="2"><c r="%s"><v>1</v></c></row>' % place)
    for row in (b"-1", b"99999999999", b"x", b"1e3"):
        yield f"with a row {row.decode()!r}", sheet(b'<row r="%s"><c><v>1</v></c></row>' % row)
    for kind in (b"s", b"b", b"e", b"d", b"str", b"zzz"):
        yield f"with a value of the type {kind.decode()!r}", sheet(b'<row><c t="%s"><v>99999</v></c></row>' % kind)
    nul = b'<row><c t="inlineStr"><is><t>a_x0000_b.png</t></is></c></row>'
    yield "with NUL in a file's name", sheet(nul)
    yield "with 100,000 nested elements", sheet(b"<row><c>" + b"<is>" * 100_000)
    yield "with dates that do not exist", sheet(b'<row><c s="1"><v>-99999999</v></c><c s="1"><v>1e300</v></c></row>')
    outside = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>'
    yield "with an external entity", partial(workbook, strings=outside)
    yield "that is a ZIP file of something else", lambda: _zip_of("a.txt", b"hello")
    yield "that is an old workbook by its content", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000)
    yield "that is a CSV file by its content", _CSV
    yield "that is empty", b""


def _zip_of(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


def _no_tables() -> Iterator[tuple[str, Content]]:
    yield "with NUL", _CSV.replace(b"a.png", b"a\0b.png")
    yield "that is a picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
    yield "in UTF-32", _CSV.decode().encode("utf-32")
    yield "in half of UTF-16", _CSV.decode().encode("utf-16")[:101]
    yield "that is a workbook", workbook


def _odd_tables() -> Iterator[tuple[str, Content]]:
    yield "that is empty", b""
    yield "of commas only", b"," * 3_000_000
    yield "of line ends only", b"\n" * 3_000_000
    yield "of quotation marks only", b'"' * 1_000_001
    yield "with a quotation mark that is not closed", _CSV.replace(b"P1", b'"P1') + b"x" * 200_000
    yield "with a cell of 1 MB", _CSV.replace(b"P1", b"P" * 1_000_000)
    yield "with a header of 200,000 columns", b",".join([_CSV.splitlines()[0], *[b"c"] * 200_000]) + b"\n1,2\n"
    yield "with a row of 30,000 cells", _CSV + b"x," * 30_000
    yield "with carriage returns only", _CSV.replace(b"\n", b"\r")
    yield "with every column twice", b"\n".join(line + b"," + line for line in _CSV.splitlines())
    yield "with a header alone", _CSV.splitlines()[0]
    for separator in (b"\n", b'"', b"\r", b"sep", b"\xff", b"a"):
        yield f"with Excel's line sep={separator!r}", b"sep=" + separator + b"\r\n" + _CSV
    yield "in UTF-8 with a wrong mark", b"\xff\xfe" + _CSV
    yield "in UTF-16 without a mark", _CSV.decode().encode("utf-16-be")
    yield "with 10,000 lines of one cell", _CSV + b"x\n" * 10_000
    yield "with the same picture 2000 times", _CSV + b"a.png,P1,L,CC,4,60,2019\n" * 2000


def _odd_cells() -> tuple[str, ...]:
    return (
        *("../../../../etc/passwd", "/etc/passwd", "/dev/zero", "C:\\Windows\\win.ini", "file:///etc/passwd", "~/x"),
        *("a" * 5000, "a/" * 2000 + "b.png", ".", "..", "/", "a\x01\x1b[31mb.png", "\u202egnp.a", "\ufeffa", "\x85"),
        *("=cmd|' /C calc'!A0", "-1", "1e999", "nan", "9" * 5000, "-0", "0x10", "٣", "4.5.6", "2019-99-99", "0000"),
        *("{image}", "%s%n", "${HOME}", "'; DROP TABLE", "<script>", "NULL", "\ud800"),
    )
