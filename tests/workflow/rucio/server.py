"""A Rucio server with one storage element, a directory: ``server.py FOLDER PORT``.

The folder has ``files.json``: the names of files, their paths, and the checksums to register.
"ready" is printed when all are registered.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])
URL = f"http://127.0.0.1:{PORT}"
DATABASE = f"sqlite:///{FOLDER}/rucio.db"
SCOPE, STORAGE = "antares", "KM3NET-DISK"
CLIENT = f"""[client]
rucio_host = {URL}
auth_host = {URL}
auth_type = userpass
username = root
password = secret
account = root
request_retries = 1
"""
SERVER = f"""[common]
logdir = {FOLDER}
[database]
default = {DATABASE}
[bootstrap]
userpass_identity = root
userpass_pwd = secret
x509_identity = none
gss_identity = none
ssh_identity = none
[policy]
permission = generic
schema = generic
[alembic]
cfg = {FOLDER}/alembic.ini
"""
ALEMBIC = """[alembic]
script_location = {migrations}
sqlalchemy.url = {database}
[loggers]
keys = root
[handlers]
keys = all
[formatters]
keys = plain
[logger_root]
level = WARNING
handlers = all
[handler_all]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = %(message)s
"""


def serve() -> None:
    from rucio.db.sqla.util import build_database, create_base_vo, create_root_account

    build_database()
    create_base_vo()
    create_root_account()
    from rucio.web.rest.flaskapi.v1.main import application
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", PORT, application, threaded=True)


def wait() -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{URL}/ping").close()
            return
        except urllib.error.URLError:
            time.sleep(0.2)
    sys.exit("the server does not answer")


def register() -> None:
    from rucio.client import Client
    from rucio.rse import rsemanager

    client = Client()
    client.add_scope("root", SCOPE)
    client.add_rse(STORAGE)
    access = dict.fromkeys(("read", "write", "delete"), 1)
    client.add_protocol(
        STORAGE,
        {
            "scheme": "file",
            "hostname": "localhost",
            "prefix": f"{FOLDER}/storage/",
            "impl": "rucio.rse.protocols.posix.Default",
            "domains": {"lan": access, "wan": access},
        },
    )
    settings = rsemanager.get_rse_info(STORAGE)
    for name, (path, checksum) in json.loads((FOLDER / "files.json").read_text()).items():
        (place,) = rsemanager.lfns2pfns(settings, [{"scope": SCOPE, "name": name}]).values()
        copy = Path(place.removeprefix("file://localhost"))
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
        client.add_replica(STORAGE, SCOPE, name, copy.stat().st_size, checksum)


def main() -> None:
    import rucio.db.sqla as database

    migrations = Path(str(database.__file__)).with_name("migrate_repo")
    (FOLDER / "alembic.ini").write_text(ALEMBIC.format(migrations=migrations, database=DATABASE))
    threading.Thread(target=serve, daemon=True).start()
    wait()
    register()
    print("ready", flush=True)
    threading.Event().wait()


(FOLDER / "client.cfg").write_text(CLIENT)
(FOLDER / "server.cfg").write_text(SERVER + CLIENT)
os.environ["RUCIO_CONFIG"] = str(FOLDER / "server.cfg")
main()
