import pkgutil
import subprocess
import sys

import registry


def test_no_module_of_the_registry_loads_torch() -> None:
    found = [module.name for module in pkgutil.walk_packages(registry.__path__, "registry.")]
    modules = [name for name in found if name != "registry.__main__"]
    assert "registry.journal.index" in modules  # those in folders, too
    code = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
