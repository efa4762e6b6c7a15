#!/usr/bin/env bash
# A part of a form in base64 that is broken into lines, as MIME has it, is refused.
#
# RFC 2045 (6.8) has lines of at most 76 digits, and what is no digit is left out by who reads them; Python's own `email`
# writes them so. python-multipart's Base64Decoder counts the bytes of line ends as digits, so that groups of four are cut in
# the wrong places. The same part in one line is read right. (RFC 7578, 4.7, discourages the header, and allows it.)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check python-multipart==0.0.34
cd "$work"
cat > lines.py <<'PYTHON'
import base64
import sys
from io import BytesIO
from importlib.metadata import version

from python_multipart import parse_form
from python_multipart.exceptions import DecodeError, FormParserError

CONTENT = bytes(range(200))
KNOWN = {"in one line": "right", "in lines of 76": "DecodeError"}


def read(encoded: bytes) -> str:
    body = b"\r\n".join(
        [
            b"--limit",
            b'Content-Disposition: form-data; name="file"; filename="a.bin"',
            b"Content-Transfer-Encoding: base64",
            b"",
            encoded,
            b"--limit--",
            b"",
        ]
    )
    found = []

    def on_file(file):
        file.file_object.seek(0)
        found.append(file.file_object.read())

    headers = {"Content-Type": b"multipart/form-data; boundary=limit", "Content-Length": str(len(body)).encode()}
    try:
        parse_form(headers, BytesIO(body), lambda field: None, on_file)
    except (DecodeError, FormParserError) as error:
        print(f"  {type(error).__name__}: {error}")
        return type(error).__name__
    return "right" if found == [CONTENT] else "wrong"


print("python-multipart", version("python-multipart"))
whole = base64.b64encode(CONTENT)
forms = {
    "in one line": whole,
    "in lines of 76": b"\r\n".join(whole[start : start + 76] for start in range(0, len(whole), 76)),
}
outcome = {}
for name, encoded in forms.items():
    outcome[name] = read(encoded)
    print(f"{name}: {outcome[name]}")

if outcome != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
venv/bin/python lines.py
