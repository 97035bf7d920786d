"""Database servers of a test's own: killed and started again on the same data."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.postgres import WAIT_SECONDS, binaries, free_port
from xcube_tiles.database import Database, sa

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_DATABASE = Database(holds="a test", error=ValueError, unavailable=OSError, advice="")


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    """Return what a statement gives, by a connection of its own that none of ours counts."""
    engine = sa.create_engine(_DATABASE._parsed(url, create=False), poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(statement)
        result = [tuple(row) for row in found] if found.returns_rows else []
        connection.commit()
    return result


class Server:
    """A database server on a free port of loopback; its data go when it does."""

    program: str
    url: str
    connections: str
    """Statement that counts the connections of clients, its own counted."""

    def __init__(self) -> None:
        self.port = free_port()
        self.data = Path(tempfile.mkdtemp(prefix="xcube-tiles-database-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.make()
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    def make(self) -> None:
        """Make the folder of its data."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """Return what runs it."""
        raise NotImplementedError

    def user(self) -> str | None:
        """Return the user that it runs as; None: the one of the tests."""
        return None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        user = self.user()
        self._process = subprocess.Popen(
            self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            user=user, group=user, cwd="/",
        )  # fmt: skip
        deadline = time.monotonic() + WAIT_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                rows(self.url, "SELECT 1")
            except sa.exc.SQLAlchemyError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"{self.program} doesn't answer: status {self._process.poll()}")

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(WAIT_SECONDS)
            self._process = None


class Postgres(Server):
    """PostgreSQL."""

    program = "postgres"
    connections = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"

    def user(self) -> str | None:
        # The server refuses to run as root: Debian's package brings the user that it runs as.
        return "postgres" if os.geteuid() == 0 else None

    def make(self) -> None:
        folder = binaries()
        if folder is None:
            pytest.skip("no PostgreSQL is installed")
        self._program = folder / "postgres"
        name = pwd.getpwuid(os.geteuid()).pw_name
        self.url = f"postgresql://{name}@127.0.0.1:{self.port}/postgres"
        user = self.user()
        if user:
            shutil.chown(self.data, user, user)
        subprocess.run(
            [folder / "initdb", "-D", self.data, "-U", name, "--auth=trust", "--no-sync",
             "--encoding=UTF8", "--locale=C.UTF-8"],
            check=True, capture_output=True, user=user, group=user, cwd="/",
        )  # fmt: skip

    def command(self) -> list[str]:
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
        given = [part for setting in settings for part in ("-c", setting)]
        return [str(self._program), "-D", str(self.data), "-p", str(self.port), *given]

    def kill(self) -> None:
        super().kill()
        # What its own processes leave when they find that it is gone.
        (self.data / "postmaster.pid").unlink(missing_ok=True)


class MariaDB(Server):
    """MariaDB."""

    program = "mariadbd"
    connections = "SELECT count(*) FROM information_schema.processlist WHERE user = 'root'"

    def make(self) -> None:
        self._program = shutil.which(self.program) or shutil.which(self.program, path="/usr/sbin")
        maker = shutil.which("mariadb-install-db")
        if self._program is None or maker is None:
            pytest.skip("no MariaDB is installed")
        self.url = f"mysql://root@127.0.0.1:{self.port}/test"
        subprocess.run(
            [maker, "--no-defaults", f"--datadir={self.data}", f"--user={getpass.getuser()}",
             "--auth-root-authentication-method=normal"],
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip

    def command(self) -> list[str]:
        return [
            str(self._program), "--no-defaults", f"--datadir={self.data}", f"--port={self.port}",
            "--bind-address=127.0.0.1", f"--socket={self.data}/socket", "--skip-name-resolve",
            f"--pid-file={self.data}/pid", f"--user={getpass.getuser()}",
            "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=16M",
        ]  # fmt: skip


SERVERS: dict[str, type[Server]] = {"postgresql": Postgres, "mariadb": MariaDB}
