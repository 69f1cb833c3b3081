"""Packs the functions in the output folder of `sam build`, and writes a template beside the other that names the packages.

`sam deploy` packs a folder each time and as small as it can, which takes longer than all the rest of a deployment.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

folder = Path(sys.argv[1])


def pack(program):
    # The same program gives the same file: without that, every deployment would replace every function.
    entry = ZipInfo(program.name)
    entry.create_system = 3
    entry.external_attr = 0o100755 << 16
    with ZipFile(f"{program.parent}.zip", "w") as packed:
        packed.writestr(entry, program.read_bytes(), ZIP_DEFLATED, compresslevel=1)
    return program.parent.name


with ThreadPoolExecutor() as threads:
    names = list(threads.map(pack, folder.glob("*/bootstrap")))
template = (folder / "template.yaml").read_text()
for name in names:
    template = template.replace(f"CodeUri: {name}\n", f"CodeUri: {name}.zip\n")
(folder / "packed.yaml").write_text(template)
