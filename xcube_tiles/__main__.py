"""`python -m xcube_tiles` is the command `xcube-tiles`."""

from xcube_tiles.cli.app import main

if __name__ == "__main__":
    main()
