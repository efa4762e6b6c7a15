"""`python -m cli` is `nettailor`."""

from cli.main import app

if __name__ == "__main__":
    app(prog_name="nettailor")
