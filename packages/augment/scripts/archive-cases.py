"""Small tar and zip files as Python writes them: python archive-cases.py > ../src/archive-cases.json. Compressed, for tar pads with zeros. Contents: name -> SHA-256."""

import base64
import gzip
import hashlib
import io
import json
import sys
import tarfile
import zipfile

LONG = "a-folder-of-a-rather-long-name/" * 5 + "x" * 120 + ".jpg"
FILES = {"cat/1.jpg": b"first" * 130, "dog/ä.png": b"second" * 100, "dog/empty.gif": b"", LONG: b"third" * 7, "../x.webp": b"climbs"}
SHORT = {name: data for name, data in FILES.items() if name != LONG and "ä" not in name}
cases = []


def add(name, kind, data, files):
    cases.append(
        {
            "name": name,
            "kind": kind,
            "files": {n: hashlib.sha256(d).hexdigest() for n, d in files.items()},
            "gzip": base64.b64encode(gzip.compress(data, mtime=0)).decode(),
        }
    )


def tar(name, format, files, prefix=""):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format, pax_headers={"comment": "global"} if format == tarfile.PAX_FORMAT else None) as archive:
        folder = tarfile.TarInfo("cat")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        for path, data in files.items():
            info = tarfile.TarInfo(prefix + path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    add(name, "tar", out.getvalue(), files)


class Pipe(io.RawIOBase):
    """Where a zip file cannot go back: sizes follow the data."""

    def __init__(self):
        self.bytes = io.BytesIO()

    def writable(self):
        return True

    def write(self, data):
        return self.bytes.write(data)


def zip_(name, files, compression, zip64=False, pipe=False, comment=b""):
    out = Pipe() if pipe else io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.comment = comment
        archive.mkdir("cat") if not pipe else None
        for path, data in files.items():
            with archive.open(zipfile.ZipInfo(path) if not compression else info(path), "w", force_zip64=zip64) as file:
                file.write(data)
    add(name, "zip", (out.bytes if pipe else out).getvalue(), files)


def info(path):
    entry = zipfile.ZipInfo(path)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


tar("ustar", tarfile.USTAR_FORMAT, SHORT)
tar("names that begin with ./", tarfile.USTAR_FORMAT, {k: v for k, v in SHORT.items() if not k.startswith("..")}, "./")
tar("pax with a long name", tarfile.PAX_FORMAT, FILES)
tar("GNU with a long name", tarfile.GNU_FORMAT, FILES)
zip_("stored", FILES, zipfile.ZIP_STORED, comment=b"a comment with PK\5\6 in it")
zip_("deflated", FILES, zipfile.ZIP_DEFLATED)
zip_("zip64 fields", FILES, zipfile.ZIP_DEFLATED, zip64=True)
zip_("written into a pipe", FILES, zipfile.ZIP_DEFLATED, pipe=True)

limit, zipfile.ZIP_FILECOUNT_LIMIT = zipfile.ZIP_FILECOUNT_LIMIT, 2  # the end record of zip64, without 65,536 entries
zip_("a zip64 directory", FILES, zipfile.ZIP_STORED)
zipfile.ZIP_FILECOUNT_LIMIT = limit
json.dump({"python": sys.version.split()[0], "cases": cases}, sys.stdout, indent=1)
