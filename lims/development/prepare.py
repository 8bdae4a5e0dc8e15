"""What a first start puts in: the library as drafts and the demo accounts. Both commands may run again at no harm."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import CommandError, call_command, get_commands


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lims.settings")
    django.setup()
    known = get_commands()
    accounts = Path(os.environ["LIMS_DATA_DIR"]) / "demo-accounts.json"
    options: dict[str, dict[str, Any]] = {"import_library": {}}
    if settings.DEMO:
        options["make_demo_accounts"] = {"output": accounts}
        options["train_demo_accounts"] = {}
    try:
        for name, values in options.items():
            if name in known:
                call_command(name, verbosity=0, **values)
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
