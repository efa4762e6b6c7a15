import pkgutil
import subprocess
import sys

import registry


def test_no_room_of_the_registry_loads_torch() -> None:
    rooms = [f"registry.{room.name}" for room in pkgutil.iter_modules(registry.__path__) if room.name != "__main__"]
    code = f"import sys, {', '.join(rooms)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
