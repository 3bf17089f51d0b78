"""Takes community.hashi_vault out of the one package of PyPI that has it, among a hundred more."""

import pathlib
import sys
import zipfile

folder = pathlib.Path(sys.argv[1])
(bundle,) = folder.glob("ansible-*.whl")
with zipfile.ZipFile(bundle) as files:
    wanted = "ansible_collections/community/hashi_vault/"
    files.extractall(folder, [name for name in files.namelist() if name.startswith(wanted)])
bundle.unlink()
